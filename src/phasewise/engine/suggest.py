"""Learning-rate suggestions from a finder curve (T02): our own rule, and valley, slide, steep and minimum/10 as fastai states them."""

import math
from dataclasses import dataclass

import numpy

from phasewise.engine.finder import FinderCurve, Sweep

SKIP_END = 5
SMOOTH = 0.85
CLIP, FIRMER = 4.0, 1.0
"""Losses count up to this many times their start; the second only where the first gives no answer: a few diverged points, smoothed backwards, fill a narrow valley."""
LEAST_FALL = 0.05
LEAST_POINTS = 8
SLOPE_SHARE, DISTANCE_SHARE = 0.5, 0.25
REST = 0.02
"""Share of the fall that may be left at the suggested rate."""


@dataclass(frozen=True, kw_only=True)
class OwnRule:
    """How the rule came to its answer: positions in the trimmed curve (steepest, suggested, lowest), or why there is none."""

    lr: float | None
    steepest: int = -1
    chosen: int = -1
    lowest: int = -1
    why: str = ""


def suggest(curve: FinderCurve | Sweep) -> dict[str, float | None]:
    """All suggestions by name: `phasewise`, `valley`, `slide`, `steep`, `minimum`; None where a rule has no answer."""
    start, stop = trimmed(len(curve.lrs))
    lrs, smooth = numpy.asarray(curve.lrs[start:stop]), numpy.asarray(curve.smooth[start:stop])
    out: dict[str, float | None] = {"phasewise": own_rule(curve).lr}
    for name, rule in (("valley", valley), ("slide", slide), ("steep", steep), ("minimum", minimum)):
        out[name] = rule(lrs, smooth) if len(lrs) >= LEAST_POINTS else None
    return out


def trimmed(points: int) -> tuple[int, int]:
    """The part of a curve rules look at: without its first tenth and its last five points."""
    return points // 10, max(points - SKIP_END, points // 10)


def zero_lag(losses: numpy.ndarray, beta: float = SMOOTH) -> numpy.ndarray:
    """Mean of a forward and a backward moving average, each started at its first value; a straight line keeps its slope in the middle."""

    def one_way(values: numpy.ndarray) -> numpy.ndarray:
        out, v = numpy.empty_like(values), values[0]
        for i, x in enumerate(values):
            v = beta * v + (1 - beta) * x
            out[i] = v
        return out

    return (one_way(losses) + one_way(losses[::-1])[::-1]) / 2


def own_rule(curve: FinderCurve | Sweep) -> OwnRule:
    """Right of the steepest descent and before the minimum (T02): where 98 % of the fall is done.

    With s the zero-lag smoothing of the raw losses clipped at 4x the mean of the first ten, g = ds/dlog10(lr), m = argmin s and
    j = argmin g before m: the largest k with j < k < m and s_k at least 2 % of the fall above s_m. No answer without a clear fall of
    5 % or more. Where diverged points, smoothed backwards, fill the valley, they count as the start and the rule looks again: 4 of 108
    curves stay without an answer instead of 14, and none of 48 on random labels gets one. T02's own wording (slope still half of the
    steepest, a quarter of the way from j to m) is `cautious`: it stays within 4x of a grid's best on 8 of 21 task-optimiser pairs, this
    rule on 17 (`benchmarks/lr_finder.py`).
    """
    seen = _smoothed(curve)
    if isinstance(seen, OwnRule):
        return seen
    log_lr, s, m, j = seen
    level = s[m] + REST * (s[: m + 1].max() - s[m])
    k = max((i for i in range(j + 1, m) if s[i] >= level), default=min(j + 1, m - 1))
    return OwnRule(lr=float(10 ** log_lr[k]), steepest=j, chosen=k, lowest=m)


def cautious(curve: FinderCurve | Sweep) -> OwnRule:
    """T02 to the letter: the largest k < m with all of g[j..k] <= g[j]/2 and log lr_k <= log lr_j + (log lr_m - log lr_j)/4;
    one grid step right when that stays at j and the curve still falls there."""
    seen = _smoothed(curve)
    if isinstance(seen, OwnRule):
        return seen
    log_lr, s, m, j = seen
    g = numpy.gradient(s, log_lr)
    k, reach = j, log_lr[j] + DISTANCE_SHARE * (log_lr[m] - log_lr[j])
    while k + 1 < m and g[k + 1] <= SLOPE_SHARE * g[j] and log_lr[k + 1] <= reach:
        k += 1
    if k == j and k + 1 < m and g[k + 1] < 0:
        k += 1
    return OwnRule(lr=float(10 ** log_lr[k]), steepest=j, chosen=k, lowest=m)


def _smoothed(curve: FinderCurve | Sweep) -> OwnRule | tuple[numpy.ndarray, numpy.ndarray, int, int]:
    """log10 rates, smoothed losses, lowest and steepest point of the trimmed curve; or the refusal."""
    start, stop = trimmed(len(curve.lrs))
    if stop - start < LEAST_POINTS:
        return OwnRule(lr=None, why="too few points before the loss diverged")
    log_lr = numpy.log10(numpy.asarray(curve.lrs[start:stop]))
    raw = numpy.asarray(curve.losses[start:stop], dtype=float)
    first = _judged(log_lr, zero_lag(numpy.minimum(raw, CLIP * raw[:10].mean())))
    if not isinstance(first, OwnRule):
        return first
    again = _judged(log_lr, zero_lag(numpy.minimum(raw, FIRMER * raw[:10].mean())))
    return first if isinstance(again, OwnRule) else again


def _judged(log_lr: numpy.ndarray, s: numpy.ndarray) -> OwnRule | tuple[numpy.ndarray, numpy.ndarray, int, int]:
    m = int(s.argmin())
    if m < 3:
        return OwnRule(lr=None, lowest=m, why="the loss never falls: it is lowest at the smallest rates")
    top = s[: m + 1].max()
    fall = (top - s[m]) / abs(top)
    if not fall >= LEAST_FALL:
        return OwnRule(lr=None, lowest=m, why=f"the loss falls by {fall:.1%} only; {LEAST_FALL:.0%} is needed to trust a point")
    return log_lr, s, m, int(numpy.gradient(s, log_lr)[:m].argmin())


def valley(lrs: numpy.ndarray, losses: numpy.ndarray) -> float | None:
    """Half-way through the middle third of the longest falling subsequence (ESRI's rule, fastai's default)."""
    longest = [1] * len(losses)
    end = 0
    for i in range(1, len(losses)):
        below = [longest[j] for j in range(i) if losses[i] < losses[j]]
        longest[i] = max(below, default=0) + 1
        if longest[i] > longest[end]:
            end = i
    start = end - longest[end] if longest[end] > 1 else 0
    third = (end - start) / 3
    return float(lrs[start + int(third) + int(third / 2)])


def slide(lrs: numpy.ndarray, losses: numpy.ndarray, *, distance: int = 15, threshold: float = 0.005) -> float | None:
    """From the right, the first pair `distance` points apart whose slopes agree within `threshold` (Novetta's rule)."""
    if len(losses) < distance + 1:
        return None
    slope = numpy.gradient(losses)
    right, left = -1, -1 - distance
    found = lrs[left]
    while left >= -len(losses) and abs(slope[right] - slope[left]) > threshold:
        found = lrs[left]
        right, left = right - 1, left - 1
    return float(found)


def steep(lrs: numpy.ndarray, losses: numpy.ndarray) -> float | None:
    """The left point of the steepest single step in log lr."""
    return float(lrs[int((numpy.diff(losses) / numpy.diff(numpy.log(lrs))).argmin())])


def minimum(lrs: numpy.ndarray, losses: numpy.ndarray) -> float | None:
    """A tenth of the rate with the lowest loss."""
    return float(lrs[int(losses.argmin())]) / 10


def cycle_bounds(curve: FinderCurve | Sweep) -> tuple[float, float] | None:
    """Base and maximum of a cyclical schedule from the range test (T16; Smith 2015 section 3.3), or None without a suggestion.

    Maximum: where the smoothed loss stops falling (95 % of the fall done); base: a quarter of it, but below the suggested rate,
    with a ratio between 3 and 10.
    """
    rule, seen = own_rule(curve), _smoothed(curve)
    if rule.lr is None or isinstance(seen, OwnRule):
        return None
    lrs, s = curve.lrs[slice(*trimmed(len(curve.lrs)))], seen[1]
    level = s[rule.lowest] + 0.05 * (s[: rule.lowest + 1].max() - s[rule.lowest])
    late = next(i for i in range(rule.chosen, rule.lowest + 1) if s[i] <= level or i == rule.lowest)
    top = lrs[max(late, min(rule.chosen + 1, rule.lowest))]
    top = min(top, 9 * rule.lr)
    base = min(top / 4, rule.lr * 0.9)
    base = max(base, top / 10)
    return (base, top) if math.isfinite(top) and base < top else None
