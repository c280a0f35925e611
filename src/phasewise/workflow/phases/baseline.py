"""Phase 4: what must a network beat, and is the smallest network sound? (G01 G02 B01-B08)"""

from typing import Any

from phasewise.records.jobs import BaselinesJob, CheckupJob
from phasewise.workflow import config, recipes
from phasewise.workflow.dev import CODE, DEV, NETWORK, data_view
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.phases.goals import own_target
from phasewise.workflow.steps import Step
from phasewise.workflow.words import GateItem, Problem, Recommendation


def _baselines_job(view: Any) -> BaselinesJob:
    models = view.value("baseline.models") or recipes.baselines(view)
    # On pictures a network usually wins: a proposed goal that nobody chose must not be what shuts it out (G01).
    own = own_target(view)
    return BaselinesJob(
        phase="baseline", title="Baselines", data=data_view(view), models=list(models), target=view.value("goals.target") if own or view.kind == "tabular" else None,
        proposed=not own, seed=view.value("data.seed") or 0,
    )


def _checkup_job(view: Any) -> CheckupJob:
    return CheckupJob(
        phase="baseline", title="Network check-up", data=data_view(view), config=config.smallest(view),
        subset=view.value("baseline.subset"), seed=view.value("train.seed") or 0, device=view.value("train.device"),
    )


BASELINES = Step(
    slot="baselines", phase="baseline", title="Baselines", build=_baselines_job, evidence=("split",),
    answers=(*DEV, "goals.target", "baseline.models", "approach.weights_file", "approach.weights_network"), extra=lambda view: {"who chose goals.target": str(own_target(view))},
)
CHECKUP = Step(
    slot="checkup", phase="baseline", title="Network check-up", build=_checkup_job, evidence=("split",),
    answers=(*DEV, *NETWORK, "baseline.subset", "train.init", "train.seed"), code=CODE, wanted=lambda view: bool(view.value("baseline.checkup")),
)


def need(view: Any) -> Any:
    """The need-DL verdict, or None before the baselines have run."""
    found = view.current("baselines")
    return found.need if found else None


def networks_closed(view: Any) -> str:
    """Why networks are not tried: the verdict says no and nobody wrote a reason to go on (G01); empty when they are."""
    verdict = need(view)
    if verdict is not None and verdict.verdict == "no" and not view.value("baseline.go_on_reason"):
        return f"No network needed: {verdict.reason}"
    return ""


class Baseline(Phase):
    """Baselines, network check-up, need-DL verdict."""

    id = "baseline"
    advice_from = ("profile",)

    def steps(self) -> tuple[Step, ...]:
        """Ordinary models first, then the check-up of the smallest network."""
        return (BASELINES, CHECKUP)

    def recommend(self, view: Any) -> dict[str, Recommendation]:
        """The task's suite of ordinary models."""
        names = recipes.baselines(view)
        return {"models": Recommendation(value=names, reason="From a constant to boosted trees, all on the same rows (G02).")} if names else {}

    def problems(self, view: Any) -> list[Problem]:
        """Unknown baselines are named."""
        known = recipes.baselines(view)
        odd = [m for m in view.value("baseline.models") or [] if known and m not in known]
        return [Problem(phase="baseline", field="models", message=f"{odd[0]!r} is no baseline for this task.", remedy=f"Choose from {', '.join(known)}.")] if odd else []

    def gate(self, view: Any) -> list[GateItem]:
        """Numbers to beat, a sound network, and an answer to whether one is needed."""
        found, checkup = view.current("baselines"), view.current("checkup")
        best = found.models[0] if found and found.models else None
        items = [GateItem(id="baselines", ok=best is not None, overridable=False, text=f"to beat: {best.name} {best.validation.value:.4g}" if best else "baselines are measured")]
        if view.value("baseline.checkup"):
            fails = [v for v in checkup.verdicts if v.verdict == "fail"] if checkup else []
            text = "the smallest network is sound" if not fails else f"the check-up failed: {', '.join(v.id for v in fails)}"
            closed = bool(networks_closed(view))
            items.append(GateItem(id="checkup", ok=checkup is not None and (not fails or closed), text=text, overridable=checkup is not None, remedy="Read what the failed check says and repair it; `phasewise minimal` (m on the check-up page) undoes one simplification per run and names the suspect. Or write why you go on."))
        verdict = need(view)
        if verdict is not None:
            reason = view.value("baseline.go_on_reason")
            say = f"deep learning needed? {verdict.verdict}: {verdict.reason}"
            items.append(GateItem(id="need", ok=True, text=f"{say} Going on because: {reason}" if reason and verdict.verdict == "no" else say))
        return items

    def choices(self, view: Any, name: str) -> list[tuple[str, str]] | None:
        """The suite for the task."""
        return [(n, n.replace("_", " ")) for n in recipes.baselines(view)] if name == "baselines" else None

    def summary(self, view: Any) -> str:
        """Best baseline and the verdict."""
        found = view.latest("baselines")
        if found is None or not found.models:
            return ""
        best = found.models[0]
        return f"best: {best.name} {best.validation.value:.4g} [{best.validation.low:.4g}, {best.validation.high:.4g}]; network needed: {found.need.verdict}"
