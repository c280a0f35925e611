"""Verdict on a look at the test set, and which loop to take after field data: rules of checks.md 7.4-7.8 as pure functions."""

import math
from dataclasses import dataclass
from typing import Literal

from phasewise.records.metrics import metric, standing
from phasewise.records.results import Score
from phasewise.stats.optimism import correlated

DEFAULT_CORRELATION = 0.7
"""Correlation of row losses between candidates where none is stored (the correlated case measured in checks.md 8.3)."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """The verdict on one opening, with its reason in words and numbers."""

    verdict: Literal["confirmed", "undecided", "disagrees", "suspiciously_better", "refuted"]
    reason: str
    z: float | None


def sign(metric_id: str) -> float:
    """+1 where higher is better, else -1."""
    return 1.0 if metric(metric_id).maximize else -1.0


def corrected(validation: Score, evaluations: int, correlation: float | None = None) -> tuple[float, float]:
    """Validation minus the luck expected from the best of K, and that luck (E04); candidates share `correlation` of their rows' luck."""
    shared = DEFAULT_CORRELATION if correlation is None else correlation
    luck = correlated(max(evaluations, 1), validation.se, shared)
    return validation.value - sign(validation.metric) * luck, luck


def gap_z(metric_id: str, corrected_validation: float, se_validation: float, test: float, se_test: float) -> float | None:
    """z of corrected validation minus test in the direction of better; None without standard errors."""
    spread = math.hypot(se_validation, se_test)
    return sign(metric_id) * (corrected_validation - test) / spread if spread > 0 and math.isfinite(spread) else None


def _side(direction: float, low: float, high: float, wanted: float) -> Literal["supports", "excludes", "both"]:
    worst, best = (low, high) if direction > 0 else (high, low)
    if direction * (worst - wanted) >= 0:
        return "supports"
    return "excludes" if direction * (best - wanted) < 0 else "both"


def beside_goal(test: Score, goal: float) -> str:
    """What a score says about the goal where the claim was another one."""
    words = {"reached": "reached: the whole interval meets it", "missed": "missed: the whole interval lies short of it", "open": "undecided: the interval includes it"}
    return f"The goal {test.metric} {'>=' if sign(test.metric) > 0 else '<='} {goal:.6g} is {words[standing(test.metric, test.low, test.high, goal)]}."


def _rows_needed(rows: int, half: float, distance: float) -> int | None:
    """Rows at which the interval's half width shrinks to the distance between value and claim."""
    return math.ceil(rows * (half / distance) ** 2) if distance > 0 and half > 0 else None


OVER_USED = "validation was over-used."
FEW = 10
"""Up to so many looks at validation, over-use explains no gap of two standard errors that the correction for luck leaves."""


def cause_of(policy: str, evaluations: int) -> str:
    """What usually stands behind a test that is worse than validation promised: rows of a later time, or over-use."""
    if policy == "time":
        return "the test rows are the latest ones, and the data has moved on since the validation rows" + (", or validation was over-used." if evaluations > FEW else f" (validation was used only {evaluations} times).")
    if evaluations <= FEW:
        return f"validation was used only {evaluations} times, so over-use does not explain it; the parts differ, or chance played its one case in twenty."
    return OVER_USED


def look(
    test: Score, *, z: float | None, wanted: float | None, difference: tuple[float, float, float] | None = None, margin: float = 0.0, against: str = "",
    raw_z: float | None = None, cause: str = "", promised: tuple[float, float] | None = None, by_time: bool = False,
) -> Look:
    """The verdict of 7.6: was validation trustworthy, then the interval against the claim.

    `promised` is the 95 % interval for this score that was shown before the look: a score on its worse side disagrees (without one: z >= 2).
    `raw_z` is z without the correction for luck: only a test better than that, and better than promised, is suspicious (not where the parts are
    other periods, `by_time`). `cause` says what usually explains a worse one. With `difference` (value, low, high; positive = candidate better) the claim is "better than `against` by more than
    `margin`", else it is "reaches `wanted`". Without any claim the verdict is undecided and says so.
    """
    direction = sign(test.metric)
    if difference is not None:
        value, low, high = difference
        side, wanted_text = _side(1.0, low, high, margin), f"better than {against.partition('/')[2] or against}" + (f" by more than {margin:.4g}" if margin else "")
        half, distance, seen = (high - low) / 2, abs(value - margin), f"a difference of {value:+.4g} [{low:+.4g}, {high:+.4g}]"
    elif wanted is not None:
        side, wanted_text = _side(direction, test.low, test.high, wanted), f"{test.metric} {'>=' if direction > 0 else '<='} {wanted:.6g}"
        half, distance, seen = (test.high - test.low) / 2, abs(test.value - wanted), f"{test.value:.4g} [{test.low:.4g}, {test.high:.4g}]"
    else:
        side, wanted_text, half, distance, seen = "both", "no claim was made", 0.0, 0.0, f"{test.value:.4g}"
    words = {"supports": "the interval supports it", "excludes": "the interval excludes it", "both": "the interval includes both sides"}[side]
    claim = f"Claim: {wanted_text}; seen {seen}: {words}."
    worse, better, where = _beside(test, direction, promised)
    if worse if promised is not None else z is not None and z >= 2:
        seen_so = where or f"Corrected validation is {z:.1f} standard errors better than the test:"
        return Look(verdict="disagrees", reason=f"{seen_so} {cause or OVER_USED} {claim}", z=z)
    above = z if raw_z is None else raw_z
    if above is not None and above <= -2 and better and by_time:
        where = f"The test is {-above:.1f} standard errors better than validation: the parts are split by time, so it is an easier period rather than shared rows."
    elif above is not None and above <= -2 and better:
        return Look(verdict="suspiciously_better", reason=f"The test is {-above:.1f} standard errors better than validation: look for copies, groups or time shared between the parts. {claim}", z=z)
    claim = f"{where} {claim}".strip()
    if side == "supports":
        return Look(verdict="confirmed", reason=claim, z=z)
    if side == "excludes":
        return Look(verdict="refuted", reason=claim, z=z)
    needed = _rows_needed(test.n, half, distance)
    more = f" About {max(needed - test.n, 1)} more test rows would decide it." if needed is not None and needed < 100_000_000 else ""
    return Look(verdict="undecided", reason=claim + more, z=z)


def _beside(test: Score, direction: float, promised: tuple[float, float] | None) -> tuple[bool, bool, str]:
    """Whether a score lies on the worse or on the better side of what was promised before the look, and where it lies in words."""
    if promised is None:
        return False, True, ""
    low, high = promised
    worst, best = (low, high) if direction > 0 else (high, low)
    worse, better = direction * (test.value - worst) < 0, direction * (test.value - best) > 0
    span = f"the {low:.4g} to {high:.4g} expected before the look"
    if worse:
        return True, False, f"{test.value:.4g} is worse than {span}:"
    return False, better, f"{test.value:.4g} is better than {span}, within the noise of a validation score that owes nothing to luck." if better else f"{test.value:.4g} lies in {span}."


@dataclass(frozen=True, kw_only=True)
class Loop:
    """Which loop to take after field data, and why."""

    loop: Literal["none", "collect", "new_sets", "reweigh", "rethink"]
    reason: str


def field_loop(
    *, judged: Score | None, reference: Score | None, reweighted: float | None, drifted: bool, domain_auc: float | None,
    generation: int = 1, least: int = 100,
) -> Loop:
    """The fixed order of 7.8: enough judged cases, intervals, mix, drift, then the remaining gap (M17: body wording is the default).

    `reference` is the test score (or validation where the vault is sealed), `reweighted` its value under the field's mix of cases.
    """
    moved = drifted or (domain_auc is not None and domain_auc > 0.6)
    if judged is None or judged.n < least:
        have = judged.n if judged is not None else 0
        if not moved and judged is None:
            return Loop(loop="none", reason="The inputs look like the training data; without judged cases no score can be given.")
        seen = "The inputs differ from the training data" if moved else "There are too few judged cases"
        return Loop(loop="collect", reason=f"{seen}: judge at least {least} cases ({have} so far) before deciding anything.")
    if reference is None:
        return Loop(loop="none", reason="There is no earlier score to compare with.")
    direction = sign(judged.metric)
    worst_earlier, best_now = (reference.low, judged.high) if direction > 0 else (reference.high, judged.low)
    if direction * (best_now - worst_earlier) >= 0:
        half = (judged.high - judged.low) / 2
        return Loop(loop="none", reason=f"Not shown to differ: the intervals overlap (half width of the field score {half:.3g} on {judged.n} rows).")
    if reweighted is not None and min(judged.low, judged.high) <= reweighted <= max(judged.low, judged.high):
        return Loop(loop="reweigh", reason=f"With the field's mix of cases the earlier score would be {reweighted:.4g}, inside the field's interval: the mix explains the gap. Re-weight or collect the cases that became common.")
    if generation >= 2:
        return Loop(loop="rethink", reason="Validation and test sets already came from the field and agreed, the field still does not: is the metric or the loss the thing you want?")
    why = "and the inputs have moved" if moved else "although the inputs have not moved: the relation or the meaning of the labels changed"
    return Loop(loop="new_sets", reason=f"The field score {judged.value:.4g} [{judged.low:.4g}, {judged.high:.4g}] is worse than before ({reference.value:.4g} [{reference.low:.4g}, {reference.high:.4g}]) {why}. Make new validation and test sets from field data, disjoint from training, and judge again without tuning.")
