"""Inspection and ablation jobs: of the candidate by itself at the end of the tune phase, of any model on request (V04-V10)."""

from collections.abc import Sequence
from typing import Any

from phasewise.records.errors import GateError, UsageError
from phasewise.records.jobs import AblateJob, InspectJob, TrySpec
from phasewise.records.models import ModelConfig
from phasewise.workflow import candidates, loop
from phasewise.workflow.change import checked, read
from phasewise.workflow.dev import data_view
from phasewise.workflow.foresight import shared_luck

PARTS: tuple[str, ...] = ("findings", "slices", "gallery", "confusion", "calibration", "importance", "pipeline", "threshold", "learning_curve", "lesion")
CHEAP: tuple[str, ...] = PARTS[:7]
"""What is looked at without being asked: seconds, nothing is trained again."""
REMOVALS: tuple[tuple[str, str, Any], ...] = (
    ("network.dropout", "dropout", []), ("network.batch_norm", "batch norm", False), ("network.embeddings", "embeddings", False),
    ("network.numeric_embedding", "numeric embeddings", "none"), ("network.members", "implicit members", 1),
    ("train.weight_decay", "weight decay", 0.0), ("train.label_smoothing", "label smoothing", 0.0), ("train.schedule", "the schedule", "constant"),
    ("train.class_weights", "class weights", "none"), ("train.sampling", "class sampling", "none"), ("train.augment", "augmentation", {}),
    ("train.ema", "weight averaging", None), ("train.clip_norm", "gradient clipping", None),
)
"""Components of a config with the value that means without."""


def cheap(view: Any, family: str) -> tuple[str, ...]:
    """What is looked at by itself: of residual networks also what each block is worth (X12)."""
    return (*CHEAP, "lesion") if view.kind == "images" and family.startswith("resnet") else CHEAP


def subject(view: Any) -> Any:
    """The model that tune ends with: the candidate before models are combined, or None."""
    advice = candidates.recommend(view, combined=False)
    return advice[0] if advice else None


def inputs(view: Any, model: str, digest: str, parts: tuple[str, ...]) -> dict[str, str]:
    """Fingerprints of an inspection: the model's files, the rows it is judged on, what was asked."""
    return {"model": f"{model}@{digest}", "evidence:split": view.key("split"), "parts": ",".join(sorted(parts))}


def known(view: Any, model: str, digest: str, parts: tuple[str, ...]) -> Any:
    """The newest inspection of this very model that holds all these parts, or None."""
    want = inputs(view, model, digest, parts)
    for item in reversed(view.facts.evidence.by_slot.get(f"inspect:{model}", [])):
        same = all(item.inputs.get(k) == want[k] for k in ("model", "evidence:split"))
        if same and set(parts) <= set(item.inputs.get("parts", "").split(",")):
            return item
    return None


def due(view: Any) -> InspectJob | None:
    """The inspection of the model that tune ends with, when there is none yet."""
    model = subject(view)
    if model is None or not view.value("tune.inspect"):
        return None
    if known(view, model.ref, model.digest, PARTS[1:6]) is not None:
        return None
    return job(view, model.ref, parts=cheap(view, model.family), digest=model.digest)


def job(view: Any, ref: str, *, parts: tuple[str, ...] = CHEAP, digest: str = "", phase: str = "tune") -> InspectJob:
    """An inspection of one model on validation rows. Raises `UsageError` for an unknown part."""
    odd = [p for p in parts if p not in PARTS]
    if odd:
        import difflib

        near = difflib.get_close_matches(odd[0], PARTS, n=1)
        raise UsageError(f"unknown part {odd[0]!r} of an inspection", f"Parts: {', '.join(PARTS)}.", f"Did you mean {near[0]!r}?" if near else "")
    return InspectJob(
        phase=phase, title=f"Inspect {ref.partition('/')[2] or ref}", data=data_view(view), model=ref, parts=list(parts), seed=view.value("data.seed") or 0,
        device=view.value("train.device"), inputs=inputs(view, ref, digest, parts), evaluations=loop.evaluations(view), shared_luck=shared_luck(view), **_seeds(view, ref),
    )


def _seeds(view: Any, ref: str) -> dict[str, list[float]]:
    """The metric per seed of an incumbent that an idea round put in force, and of what it replaced."""
    state = loop.read(view)
    if state is None or not state.adopted or state.incumbent.ref != ref:
        return {}
    tried = [i for item in state.rounds if item.job == "try_ideas" for i in item.result.ideas if i.id == state.adopted[-1]]
    return {"seeds": list(tried[-1].values), "base_seeds": list(tried[-1].base)} if tried else {}


def together(items: Sequence[Any]) -> Any:
    """One result out of several inspections of the same model (oldest first): the newest of every part; None without any."""
    if not items:
        return None
    out = items[-1].result
    same = [e.result for e in items if e.inputs.get("model") == items[-1].inputs.get("model")]
    found = {part: next((getattr(r, part) for r in reversed(same) if getattr(r, part)), getattr(out, part)) for part in (*PARTS, "coverage")}
    return out.model_copy(update=found)


def resolve(session: Any, named: str | None) -> tuple[str, str]:
    """Reference and digest of a model named `RUN/MODEL`, `RUN` (its own best model) or nothing (the candidate)."""
    if not named:
        found = candidates.chosen(session.view)
        if found is None:
            raise GateError("there is no model to inspect yet", "Neither baselines nor a network were trained.", "Run `phasewise run baseline` first.")
        return found.ref, found.digest
    run_id, _, name = named.partition("/")
    known = {run.id: run for run in session.runs()}
    if run_id not in known or "/" in name or ".." in name:
        import difflib

        near = difflib.get_close_matches(run_id, list(known), n=1)
        raise UsageError(f"there is no run {run_id!r}", "A model is named RUN/MODEL.", f"Did you mean {near[0]!r}?" if near else "See `phasewise runs`.")
    models = {m["ref"]: m for m in _models(known[run_id].result() or {})}
    kept = [ref for ref in models if ref.startswith(f"{run_id}/")]
    if not name:
        if not kept:
            raise UsageError(f"run {run_id} kept no model", "Only runs that train keep one.", "See `phasewise runs`.")
        name = kept[0].partition("/")[2]
    ref = f"{run_id}/{name}"
    if ref not in models:
        raise UsageError(f"there is no model {ref!r}", f"The run kept: {', '.join(kept) or 'none'}.", "Name one of these.")
    return ref, models[ref].get("digest", "")


def _models(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        here = [value] if "ref" in value and "validation" in value else []
        return here + [m for v in value.values() for m in _models(v)]
    return [m for v in value for m in _models(v)] if isinstance(value, list) else []


def components(config: ModelConfig) -> list[TrySpec]:
    """What a config has that could be taken away, one key each."""
    out, data = [], config.model_dump()
    for path, title, without in REMOVALS:
        now = read(data, path)
        if now != without and not (path == "network.dropout" and not any(now)):
            value = [0.0] * len(now) if path == "network.dropout" else without
            out.append(TrySpec(id=path.partition(".")[2].replace("_", "-"), title=f"without {title}", change={path: value}))
    return out


def ablation(session: Any, changes: list[dict[str, Any]] | None = None) -> AblateJob:
    """The incumbent's components (or the given one-key changes) taken away one at a time over the seeds of tune (V10)."""
    view = session.view
    state = loop.read(view)
    if state is None:
        raise GateError("there is no trained network to take apart", "An ablation trains the incumbent without each of its parts.", "Run `phasewise run train` first.")
    own = [TrySpec(id=f"change-{i}", title=", ".join(f"{k} = {v}" for k, v in c.items()), change=checked(state.config, c)) for i, c in enumerate(changes or [], 1)]
    parts = own or components(state.config)
    if not parts:
        raise UsageError("this network has nothing to take away", "No regulariser, schedule or embedding is in use.", "Name changes with --change KEY=VALUE.")
    return _ablate(view, state, parts, title="Ablation")


def _ablate(view: Any, state: loop.Loop, parts: list[TrySpec], *, title: str, prune: bool = False) -> AblateJob:
    from phasewise.workflow.phases.tune import round_inputs

    seed = view.value("train.seed") or 0
    return AblateJob(
        phase="tune", title=title, data=data_view(view), config=state.config, components=parts, prune=prune,
        seeds=list(range(seed, seed + view.value("tune.seeds"))), seed=seed, device=view.value("train.device"),
        inputs=round_inputs(view, state, ["prune" if prune else "ablate", [p.model_dump() for p in parts]]),
    )


def prune_round(session: Any) -> AblateJob:
    """Every adopted idea taken away again, one at a time; what no longer pays goes (I10, V10)."""
    view = session.view
    state = loop.read(view)
    if state is None or not state.adopted:
        raise GateError("there is nothing to take away", "No idea has been adopted.", "Adopt some first.")
    parts = []
    for place, idea_id in enumerate(state.adopted):
        later = {path for other in state.adopted[place + 1 :] for path in state.changes[other]}
        # A setting that a later idea took over is that idea's by now.
        back = {path: value for path, value in state.before[idea_id].items() if path not in later}
        if not back:
            continue
        idea = session.facts.ideas.get(idea_id)
        parts.append(TrySpec(id=idea_id, title=f"without {idea.title if idea else idea_id}", change=back))
    return _ablate(view, state, parts, title="Take additions away again", prune=True)
