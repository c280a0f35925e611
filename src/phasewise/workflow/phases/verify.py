"""Phase 8: does it hold on the sealed test set? (E01-E04, L06)"""

from typing import Any

from phasewise.records.base import fingerprint
from phasewise.records.jobs import OpenVaultJob
from phasewise.records.metrics import meets, standing
from phasewise.workflow import candidates, foresight, loop
from phasewise.workflow.dev import data_view
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.phases.goals import own_target
from phasewise.workflow.steps import Step
from phasewise.workflow.words import GateItem, Problem, Recommendation


def freeze_digest(view: Any) -> str:
    """The frozen candidate as one digest: model files, recipe, threshold, claim (E01)."""
    model = candidates.chosen(view)
    parts = [model.ref, model.digest, model.config, model.threshold, view.value("verify.claim"), view.value("goals.metric"), view.value("goals.target")]
    return fingerprint(parts)


def _job(view: Any) -> OpenVaultJob:
    model = candidates.chosen(view)
    found = view.current("baselines")
    others = [m for m in found.models if m.ref != model.ref] if found else []
    told = foresight.read(view)
    return OpenVaultJob(
        phase="verify", title="Open the vault", data=data_view(view), model=model.ref, freeze=freeze_digest(view),
        claim=view.value("verify.claim") or "target", target=view.value("goals.target"), margin=view.value("verify.margin"),
        baselines=[m.ref for m in others], rival=_constant(others) if model.source == "baseline" else "", predicted=view.value("verify.predicted"),
        expected=told.corrected if told else None, foreseen=(told.low, told.high) if told else None, reason=view.value("verify.reason") or "",
        evaluations=loop.evaluations(view), changes=_changes(view), seed=view.value("data.seed") or 0,
    )


def _extra(view: Any) -> dict[str, str]:
    return {"candidate": candidates.identity(view)}


OPEN = Step(slot="open_vault", phase="verify", title="Open the vault", build=_job, evidence=("split",), extra=_extra, answers=("verify.claim", "verify.margin", "goals.metric"))


def _constant(models: list[Any]) -> str:
    """The constant prediction: what a candidate that is itself a baseline must beat."""
    return next((m.ref for m in models if m.family == "dummy"), "")


def _claim(view: Any, model: Any) -> Recommendation:
    """The goal is the claim where a person set it or where it is within reach; a proposed goal out of reach claims nothing."""
    target, metric = view.value("goals.target"), view.metric
    own = own_target(view)
    if target is None or metric is None or own or meets(metric.id, model.validation.value, target):
        return Recommendation(value="target", reason="The goal is a number: that number is what is tested.")
    rival = "a constant" if model.source == "baseline" else "every baseline"
    return Recommendation(value="better_than_baseline", reason=f"No goal of your own was set and the proposed one ({target:g}) is out of reach: what can be shown is that it beats {rival}.")


class Verify(Phase):
    """Freeze, predict, look once."""

    id = "verify"
    advice_from = ("baselines", "fit", "try_ideas", "search", "combine")

    def steps(self) -> tuple[Step, ...]:
        """One look."""
        return (OPEN,)

    def next_job(self, view: Any) -> Any:
        """The look, once there is a candidate and the predicted score is written down."""
        if candidates.chosen(view) is None or self.problems(view):
            return None
        return super().next_job(view)

    def recommend(self, view: Any) -> dict[str, Recommendation]:
        """The winner on validation, the claim of the goal, what validation foretells as the prediction."""
        advice = candidates.recommend(view)
        if advice is None:
            return {}
        model, why = advice
        named = view.explicit("verify.candidate")
        shown = next((m for m in candidates.pool(view) if m.ref == named), model)
        told = foresight.expected(view, shown)
        score, span = (told[0], f", with 95 % between {told[1]:.4g} and {told[2]:.4g}") if told is not None else (shown.validation.value, "")
        return {
            "candidate": Recommendation(value=model.ref, reason=why),
            "claim": _claim(view, shown),
            "predicted": Recommendation(value=round(score, 4), reason=f"Its validation score less the luck of choosing{span}; write what you really expect."),
        }

    def problems(self, view: Any) -> list[Problem]:
        """The candidate must exist; a second look needs a reason."""
        out: list[Problem] = []
        named = view.explicit("verify.candidate")
        refs = [m.ref for m in candidates.pool(view)]
        if named and named not in refs:
            out.append(Problem(phase="verify", field="candidate", message=f"{named!r} is not among the models of this project.", remedy=f"Choose one of {', '.join(refs[:6])}."))
        looks = view.facts.looks_now
        if looks and view.current("open_vault") is None:
            if len(looks) >= foresight.LOOKS:
                out.append(Problem(phase="verify", field="reason", message=f"{foresight.LOOKS} looks were taken: no other is allowed at this test set.", remedy="Take back what changed, or make new sets from real cases: phasewise vault renew FILE --reason TEXT"))
                return out
            told = f"The vault has been opened {'once' if len(looks) == 1 else f'{len(looks)} times'}: these rows are no longer unseen."
            given, used = (view.value("verify.reason") or "").strip(), {str(look.get("reason") or "").strip() for look in looks}
            if not given or given in used:
                again = " The reason given is that of an earlier look." if given else ""
                out.append(Problem(phase="verify", field="reason", message=told + again, remedy="Write what changed since and why another look is right; the report will show it."))
        return out

    def gate(self, view: Any) -> list[GateItem]:
        """One look, and a result that supports the claim; a goal that nobody chose (the proposed one) shuts no door."""
        found, model = view.current("open_vault"), candidates.chosen(view)
        broken = candidates.over_limits(view, model) if model is not None else ""
        limits = [GateItem(id="limits", ok=False, text=broken, remedy="Choose a faster or smaller model, or write why the limit may be broken.")] if broken else []
        if found is None:
            return [*limits, GateItem(id="opened", ok=False, text="the frozen candidate is tested on the sealed rows", overridable=False)]
        score = found.test
        text = f"test {score.metric} {score.value:.4g} [{score.low:.4g}, {score.high:.4g}]"
        items = [*limits, GateItem(id="opened", ok=True, text=text, overridable=False)]
        target, metric = view.value("goals.target"), view.metric
        if target is not None and metric is not None and (view.value("verify.claim") or "target") == "target":
            stands = standing(metric.id, score.low, score.high, target)
            held, say = stands != "missed", {"reached": "the whole interval meets the goal", "open": "the interval reaches the goal, not all of it", "missed": "the interval misses the goal"}[stands]
            own = own_target(view)
            if not held and not own:
                say = "no goal of your own was set; the interval misses the proposed first goal"
            items.append(GateItem(id="goal-held", ok=held or not own, text=f"{say} {target:g}", remedy="Go back to tune with a reason, or write why this score is enough."))
        items.append(GateItem(id="agrees", ok=found.verdict not in ("disagrees", "suspiciously_better"), text=f"{found.verdict.replace('_', ' ')}: {found.reason}", remedy="Enlarge validation and tune again (E03), or write why you go on."))
        return items

    def choices(self, view: Any, name: str) -> list[tuple[str, str]] | None:
        """All models that could be frozen."""
        if name != "candidates":
            return None
        return [(m.ref, f"{m.name} ({m.source}) {m.validation.value:.4g}") for m in candidates.pool(view)]

    def locked_fields(self, view: Any) -> dict[str, str]:
        """The predicted score stays as it was once the vault has been opened for this candidate."""
        return {"predicted": "The vault is open: a prediction written now would not be one."} if view.current("open_vault") else {}

    def summary(self, view: Any) -> str:
        """Test score, interval, looks."""
        found = view.current("open_vault") or view.latest("open_vault")
        if found is None:
            return ""
        first = first_look(view)
        headline = f" (level {found.level:.4g}; first look {first.test.value:.4g})" if first is not None and found.looks > 1 else ""
        return f"test {found.test.value:.4g} [{found.test.low:.4g}, {found.test.high:.4g}]{headline}, {found.verdict.replace('_', ' ')}{_beside_goal(view, found)}, looks: {max(found.looks, len(view.facts.looks_now))}"


def _beside_goal(view: Any, found: Any) -> str:
    """What became of the goal where the claim was another one."""
    if found.claim != "better_than_baseline" or found.target is None or view.metric is None:
        return ""
    word = {"reached": "reached", "open": "not decided", "missed": "missed"}[standing(view.metric.id, found.test.low, found.test.high, found.target)]
    rival = "a constant" if "baselines/" in found.model else "every baseline"
    return f" (claim: better than {rival}; goal {found.target:g} {word})"


def first_look(view: Any) -> Any:
    """The result of the first opening of the generation in force: it stays the headline (7.7)."""
    found = (e.result for e in view.facts.evidence.all(["open_vault"]))
    return next((r for r in found if r.generation == view.facts.generation), None)


def _changes(view: Any) -> list[str]:
    """What changed since the look before, as the evidence's own inputs tell it (7.7)."""
    if not view.facts.looks_now:
        return []
    old, new = view.evidence("open_vault"), candidates.chosen(view)
    said = [r for r in (old.stale_because if old is not None else ()) if not r.startswith("candidate")]
    before = view.facts.evidence.latest("open_vault")
    was = before.result.model if before is not None else ""
    return ([f"the candidate is {new.ref}, it was {was}"] if was and was != new.ref else []) + said
