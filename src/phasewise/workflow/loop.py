"""The state of the tune loop: start, rounds, incumbent, budget, and when to stop (L08, B07). Pure functions of the view."""

from dataclasses import dataclass, field
from typing import Any

from phasewise.records.errors import GateError
from phasewise.records.metrics import better, meets
from phasewise.records.models import ModelConfig, apply_change
from phasewise.workflow.change import read as read_path
from phasewise.workflow.evidence import Evidence

ROUND_SLOTS = ("try_ideas", "search", "ablate")

PRUNE_AFTER = 5
"""Adopted ideas after which a prune round is due (I10)."""


@dataclass(kw_only=True)
class Loop:
    """Where the loop stands."""

    start: Any
    """The model result of the fit (or ladder) the loop set out from."""
    incumbent: Any
    config: ModelConfig
    rounds: list[Evidence] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Adopted idea -> what it set."""
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Adopted idea -> the values its settings had before."""
    pruned_at: int = 0
    """How many ideas had been adopted at the last prune round (I10)."""
    tried: set[str] = field(default_factory=set)
    """Ids of ideas tried against the incumbent or an earlier one, better ones that were not adopted excluded."""
    trials: int = 0
    hours: float = 0.0
    without_gain: int = 0
    searches: int = 0
    winner: dict[str, Any] | None = None
    """Config change a search found and that has not been confirmed over seeds yet."""


def base_inputs(view: Any) -> dict[str, str]:
    """What every round depends on: the fit it sets out from."""
    return {f"evidence:{slot}": view.key(slot) for slot in ("fit", "ladder")}


def start_model(view: Any) -> Any:
    """The model the loop sets out from: the ladder's, when it is better, else the fit's."""
    fit, ladder = view.current("fit"), view.current("ladder")
    if fit is None:
        return None
    if ladder and ladder.model and better(view.value("goals.metric"), ladder.model.validation.value, fit.model.validation.value):
        return ladder.model
    return fit.model


def rounds(view: Any) -> list[Evidence]:
    """The rounds that set out from the present fit, in order."""
    base = base_inputs(view)
    return [e for e in view.facts.evidence.all(ROUND_SLOTS) if all(e.inputs.get(k) == v for k, v in base.items())]


def read(view: Any) -> Loop | None:
    """The loop folded from its rounds, or None before there is a fit."""
    start = start_model(view)
    if start is None or not start.config:
        return None
    loop = Loop(start=start, incumbent=start, config=ModelConfig.model_validate(start.config))
    for item in rounds(view):
        loop.rounds.append(item)
        loop.hours += item.seconds / 3600
        if item.job == "search":
            _take_search(loop, item)
        elif item.job == "ablate":
            _take_prune(loop, item)
        else:
            _take_ideas(view, loop, item)
    return loop


def _take_search(loop: Loop, item: Evidence) -> None:
    loop.trials += len(item.result.trials)
    loop.searches += 1
    loop.winner = dict(item.result.best_change) if item.result.best_change else None


def winning(result: Any) -> Any:
    """The idea of a round to adopt: the largest gain among those beyond noise, or None."""
    good = [i for i in result.ideas if i.verdict == "better"]
    return max(good, key=lambda i: (i.gain, i.id), default=None)


def _take_ideas(view: Any, loop: Loop, item: Evidence) -> None:
    result = item.result
    loop.trials += result.trials
    best = winning(result)
    for idea in result.ideas:
        if idea.verdict != "better" or (best is not None and idea.id == best.id):
            loop.tried.add(idea.id)
        if idea.id.startswith("search-"):
            loop.winner = None
    if best is None:
        loop.without_gain += len(result.ideas)
        return
    loop.without_gain = 0
    loop.adopted.append(best.id)
    old = loop.config.model_dump()
    loop.changes[best.id] = dict(best.change)
    loop.before[best.id] = {path: read_path(old, path) for path in best.change}
    loop.config = ModelConfig.model_validate(best.model.config) if best.model and best.model.config else apply_change(loop.config, best.change)
    loop.incumbent = best.model or loop.incumbent


def _take_prune(loop: Loop, item: Evidence) -> None:
    """A prune round takes adopted ideas away again that no longer pay (I10); a plain ablation changes nothing."""
    result = item.result
    if not result.prune:
        return
    loop.adopted = [i for i in loop.adopted if i not in result.removed]
    loop.pruned_at = len(loop.adopted)
    if result.pruned is not None and result.pruned.config:
        loop.config = ModelConfig.model_validate(result.pruned.config)
        loop.incumbent = result.pruned


def prune_due(loop: Loop) -> bool:
    """Whether enough was added since the last prune round (I10)."""
    return len(loop.adopted) - loop.pruned_at >= PRUNE_AFTER


def goal_met(view: Any, model: Any) -> bool:
    """Whether a model's validation score meets the goal, by its value or by its interval as goals.stop_rule says."""
    target, metric = view.value("goals.target"), view.metric
    if target is None or metric is None or model is None:
        return False
    score = model.validation
    if view.value("goals.stop_rule") == "interval":
        return meets(metric.id, score.low if metric.maximize else score.high, target)
    return meets(metric.id, score.value, target)


def budget(view: Any) -> int:
    """Trials the loop may spend."""
    own = view.value("tune.budget_trials")
    return int(own if own is not None else view.value("goals.budget_trials") or 24)


def allowed(view: Any) -> int:
    """Trials the loop may have spent: the budget, and once more from where it last went on with a reason."""
    facts, own = view.facts, budget(view)
    return own if not facts.goal_overrides else own + (own * facts.goal_overrides if facts.went_on_at is None else facts.went_on_at)


def stop_reason(view: Any, loop: Loop) -> str:
    """Why the loop is over, or an empty text while it is not (L08); a written reason buys one more budget of trials, whatever had stopped it."""
    if view.facts.goal_overrides:
        return "" if loop.trials < allowed(view) else f"the {budget(view)} more trials of going on are spent"
    if goal_met(view, loop.incumbent):
        return "the goal is reached on validation"
    if loop.trials >= allowed(view):
        return f"the budget of {budget(view)} trials is spent"
    hours = view.value("goals.budget_hours")
    if hours is not None and loop.hours >= hours:
        return f"the budget of {hours:g} hours is spent"
    patience = view.value("goals.ideas_without_gain") or 10
    if loop.without_gain >= patience:
        return f"{patience} ideas in a row brought no gain"
    return ""


def going_on(view: Any) -> dict[str, Any]:
    """What the journal keeps where the loop goes on: trials spent so far, and why it had stopped. Raises `GateError` while it has not."""
    state = read(view)
    stopped = stop_reason(view, state) if state is not None else ""
    if state is None or not stopped:
        raise GateError("the tune loop has not stopped", "There is no trained network to tune." if state is None else "It has trials left before its budget or its goal ends it.", "Run `phasewise run tune` first.")
    return {"trials": state.trials, "after": stopped}


def evaluations(view: Any) -> int:
    """How many validation evaluations the choice of the candidate rests on (K of E04)."""
    count = 0
    found = view.current("baselines")
    count += len(found.models) if found else 0
    count += 1 if view.current("fit") else 0
    loop = read(view)
    for item in loop.rounds if loop else []:
        own = int(item.result.evaluations or 0)
        count += own or len(getattr(item.result, {"search": "trials", "ablate": "components"}.get(item.job, "ideas")))
    combined = view.current("combine")
    count += len(combined.ensembles) if combined else 0
    return max(count, 1)
