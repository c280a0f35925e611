"""One series of a run: bounded memory however long the run, peaks kept, NaN counted."""

import math
from dataclasses import dataclass, field

RAW = 2048
"""How many of the newest points are kept exactly."""
BUCKETS = 1024
"""How many buckets the whole history has; when full, neighbours are merged and the stride doubles."""


@dataclass(slots=True)
class Bucket:
    """Neighbouring points of a series: first x, extremes with their x, sum and count."""

    x: float
    low: float
    low_x: float
    high: float
    high_x: float
    count: int = 1

    def merge(self, other: "Bucket") -> None:
        """Take in the bucket to the right."""
        if other.low < self.low:
            self.low, self.low_x = other.low, other.low_x
        if other.high > self.high:
            self.high, self.high_x = other.high, other.high_x
        self.count += other.count


@dataclass(slots=True)
class Series:
    """A line y(x). When x goes back (a resumed run, the next fold) what lies behind it is forgotten. `version` grows with every point, so a chart knows whether it is dirty."""

    name: str
    raw: list[tuple[float, float]] = field(default_factory=list)
    buckets: list[Bucket] = field(default_factory=list)
    stride: int = 1
    version: int = 0
    count: int = 0
    passes: int = 1
    """How often the line began anew."""
    nans: int = 0
    first_nan: float | None = None
    last: float | None = None
    best_low: float = math.inf
    best_high: float = -math.inf

    def add(self, x: float, y: float | None) -> None:
        """One point; None and NaN make a gap and are counted."""
        self.version += 1
        if self.raw and x < self.raw[-1][0]:
            self._rewind(x)
        self.count += 1
        if y is None or not math.isfinite(y):
            self.nans += 1
            self.first_nan = x if self.first_nan is None else self.first_nan
            self._keep((x, math.nan))
            return
        self.last = y
        self.best_low, self.best_high = min(self.best_low, y), max(self.best_high, y)
        self._keep((x, y))
        last = self.buckets[-1] if self.buckets else None
        if last is not None and last.count < self.stride:
            last.merge(Bucket(x, y, x, y, x))
            return
        if len(self.buckets) >= BUCKETS:
            self._fold()
        self.buckets.append(Bucket(x, y, x, y, x))

    def _rewind(self, x: float) -> None:
        """Forget points at or after x: they are told again."""
        self.passes += 1
        kept = [p for p in self.raw if p[0] < x]
        exact = self.count <= len(self.raw)
        self.buckets = [b for b in self.buckets if max(b.low_x, b.high_x) < x]
        self.count = len(kept) if exact else max(self.count - (len(self.raw) - len(kept)), len(kept) + 1 if self.buckets else len(kept))
        self.raw = kept

    def _keep(self, point: tuple[float, float]) -> None:
        self.raw.append(point)
        if len(self.raw) > 2 * RAW:
            del self.raw[:RAW]

    def _fold(self) -> None:
        merged = self.buckets[::2]
        for left, right in zip(merged, self.buckets[1::2], strict=False):
            left.merge(right)
        self.buckets = merged
        self.stride *= 2

    def points(self, *, tail: float = 1.0) -> list[tuple[float, float]]:
        """The line; the whole history (exact while it fits), or the last `tail` share of x."""
        if self.count <= len(self.raw):
            line = list(self.raw)
        else:
            start = self.raw[0][0] if self.raw else math.inf
            line = []
            for b in self.buckets:
                if b.x >= start:
                    break
                pair = sorted({(b.low_x, b.low), (b.high_x, b.high)})
                line.extend(pair)
            line.extend(self.raw)
        if tail < 1.0 and line:
            cut = line[-1][0] - (line[-1][0] - line[0][0]) * tail
            line = [p for p in line if p[0] >= cut]
        return line
