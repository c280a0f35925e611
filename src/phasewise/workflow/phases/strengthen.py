"""Phase 7: is more worth it? (X01, X03-X07; offered last)"""

from typing import Any

from phasewise.records.jobs import CombineJob, PruneJob
from phasewise.workflow import loop
from phasewise.workflow.dev import data_view
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.phases.baseline import networks_closed
from phasewise.workflow.phases.train import wanted
from phasewise.workflow.phases.tune import COSTLY, fit_work
from phasewise.workflow.steps import Step
from phasewise.workflow.words import GateItem, Problem, Recommendation


def _job(view: Any) -> CombineJob:
    state = loop.read(view)
    assert state is not None
    models = [state.incumbent.ref]
    baselines = view.current("baselines")
    if view.value("strengthen.with_baselines") and baselines:
        models += [m.ref for m in baselines.models if m.family != "dummy"][:2]
    options = {k: True for k in ("tta",) if view.value(f"strengthen.{k}")}
    return CombineJob(
        phase="strengthen", title="Combine models", data=data_view(view), config=state.config, members=view.value("strengthen.members"),
        models=models, methods=list(view.value("strengthen.combine")), options=options, seed=view.value("train.seed") or 0,
        device=view.value("train.device"),
    )


COMBINE = Step(
    slot="combine", phase="strengthen", title="Combine models", build=_job, evidence=("tune", "baselines"),
    answers=("strengthen.members", "strengthen.combine", "strengthen.with_baselines", "strengthen.tta"),
    wanted=lambda view: wanted(view) and bool(view.value("strengthen.do")),
)


def _prune_job(view: Any) -> PruneJob:
    state = loop.read(view)
    assert state is not None
    return PruneJob(phase="strengthen", title="Make the network smaller", data=data_view(view), model=state.incumbent.ref, seed=view.value("train.seed") or 0, device=view.value("train.device"))


PRUNE = Step(
    slot="prune", phase="strengthen", title="Make the network smaller", build=_prune_job, evidence=("tune",), answers=("strengthen.prune",),
    wanted=lambda view: wanted(view) and bool(view.value("strengthen.do")) and bool(view.value("strengthen.prune")),
)


class Strengthen(Phase):
    """Ensembles, when the goal asks for more; a smaller network, when asked for (X09-X11)."""

    id = "strengthen"
    advice_from = ("fit", "try_ideas", "search")

    def steps(self) -> tuple[Step, ...]:
        """Combine, then prune."""
        return (COMBINE, PRUNE)

    def not_needed(self, view: Any) -> str:
        """No network, or the answer was no."""
        closed = networks_closed(view)
        if closed or view.value("strengthen.do") is not False or loop.read(view) is None:
            return closed
        return "The goal is reached without it." if loop.goal_met(view, loop.read(view).incumbent) else "Left out by choice."  # type: ignore[union-attr]

    def recommend(self, view: Any) -> dict[str, Recommendation]:
        """Only when the goal is not reached yet (X01)."""
        state = loop.read(view)
        if state is None:
            return {}
        met = loop.goal_met(view, state.incumbent)
        why = "The goal is reached; more models would only cost more." if met else "The goal is not reached: several seeds and the best baseline together often add a little (X03, X05)."
        out = {"do": Recommendation(value=not met, reason=why)}
        if fit_work(view) > COSTLY:
            out["members"] = Recommendation(value=3, reason="This network is costly; most of the gain comes with the first few (X03).")
        return out

    def problems(self, view: Any) -> list[Problem]:
        """Pruning takes channels out of one network: an average over folds has none (X10)."""
        if not PRUNE.wanted(view) or not view.value("data.folds"):
            return []
        return [Problem(phase="strengthen", field="prune", message="The model is an average over folds; only a single network can be made smaller.", remedy="Answer no, or split with one validation part (data.folds=0, data.validation_share=0.2).")]

    def gate(self, view: Any) -> list[GateItem]:
        """Combined, when asked for."""
        if not COMBINE.wanted(view):
            return []
        found = view.current("combine")
        text = f"{found.best.name}: gain {found.gain:+.4g} [{found.low:+.4g}, {found.high:+.4g}]" if found else "models are combined"
        return [GateItem(id="combined", ok=found is not None, text=text, overridable=False)]

    def summary(self, view: Any) -> str:
        """What combining and pruning brought."""
        found, smaller = view.latest("combine"), view.latest("prune")
        said = [f"{found.best.name} {found.best.validation.value:.4g}, gain {found.gain:+.4g} [{found.low:+.4g}, {found.high:+.4g}]"] if found else []
        if smaller:
            faster = (smaller.speed.get("rows_per_second") or {}).get("times")
            said.append(f"pruned {smaller.pruned.validation.value:.4g}" + (f", {faster:.2f} times as fast" if faster else ""))
        return "; ".join(said)
