"""What can be said before the vault opens: which look it would be, the luck in validation, the chance to confirm the claim (checks.md 7.4, 7.7)."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

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
    chance: float | None
    """Chance that the interval confirms a target; None where the claim is a comparison or no target is set."""
    smallest: float | None
    """The smallest difference to a baseline that so many rows show with 80 % power, in points of accuracy."""


def read(view: Any) -> Foresight | None:
    """The foresight of the next look, or None without a candidate or a sealed set."""
    model, split, metric = candidates.chosen(view), view.current("split"), view.metric
    if model is None or split is None or metric is None or "test" not in split.parts:
        return None
    v, rows, k, look = model.validation, split.parts["test"].rows, loop.evaluations(view), len(view.facts.looks_now) + 1
    sign, level = (1 if metric.maximize else -1), 1 - 0.05 / look
    corrected = v.value - sign * best_of(k, v.se) * math.sqrt(1 - SHARED)
    target, claim = view.value("goals.target"), view.value("verify.claim") or "target"
    chance = chance_to_confirm(sign * (corrected - target), v.se * math.sqrt(v.n / rows), level) if claim == "target" and target is not None and v.se > 0 and rows else None
    smallest = 2.8016 * math.sqrt(DISAGREE / rows) if claim != "target" and rows and split.parts["test"].classes else None
    return Foresight(look=look, level=level, rows=rows, evaluations=k, corrected=corrected, chance=chance, smallest=smallest)


def best_of(k: int, se: float) -> float:
    """Expected luck of the best of `k` equal candidates (`stats.optimism.best_of_k`, without numpy)."""
    return se * NormalDist().inv_cdf((k - 0.375) / (k + 0.25)) if k > 1 else 0.0


def chance_to_confirm(room: float, se: float, level: float) -> float:
    """Chance that an interval's worse end passes a target `room` away in the direction of better (`stats.power.chance_to_confirm`)."""
    return NormalDist().cdf(room / se - NormalDist().inv_cdf(0.5 + level / 2))


def told(found: Foresight, *, brief: bool = False) -> list[tuple[str, str]]:
    """(tone, sentence) of a foresight, for every face; `brief` where little room is left."""
    lines = [("ink", f"This would be look {found.look} of at most {LOOKS}; its interval is at level {found.level:.4g}.")]
    if not brief:
        lines.append(("ink", f"Validation was used {found.evaluations:,} time{'s' if found.evaluations != 1 else ''}; corrected for that luck it says {found.corrected:.4g}."))
    if found.chance is not None:
        lines.append(("warn" if found.chance < 0.5 else "ink", f"Chance that {found.rows:,} sealed rows confirm the goal: about {found.chance:.0%}." + (" Better not to open yet: improve the model, or wait for more rows." if found.chance < 0.5 else "")))
    if found.smallest is not None and not brief:
        lines.append(("ink", f"On {found.rows:,} sealed rows a lead over a baseline shows from about {found.smallest * 100:.1f} points of accuracy on (80 % power, answers differing on 10 % of the rows)."))
    if found.look > 1:
        lines.append(("warn", "The rows are no longer unseen: the first opening stays the headline of every report."))
    if found.look > LOOKS:
        lines.append(("bad", "No look is left: make a new generation from real cases (phasewise vault renew FILE --reason TEXT)."))
    return lines
