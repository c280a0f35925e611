"""What can be said before the vault opens: which look it would be, the luck in validation, the chance to confirm the claim (checks.md 7.4, 7.7)."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from phasewise.stats.promise import promised
from phasewise.workflow import candidates, loop

SHARED = 0.7
"""Correlation of row losses between candidates that is assumed where nothing is known (as in `worker.verdicts`)."""
LOOKS = 3
DISAGREE = 0.1
"""Share of rows on which two models answer differently, assumed for the smallest gain that would show."""


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """One look before it is taken."""

    look: int
    level: float
    rows: int
    evaluations: int
    corrected: float
    """The validation score less luck: the score to expect."""
    low: float
    high: float
    """Its 95 % interval on the sealed rows, the noise of both parts in it: what the verdict is measured by."""
    title: str
    chance: float | None
    """Chance that the interval confirms a target; None where the claim is a comparison or no target is set."""
    smallest: float | None
    """The smallest difference to a baseline that so many rows show with 80 % power, in points of accuracy."""


def expected(view: Any, model: Any) -> tuple[float, float, float] | None:
    """A model's score on the sealed rows as validation, less luck, foretells it, with its 95 % interval; None without a sealed set."""
    split, metric = view.current("split"), view.metric
    if model is None or split is None or metric is None or "test" not in split.parts:
        return None
    v, sign = model.validation, 1 if metric.maximize else -1
    corrected = v.value - sign * best_of(loop.evaluations(view), v.se) * math.sqrt(1 - shared_luck(view))
    return corrected, *promised(v, corrected, split.parts["test"].rows)


def shared_luck(view: Any) -> float:
    """How much luck candidates share: measured on the baselines, where there are three of them."""
    found = view.current("baselines")
    measured = found.luck_correlation if found is not None else None
    return SHARED if measured is None else min(max(measured, 0.0), 0.99)


def read(view: Any) -> Foresight | None:
    """The foresight of the next look, or None without a candidate or a sealed set."""
    model, metric = candidates.chosen(view), view.metric
    found = expected(view, model)
    if found is None or metric is None:
        return None
    corrected, low, high = found
    part = view.current("split").parts["test"]
    v, rows, look, sign = model.validation, part.rows, len(view.facts.looks_now) + 1, 1 if metric.maximize else -1
    level, target, claim = 1 - 0.05 / look, view.value("goals.target"), view.value("verify.claim") or "target"
    chance = chance_to_confirm(sign * (corrected - target), v.se * math.sqrt(v.n / rows), level) if claim == "target" and target is not None and v.se > 0 and rows else None
    smallest = 2.8016 * math.sqrt(DISAGREE / rows) if claim != "target" and rows and part.classes else None
    return Foresight(
        look=look, level=level, rows=rows, evaluations=loop.evaluations(view), corrected=corrected, low=low, high=high, title=metric.title, chance=chance, smallest=smallest,
    )


def best_of(k: int, se: float) -> float:
    """Expected luck of the best of `k` equal candidates (`stats.optimism.best_of_k`, without numpy)."""
    return se * NormalDist().inv_cdf((k - 0.375) / (k + 0.25)) if k > 1 else 0.0


def chance_to_confirm(room: float, se: float, level: float) -> float:
    """Chance that an interval's worse end passes a target `room` away in the direction of better (`stats.power.chance_to_confirm`)."""
    return NormalDist().cdf(room / se - NormalDist().inv_cdf(0.5 + level / 2))


def told(found: Foresight, *, brief: bool = False) -> list[tuple[str, str]]:
    """(tone, sentence) of a foresight, for every face; `brief` where little room is left."""
    lines = [("ink", f"This would be look {found.look} of at most {LOOKS}; its interval is at level {found.level:.4g}.")]
    lines.append(("bold", f"Expected on the {found.rows:,} sealed rows: {found.title} {found.corrected:.4g}, with 95 % between {found.low:.4g} and {found.high:.4g}."))
    if not brief:
        lines.append(("ink", f"That is validation less the luck of {found.evaluations:,} look{'s' if found.evaluations != 1 else ''} at it, with the noise of both parts; a score on the worse side of it is called a disagreement."))
    if found.chance is not None:
        lines.append(("warn" if found.chance < 0.5 else "ink", f"Chance that {found.rows:,} sealed rows confirm the goal: about {found.chance:.0%}." + (" Better not to open yet: improve the model, or wait for more rows." if found.chance < 0.5 else "")))
    if found.smallest is not None and not brief:
        lines.append(("ink", f"On {found.rows:,} sealed rows a lead over a baseline shows from about {found.smallest * 100:.1f} points of accuracy on (80 % power, answers differing on 10 % of the rows)."))
    if found.look > 1:
        lines.append(("warn", "The rows are no longer unseen: the first opening stays the headline of every report."))
    if found.look > LOOKS:
        lines.append(("bad", "No look is left: make a new generation from real cases (phasewise vault renew FILE --reason TEXT)."))
    return lines
