"""A metric as a function of row weights, so that one implementation serves scores, weights, bootstrap and jackknife.

Three forms: `Additive` (a smooth function of weighted sums over rows), `Cells` (a function of the confusion matrix)
and `Ranked` (ROC AUC and average precision, which need the order of scores).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Statistic(Protocol):
    """A metric of n fixed rows whose weights vary."""

    n: int

    def values(self, weights: np.ndarray) -> np.ndarray:
        """Metric [b] for row weights [b, n]; nan where it is undefined."""

    def resampled(self, rng: np.random.Generator, times: int) -> np.ndarray:
        """Metric [times] on rows drawn with replacement."""

    def jackknife(self) -> np.ndarray:
        """Leave-one-out (or leave-block-out) values, for the BCa acceleration."""


def _blocks(rng: np.random.Generator, n: int, times: int) -> list[np.ndarray]:
    """Bootstrap weights in blocks of at most about four million cells."""
    size = max(1, min(times, 4_000_000 // max(n, 1)))
    out, left = [], times
    while left > 0:
        take = min(size, left)
        draws = rng.integers(0, n, size=(take, n))
        flat = (draws + (np.arange(take) * n)[:, None]).ravel()
        out.append(np.bincount(flat, minlength=take * n).reshape(take, n).astype(float))
        left -= take
    return out


@dataclass(frozen=True, kw_only=True)
class Additive:
    """`function(sum_i w_i * parts_i)` with `parts` [n, m]; `function` maps [b, m] to [b]."""

    parts: np.ndarray
    function: Callable[[np.ndarray], np.ndarray]

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.parts)

    def values(self, weights: np.ndarray) -> np.ndarray:
        """See `Statistic`."""
        return self.function(weights @ self.parts)

    def resampled(self, rng: np.random.Generator, times: int) -> np.ndarray:
        """See `Statistic`."""
        size = max(1, min(times, 4_000_000 // max(self.n, 1)))
        out, left = [], times
        while left > 0:
            draws = rng.integers(0, self.n, size=(min(size, left), self.n))
            out.append(self.function(np.stack([self.parts[:, j][draws].sum(axis=1) for j in range(self.parts.shape[1])], 1)))
            left -= size
        return np.concatenate(out)

    def jackknife(self) -> np.ndarray:
        """See `Statistic`."""
        return self.function(self.parts.sum(axis=0)[None] - self.parts)


@dataclass(frozen=True, kw_only=True)
class Cells:
    """A function of counts per cell; `ids` [n] are cell numbers below `count`, `function` maps [b, count] to [b]."""

    ids: np.ndarray
    count: int
    function: Callable[[np.ndarray], np.ndarray]

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.ids)

    def counts(self, weights: np.ndarray) -> np.ndarray:
        """Cell sums [b, count] of row weights [b, n]."""
        if len(weights) > 1 and self.count <= 36:
            return weights @ np.eye(self.count)[self.ids]
        return np.stack([np.bincount(self.ids, weights=w, minlength=self.count) for w in weights])

    def values(self, weights: np.ndarray) -> np.ndarray:
        """See `Statistic`."""
        return self.function(self.counts(weights))

    def resampled(self, rng: np.random.Generator, times: int) -> np.ndarray:
        """Rows drawn with replacement are a multinomial draw of cells: no row is touched."""
        counts = np.bincount(self.ids, minlength=self.count)
        return self.function(rng.multinomial(self.n, counts / self.n, size=times).astype(float))

    def jackknife(self) -> np.ndarray:
        """One value per row, computed once per occupied cell."""
        counts = np.bincount(self.ids, minlength=self.count).astype(float)
        used = np.flatnonzero(counts)
        lowered = np.repeat(counts[None], len(used), axis=0)
        lowered[np.arange(len(used)), used] -= 1
        return np.repeat(self.function(lowered), counts[used].astype(int))


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """ROC AUC or average precision, averaged over `truth` columns [n, c] with their `scores` [n, c]."""

    truth: np.ndarray
    scores: np.ndarray
    precision: bool = False

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.truth)

    def _one(self, column: int, weights: np.ndarray) -> np.ndarray:
        order = np.argsort(-self.scores[:, column], kind="stable")
        ranked = self.scores[order, column]
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        hits = self.truth[order, column]
        sorted_weights = weights[:, order]
        positive = np.add.reduceat(sorted_weights * hits, starts, axis=1)
        both = np.add.reduceat(sorted_weights, starts, axis=1)
        negative = both - positive
        total_pos, total_neg = positive.sum(axis=1), negative.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.precision:
                reached = np.cumsum(both, axis=1)
                share = np.where(reached > 0, np.cumsum(positive, axis=1) / reached, 0.0)
                value = (positive * share).sum(axis=1) / total_pos
                return np.where(total_pos > 0, value, np.nan)
            below = total_neg[:, None] - np.cumsum(negative, axis=1)
            value = (positive * (below + negative / 2)).sum(axis=1) / (total_pos * total_neg)
            return np.where((total_pos > 0) & (total_neg > 0), value, np.nan)

    def values(self, weights: np.ndarray) -> np.ndarray:
        """See `Statistic`; classes without rows (or without other rows) are left out of the average."""
        each = np.stack([self._one(c, weights) for c in range(self.truth.shape[1])])
        defined = ~np.isnan(each)
        with np.errstate(invalid="ignore"):
            return np.where(defined.any(axis=0), np.where(defined, each, 0).sum(axis=0) / np.maximum(defined.sum(axis=0), 1), np.nan)

    def resampled(self, rng: np.random.Generator, times: int) -> np.ndarray:
        """See `Statistic`."""
        return np.concatenate([self.values(w) for w in _blocks(rng, self.n, times)])

    def jackknife(self) -> np.ndarray:
        """Leave out one of at most 200 blocks (exact leave-one-out for up to 200 rows)."""
        blocks = np.arange(self.n) % min(self.n, 200)
        return np.concatenate([self.values((blocks != b).astype(float)[None]) for b in range(min(self.n, 200))])
