"""What the workflow reads of a kind's recipe; the one place that knows its shape, forgiving about what a kind leaves out."""

from collections.abc import Callable
from typing import Any

from phasewise.records.ideas import Estimates, Idea
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
from phasewise.workflow.words import Recommendation

SMALL = 1000
"""Training rows below which a table counts as small."""
SYMMETRIES = ("mirror_ok", "upside_down_ok", "rotation_ok", "colour_matters", "text_in_image")
"""Answers of the approach about what may happen to a picture (D21)."""


def _get(recipe: Any, name: str, default: Any) -> Any:
    if isinstance(recipe, dict):
        return recipe.get(name, default)
    return getattr(recipe, name, default)


def _task(view: Any) -> str:
    return view.value("data.task") or "binary"


def _for_task(found: Any, task: str) -> Any:
    """A value per task: by the task's id, by `classification`, or one for all."""
    if not isinstance(found, dict):
        return found
    for name in (task, "classification" if task != "regression" else "", "all"):
        if name in found:
            return found[name]
    return ()


def families(view: Any) -> list[tuple[str, str]]:
    """Network families, smallest first: id and title."""
    found = _get(view.recipe, "families", ())
    if isinstance(found, dict):
        return [(str(k), v if isinstance(v, str) else str(_get(v, "title", k))) for k, v in found.items()]
    return [(i, i.replace("_", " ")) if isinstance(i, str) else (str(_get(i, "id", i)), str(_get(i, "title", i))) for i in found]


def first_family(view: Any) -> str:
    """The smallest family, where every project starts (A10)."""
    named = _get(view.recipe, "smallest", "")
    known = [f for f, _ in families(view)]
    return named or ("one_hidden" if "one_hidden" in known else known[0] if known else "")


def recipes(view: Any) -> list[tuple[str, str, str]]:
    """Recipes by analogy (A01): id, title, reason."""
    found = _for_task(_get(view.recipe, "recipes", ()), _task(view))
    out = []
    for item in found:
        if isinstance(item, str):
            out.append((item, item.replace("_", " "), "The usual recipe for this kind of data."))
        else:
            tasks = _get(item, "tasks", ())
            if not tasks or _task(view) in tasks:
                out.append((str(_get(item, "id", "")), str(_get(item, "title", "")), str(_get(item, "reason", "") or _get(item, "why", ""))))
    return out


def first_recipe(view: Any) -> tuple[str, str, str] | None:
    """The recipe to start from: by rows and by what the columns are, where the kind tells its recipes apart that way."""
    found = {r[0]: r for r in recipes(view)}
    profile = view.profile()
    if not found:
        return None
    if profile is not None and "table-small" in found:
        mixed = any(c.role == "category" and c.name != profile.target for c in profile.columns)
        named = "table-small" if train_rows(view) < SMALL else "table-mixed" if mixed else "table-numbers"
        return found.get(named) or next(iter(found.values()))
    hook = _get(view.recipe, "first_recipe", None)
    if callable(hook):
        known = context(view)
        return found.get(hook(known["side"], known["weights"])) or next(iter(found.values()))
    return next(iter(found.values()))


def losses(view: Any) -> list[str]:
    """Losses for the task, the usual one first (A04-A08)."""
    found = _for_task(_get(view.recipe, "losses", ()), _task(view)) or ["auto"]
    return [i if isinstance(i, str) else str(_get(i, "id", "")) for i in found]


def loss_reason(view: Any) -> str:
    """Why the first loss is the usual one."""
    texts = {
        "regression": "Squared error is the usual loss for numbers (A04); try Huber or L1 when there are outliers.",
        "multiclass": "Cross-entropy is the usual loss for more than two classes (A05).",
        "binary": "Binary cross-entropy on one output is the usual loss for two classes (A06).",
    }
    return texts[_task(view)]


def baselines(view: Any) -> list[str]:
    """Baselines for the task, cheapest first (G02)."""
    found = _for_task(_get(view.recipe, "baselines", ()), _task(view))
    return [i if isinstance(i, str) else str(_get(i, "id", "")) for i in found]


def train_defaults(view: Any, *, quick: bool) -> dict[str, Recommendation]:
    """Family, optimiser, schedule, epochs, batch size by the kind's own rules."""
    hook = _get(view.recipe, "train_defaults", None)
    rows = train_rows(view)
    if callable(hook):
        found = hook(rows=rows, task=_task(view), quick=quick, family=view.explicit("train.family") or "", **context(view))
    else:
        found = _usual(view, rows, quick)
    out = {}
    for name, item in found.items():
        value, why = item if isinstance(item, tuple) else (item, "The kind's usual choice.")
        out[name] = Recommendation(value=value, reason=why)
    return out


def scratch_control(view: Any, made: Any) -> Any:
    """The config of the from-scratch control of a network with pretrained weights (A03); None where none are used."""
    hook = _get(view.recipe, "scratch_control", None)
    return hook(made, train_rows(view)) if callable(hook) else None


def _usual(view: Any, rows: int, quick: bool) -> dict[str, tuple[Any, str]]:
    """Defaults for a kind that names none of its own: the step budget decides about epochs."""
    known = [f for f, _ in families(view)]
    strong = _get(view.recipe, "strong", "") or ("mlp" if "mlp" in known else known[-1] if known else "mlp")
    batch = 32 if rows < 2_000 else 128 if rows < 20_000 else 256
    epochs = max(10, min(100, round((2_000 if quick else 6_000) * batch / max(rows, 1))))
    return {
        "family": (first_family(view) if quick else strong, "The smallest network gives a first answer fast." if quick else "Strong enough to be worth training, small enough for minutes."),
        "optimizer": ("adamw", "Adam with decoupled weight decay works without much tuning (T06)."),
        "schedule": ("one_cycle", "Warm up, then anneal: a good score in a fixed number of steps (T12)."),
        "batch_size": (batch, f"For {rows:,} training rows: enough steps an epoch, enough rows a step."),
        "epochs": (epochs, f"About {epochs * max(rows, 1) // batch:,} steps."),
        "weight_decay": (0.01, "A little never hurt; the tune phase looks for the right amount (R03)."),
    }


def train_ladder(view: Any) -> list[str]:
    """Rungs of the fitting ladder in order (L03); empty lets the worker take its own."""
    return [str(r) for r in _get(view.recipe, "train_ladder", ())]


def train_rows(view: Any) -> int:
    """Training rows as far as known."""
    profile, split = view.profile(), view.latest("split")
    if split and "train" in split.parts:
        return split.parts["train"].rows
    return profile.rows if profile else 1000


def family_config(view: Any, family: str) -> ModelConfig:
    """Network and training of a family with the kind's own defaults."""
    hook = _get(view.recipe, "config", None)
    if callable(hook):
        known = {k: v for k, v in context(view).items() if k in ("side", "folds", "heavy", "asked", "expected")}
        return hook(family, train_rows(view), quick=view.value("train.purpose") == "quick", seed=view.value("train.seed") or 0, **known)
    return ModelConfig(network=NetworkSpec(family=family), train=TrainSpec(schedule="one_cycle", weight_decay=0.01))


def context(view: Any) -> dict[str, Any]:
    """What a kind's hooks ask for besides rows and task (pictures: side, channels, whether weights are given)."""
    hook = _get(view.recipe, "context", None)
    profile = view.profile()
    return hook(_found(view), profile.reading if profile else {}) if callable(hook) else {}


def _found(view: Any) -> Callable[[str], Any]:
    """Answers by name, the weights file as a path that can be looked at."""
    def value(name: str) -> Any:
        held = view.value(name)
        return str(view.files.path(held)) if held and name == "approach.weights_file" else held

    return value


def augmentation(view: Any, answers: dict[str, Any], family: str) -> dict[str, Any]:
    """The kind's augmentation policy under the symmetry answers, or nothing."""
    hook = _get(view.recipe, "policy", None)
    if not callable(hook):
        return {}
    known = {k: v for k, v in context(view).items() if k in ("side", "channels")}
    return hook(answers, family=family, **known)


def writing(view: Any) -> bool:
    """Whether the classes are digits or letters, which no mirror may touch (D21)."""
    hook, profile = _get(view.recipe, "is_writing", None), view.profile()
    return bool(callable(hook) and profile and hook([b.label for b in profile.classes]))


def resolved(view: Any, spec: NetworkSpec) -> NetworkSpec:
    """A network spec with what was left open filled in by the kind, so that ideas can change it."""
    hook = _get(view.recipe, "resolve", None)
    return hook(spec) if callable(hook) else spec


def space(view: Any, *, expert: bool) -> dict[str, Any]:
    """The search space of the family in use (T19-T22)."""
    found = _get(view.recipe, "space", {})
    if callable(found):
        from phasewise.workflow.config import inputs, outputs

        own = dict(found(view.value("train.family") or "", _task(view), inputs=inputs(view), outputs=outputs(view), expert=expert))
        if view.kind == "tabular" and view.value("approach.auxiliary") and not view.value("approach.auxiliary_learned"):
            own["network.options.auxiliary_weight"] = {"kind": "log", "lo": 1e-2, "hi": 1e2}  # the weight of a loss is one more setting (A09)
        return own
    return dict(found)


def ladder(view: Any) -> list[str]:
    """Idea ids or categories of the playbook named in tune.ladder, first rung first (R23); empty for simplest-first."""
    return list(_get(view.recipe, "ladders", {}).get(view.value("tune.ladder"), ()))


def ideas(view: Any) -> list[tuple[Idea, tuple[str, ...]]]:
    """The kind's standard techniques as ideas with estimates (I02), each with the diagnoses it is a cure for."""
    out = []
    found = _get(view.recipe, "ideas", ())
    absent = _unfit(view)
    for item in found(view.value("train.family") or "", _task(view)) if callable(found) else found:
        if isinstance(item, Idea):
            out.append((item, tuple(_get(item, "cures", ()))))
            continue
        tasks = _get(item, "tasks", ())
        if _get(item, "id", "") in absent or _get(item, "by_hand", False) or tasks and _task(view) not in tasks:
            continue
        estimates = Estimates(
            hours=_get(item, "hours", None) or None, complexity=_get(item, "complexity", 1), impact=_get(item, "impact", None),
            likelihood=_get(item, "likelihood", None),
        )
        cures = _get(item, "cures", ()) or _get(item, "for_", ()) or _get(item, "when", ())
        idea = Idea(
            id=str(_get(item, "id", "")), title=str(_get(item, "title", "")), category=str(_get(item, "category", "other")),
            source=str(_get(item, "source", "")), change=dict(_get(item, "change", {})), estimates=estimates, why=str(_get(item, "why", "") or _get(item, "reason", "")),
        )
        out.append((idea, (cures,) if isinstance(cures, str) else tuple(cures)))
    return out


def _unfit(view: Any) -> set[str]:
    """Ids of the kind's ideas that the answers, the classes or what has run already speak against."""
    hook = _get(view.recipe, "unfit", None)
    if not callable(hook):
        return set()
    profile, split = view.profile(), view.latest("split")
    counts = list(split.parts["train"].classes.values()) if split and "train" in split.parts else []
    counts = counts or [b.count for b in profile.classes] if profile else counts
    names = [n for n in SYMMETRIES if view.explicit(f"approach.{n}") is not None]
    known = context(view)
    return hook(
        {n: view.value(f"approach.{n}") for n in SYMMETRIES}, names, side=known.get("asked") or known.get("side") or 0,
        rarest=min(counts) / max(max(counts), 1) if counts else 0.0, controlled=view.latest("scratch") is not None, channels=int(known.get("channels") or 3),
    )
