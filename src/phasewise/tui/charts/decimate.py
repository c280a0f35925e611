"""Thin a line out to at most two points a column without losing a peak: least and greatest value of every column."""

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


def smooth(points: Sequence[tuple[float, float]], strength: float) -> list[tuple[float, float]]:
    """Exponentially smoothed line with bias correction; `strength` in [0, 1), 0 changes nothing."""
    if strength <= 0:
        return list(points)
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
