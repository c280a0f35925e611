"""How good the predictions were: Brier, log score, coverage, pinball, hit-rate prior (I06, I08). Pure functions, no dependency."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from phasewise.records.ideas import Idea

ALPHA, BETA = 1.5, 8.5
"""Beta prior of the success rate: mean 0.15 (I06)."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Predictions against outcomes."""

    count: int
    brier: float | None
    log_score: float | None
    coverage: float | None
    """Share of outcomes inside the predicted 80 % range."""
    pinball: float | None
    """Mean pinball loss of the 10 % and 90 % ends."""
    time_error: float | None
    """Mean absolute relative error of the hours."""
    hit_rate: float
    """Posterior mean of the success rate."""
    warning: str = ""


def brier(pairs: Iterable[tuple[float, bool]]) -> float | None:
    """Mean squared distance of probability and outcome (Brier 1950)."""
    values = [(p - float(hit)) ** 2 for p, hit in pairs]
    return sum(values) / len(values) if values else None


def log_score(pairs: Iterable[tuple[float, bool]]) -> float | None:
    """Mean negative log likelihood of the outcomes, probabilities kept off 0 and 1."""
    values = [-math.log(min(max(p if hit else 1 - p, 1e-6), 1.0)) for p, hit in pairs]
    return sum(values) / len(values) if values else None


def pinball(value: float, low: float, high: float) -> float:
    """Mean pinball loss of a 10 % and a 90 % quantile (Gneiting & Raftery 2007)."""
    below = 0.1 * (value - low) if value >= low else 0.9 * (low - value)
    above = 0.9 * (value - high) if value >= high else 0.1 * (high - value)
    return (below + above) / 2


def hit_rate(hits: int, tries: int) -> float:
    """Posterior mean of the success rate, Beta(1.5, 8.5) prior."""
    return (ALPHA + hits) / (ALPHA + BETA + tries)


def none_in(n: int, rate: float) -> float:
    """The chance that none of the next n ideas works."""
    return (1 - rate) ** n


def category_rates(ideas: Iterable[Idea]) -> dict[str, float]:
    """Posterior success rate per category, for re-estimating similar ideas (I07)."""
    seen: dict[str, list[int]] = {}
    for idea in ideas:
        if idea.outcome is not None:
            seen.setdefault(idea.category, []).append(int(idea.outcome.adopted))
    return {c: hit_rate(sum(v), len(v)) for c, v in seen.items()}


def calibrate(ideas: Iterable[Idea]) -> Calibration:
    """Calibration over all ideas with an outcome for which a person wrote a prediction down; the backlog's own estimates are nobody's word."""
    every = list(ideas)
    done = [i for i in every if i.outcome is not None and i.predicted is not None]
    pairs = [(i.predicted.success, i.outcome.adopted) for i in done if i.predicted and i.outcome]
    inside = [i.predicted.low <= i.outcome.gain <= i.predicted.high for i in done if i.predicted and i.outcome]
    pins = [pinball(i.outcome.gain, i.predicted.low, i.predicted.high) for i in done if i.predicted and i.outcome]
    times = [abs(i.outcome.hours - i.estimates.hours) / i.outcome.hours for i in every if i.outcome and i.outcome.hours and i.estimates.hours]
    judged = [i for i in every if i.outcome is not None]
    hits = sum(1 for i in judged if i.outcome and i.outcome.adopted)
    warning = ""
    if len(judged) >= 6 and hits / len(judged) > 0.5:
        warning = "More than half of the ideas work: they may be too timid, or validation is being over-fitted."
    elif 0 < len(judged) <= 6 and hits == 0:
        warning = f"No success yet is normal: the chance of none in {len(judged)} is {none_in(len(judged), ALPHA / (ALPHA + BETA)):.0%}."
    return Calibration(
        count=len(done), brier=brier(pairs), log_score=log_score(pairs), coverage=sum(inside) / len(inside) if inside else None,
        pinball=sum(pins) / len(pins) if pins else None, time_error=sum(times) / len(times) if times else None,
        hit_rate=hit_rate(hits, len(judged)), warning=warning,
    )
