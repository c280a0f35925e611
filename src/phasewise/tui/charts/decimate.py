"""Lines made fit for a picture: thinned out without losing a peak, smoothed, cut at a ceiling, split at gaps."""

import math
from collections.abc import Sequence


def decimate(points: Sequence[tuple[float, float]], columns: int) -> list[tuple[float, float]]:
    """At most `2 * columns` points of a line sorted by x; each column keeps its minimum and maximum in order of x."""
    if columns < 1 or len(points) <= 2 * columns:
        return list(points)
    x0, x1 = points[0][0], points[-1][0]
    span = (x1 - x0) or 1.0
    out: list[tuple[float, float]] = []
    column, low, high = -1, points[0], points[0]
    for p in points:
        here = min(int((p[0] - x0) / span * columns), columns - 1)
        if here != column:
            if column >= 0:
                out.extend(_pair(low, high))
            column, low, high = here, p, p
            continue
        if p[1] < low[1] or math.isnan(low[1]):
            low = p
        if p[1] > high[1] or math.isnan(high[1]):
            high = p
    out.extend(_pair(low, high))
    return out


def _pair(low: tuple[float, float], high: tuple[float, float]) -> list[tuple[float, float]]:
    if low == high:
        return [low]
    return [low, high] if low[0] <= high[0] else [high, low]


def segments(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """The runs of finite points between NaNs and infinities: a gap in the data is a gap in the picture."""
    out: list[list[tuple[float, float]]] = []
    current: list[tuple[float, float]] = []
    for x, y in points:
        if math.isfinite(y) and math.isfinite(x):
            current.append((x, y))
        elif current:
            out.append(current)
            current = []
    if current:
        out.append(current)
    return out


USUAL = 300
"""Points of a line at which a strength of smoothing means itself; longer lines are smoothed over the same share of their length."""


def smooth(points: Sequence[tuple[float, float]], strength: float) -> list[tuple[float, float]]:
    """Exponentially smoothed line with bias correction; `strength` in [0, 1), 0 changes nothing.

    A strength means the same share of the picture however many points a line has: the weight of the past is
    `strength ** (300 / points)`, so a run of 20,000 steps looks as smooth as one of 300.
    """
    if strength <= 0:
        return list(points)
    strength = strength ** (USUAL / max(len(points), 1))
    out: list[tuple[float, float]] = []
    mean, weight = 0.0, 0.0
    for x, y in points:
        if math.isfinite(y):
            mean = strength * mean + (1 - strength) * y
            weight = strength * weight + (1 - strength)
            out.append((x, mean / weight))
        else:
            out.append((x, y))
    return out


def ceiling(points: Sequence[tuple[float, float]]) -> float | None:
    """Where a curve that falls and then diverges (a learning-rate finder) is cut: a quarter of its fall above its start, at least 15 % of it."""
    ys = [y for _, y in points if math.isfinite(y)]
    if len(ys) < 5:
        return None
    head = sorted(ys[: max(3, len(ys) // 20)])
    start = head[len(head) // 2]
    return start + max(0.25 * (start - min(ys)), 0.15 * abs(start))


def outliers_above(points: Sequence[tuple[float, float]]) -> float | None:
    """A ceiling that leaves out a few far points: the 98th percentile and half the range below it; None when all points lie below."""
    ys = sorted(y for _, y in points if math.isfinite(y))
    if len(ys) < 20:
        return None
    high = ys[int(0.98 * (len(ys) - 1))]
    top = high + 0.5 * max(high - ys[0], 1e-12)
    return top if ys[-1] > top else None


def cut(points: Sequence[tuple[float, float]], top: float) -> list[tuple[float, float]]:
    """The line below `top`: it ends where it crosses the ceiling and begins again where it comes back; a gap lies between."""
    out: list[tuple[float, float]] = []
    before: tuple[float, float] | None = None
    for x, y in points:
        above = y > top
        if before is not None and math.isfinite(y) and math.isfinite(before[1]) and above != (before[1] > top):
            at = before[0] + (top - before[1]) / (y - before[1]) * (x - before[0])
            out += [(at, top), (at, math.nan)] if above else [(at, math.nan), (at, top)]
        out.append((x, math.nan) if above else (x, y))
        before = (x, y)
    return out
