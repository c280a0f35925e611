"""Which idea next: simplest first, or by score; proposals come from the diagnosis (I02, I04, R23). Pure functions."""

from typing import Any

from phasewise.records.ideas import Estimates, Idea
from phasewise.records.models import ModelConfig, apply_change
from phasewise.workflow import recipes, timing

PRIOR = 0.15
"""One or two successes in ten (I06)."""
IMPACT = 0.005
"""Points of the metric an idea is credited with before anything is known; small on purpose."""
HOURS = 0.05
STILL, OVER = 1.5, 0.3
"""What more epochs gain or lose in likelihood when the best epoch was among the last tenth, or earlier."""
OPEN = ("new", "ready")


def estimates(idea: Idea) -> Estimates:
    """The estimates in force: the mean with a second opinion where there is one (I05), defaults for what is missing."""
    own, other = idea.estimates, idea.second

    def both(name: str, fallback: float) -> float:
        values = [v for v in (getattr(own, name), getattr(other, name) if other else None) if v is not None]
        return sum(values) / len(values) if values else fallback

    return Estimates(
        hours=both("hours", HOURS), complexity=round(both("complexity", 1)), impact=both("impact", IMPACT),
        likelihood=both("likelihood", PRIOR),
    )


def score(idea: Idea) -> float:
    """Likelihood times impact per hour, dampened by complexity (I04)."""
    e = estimates(idea)
    return (e.likelihood or 0.0) * (e.impact or 0.0) / ((e.hours or HOURS) * (1 + 0.25 * ((e.complexity or 1) - 1)))


def order(ideas: list[Idea], *, by: str = "simplest_first", playbook: list[str] | None = None, later: set[str] | None = None) -> list[Idea]:
    """Ideas in the order they are tried: what is not `later`, a playbook's rungs, then complexity, time and score; ties keep their order."""
    rungs = {name: i for i, name in enumerate(playbook or [])}

    def key(idea: Idea) -> tuple[Any, ...]:
        rung = (idea.id in (later or ()), rungs.get(idea.id, rungs.get(idea.category, len(rungs))))
        e = estimates(idea)
        if by == "score":
            return (*rung, -score(idea))
        return (*rung, e.complexity, e.hours, -score(idea))

    return sorted(ideas, key=key)


def verdict(view: Any) -> str:
    """The newest diagnosis of what the loop works on; an empty text before there is one."""
    searches = view.facts.evidence.by_slot.get("search", [])
    fit = view.current("fit")
    if searches and fit is not None and searches[-1].inputs.get("evidence:fit") == view.key("fit") and searches[-1].result.diagnosis:
        return searches[-1].result.diagnosis.verdict
    return fit.diagnosis.verdict if fit is not None and fit.diagnosis else ""


def proposals(view: Any, config: ModelConfig) -> list[Idea]:
    """Ideas of the kind that answer the diagnosis and change something; cures of the diagnosis first.

    High variance never proposes a bigger network first, high bias never more regularisation first (I02).
    """
    found, aside = verdict(view), beside(view)
    every = [weighed(view, idea) for idea, _ in recipes.ideas(view) if changes(config, idea)]
    fits, rest = [i for i in every if i.id not in aside], [i for i in every if i.id in aside]
    return fits + (rest if found in ("", "healthy") else [])


def beside(view: Any) -> set[str]:
    """Ids of the kind's ideas that are no answer to the diagnosis."""
    found = verdict(view)
    wanted = {"both": ("high_bias", "high_variance")}.get(found, (found,))
    return {idea.id for idea, cures in recipes.ideas(view) if cures and not set(cures) & set(wanted)}


def weighed(view: Any, idea: Idea) -> Idea:
    """An idea with the likelihood that the last fit speaks for: more epochs pay where it still improved at its end, and only there."""
    fit, likely = view.latest("fit"), idea.estimates.likelihood
    longer = idea.change.get("train.epochs")
    curve = (fit.curves or {}).get("validation_loss") if fit is not None else None
    if likely is None or not longer or str(longer).startswith("/") or not curve or len(curve) < 5:
        return idea
    best = min(range(len(curve)), key=lambda i: curve[i][1])
    share = STILL if best >= 0.9 * (len(curve) - 1) else OVER
    return idea.model_copy(update={"estimates": idea.estimates.model_copy(update={"likelihood": round(min(0.9, likely * share), 3)})})


def changes(config: ModelConfig, idea: Idea) -> bool:
    """Whether an idea's diff can be applied and makes a difference."""
    if not idea.change:
        return False
    try:
        return apply_change(config, idea.change) != config
    except (KeyError, TypeError, ValueError):
        return False


def ranked(view: Any, state: Any) -> list[Idea]:
    """Open ideas of the backlog and fresh proposals, in the order they are to be tried.

    What was tried on top of another fit is open again: its outcome says little about this one. Ideas of a round without an
    outcome stay in their place: a round that was lost is the next one again, and goes on from its checkpoint. An estimate of the
    time that nobody gave is measured: the time of a fit times the fits of the idea (I01).
    """
    own = {i.id: i for i in view.facts.ideas.values()}
    every = [i for i in own.values() if i.status in (*OPEN, "running") and changes(state.config, i)]
    again = {i.id for i in own.values() if i.status in ("worked", "no_gain", "broken") and i.id not in state.tried}
    every += [i for i in proposals(view, state.config) if i.id not in own or i.id in again]
    # Playbooks are orders of cures for over-fitting (R23); without that, the diagnosis and the estimates decide, unless a person chose one.
    by = view.value("tune.order")
    playbook = recipes.ladder(view) if view.explicit("tune.ladder") or by != "score" and verdict(view) in ("", "high_variance", "both") else []
    return order(timing.timed(view, state, every), by=by, playbook=playbook, later=beside(view))
