"""What an idea takes, from what the last fits took (I01): measured seconds of one fit times the fits of the idea. Pure functions."""

from typing import Any

from phasewise.records.ideas import Idea
from phasewise.records.models import ModelConfig, apply_change


def fit_seconds(view: Any, state: Any) -> float | None:
    """Seconds of one fit of the incumbent: the median over the fits of the rounds so far, else the last fit's; None before there is one."""
    found = [idea.hours * 3600 / len(idea.values) for item in state.rounds if item.job == "try_ideas" for idea in item.result.ideas if idea.hours and idea.values]
    if found:
        return sorted(found)[len(found) // 2]
    fit = view.latest("fit")
    return (fit.model.seconds or None) if fit is not None else None


def hours(view: Any, state: Any, idea: Idea) -> float | None:
    """Measured hours of trying an idea: one fit's time, longer or shorter by its steps, times the seeds it is tried over."""
    seconds = fit_seconds(view, state)
    if seconds is None:
        return None
    return seconds * _steps(state.config, idea) * max(view.value("tune.seeds") or 1, 1) / 3600


def _steps(config: ModelConfig, idea: Idea) -> float:
    """How many times the incumbent's work the idea takes: more epochs, smaller batches, or more members inside the network."""
    try:
        made = apply_change(config, idea.change)
    except (KeyError, TypeError, ValueError):
        return 1.0
    before, after = config.train, made.train
    return (after.epochs / before.epochs) * (before.batch_size / after.batch_size) * (made.network.members / config.network.members)


def timed(view: Any, state: Any, ideas: list[Idea]) -> list[Idea]:
    """The ideas, those without an estimate of their time with the measured one."""
    out = []
    for idea in ideas:
        found = hours(view, state, idea) if idea.estimates.hours is None else None
        out.append(idea if found is None else idea.model_copy(update={"estimates": idea.estimates.model_copy(update={"hours": float(f"{found:.3g}")})}))
    return out
