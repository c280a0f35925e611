"""Paired comparisons: two models on the same rows, the same seeds, or both (checks.md 8, B07)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from phasewise.records.metrics import metric
from phasewise.stats.intervals import bca, grouped
from phasewise.stats.normal import t_quantile
from phasewise.stats.predictions import Predictions, encode
from phasewise.stats.scores import statistic
from phasewise.stats.statistic import Additive, Cells, Ranked


@dataclass(frozen=True, kw_only=True)
class Difference:
    """`a` minus `b` in the direction of better (positive = `a` better), with its interval and p value."""

    value: float
    low: float
    high: float
    p: float
    method: str
    disagreement: float = 0.0
    """Share of rows on which exactly one of the two is right (label metrics)."""


def mcnemar(a_right: np.ndarray, b_right: np.ndarray) -> float:
    """Exact two-sided McNemar p value of two right/wrong vectors [n] (McNemar 1947)."""
    from scipy.stats import binomtest

    only_a = int(np.sum(a_right & ~b_right))
    only_b = int(np.sum(~a_right & b_right))
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


@dataclass(frozen=True, kw_only=True)
class _Joint:
    """The difference of two metrics on the same rows, as a statistic of row weights."""

    a: object
    b: object
    sign: float

    @property
    def n(self) -> int:
        return self.a.n

    def values(self, weights: np.ndarray) -> np.ndarray:
        return self.sign * (self.a.values(weights) - self.b.values(weights))

    def jackknife(self) -> np.ndarray:
        if isinstance(self.a, Cells) and isinstance(self.b, Cells):
            return self.fused().jackknife()
        if isinstance(self.a, Ranked):
            return self.sign * (self.a.jackknife() - self.b.jackknife())
        return self.fused().jackknife()

    def fused(self) -> Additive | Cells:
        """Both metrics as one additive or cell statistic, which bootstraps without touching rows twice."""
        if isinstance(self.a, Cells):
            joint, index = np.unique(np.stack([self.a.ids, self.b.ids]), axis=1, return_inverse=True)
            to_a, to_b = np.zeros((joint.shape[1], self.a.count)), np.zeros((joint.shape[1], self.b.count))
            to_a[np.arange(len(to_a)), joint[0]] = 1
            to_b[np.arange(len(to_b)), joint[1]] = 1
            return Cells(
                ids=index.ravel(), count=joint.shape[1],
                function=lambda c: self.sign * (self.a.function(c @ to_a) - self.b.function(c @ to_b)),
            )
        m = self.a.parts.shape[1]
        return Additive(
            parts=np.hstack([self.a.parts, self.b.parts]),
            function=lambda s: self.sign * (self.a.function(s[:, :m]) - self.b.function(s[:, m:])),
        )

    def resampled(self, rng: np.random.Generator, times: int) -> np.ndarray:
        if isinstance(self.a, Ranked):
            size, out = max(1, 4_000_000 // self.n), []
            for start in range(0, times, size):
                draws = rng.integers(0, self.n, size=(min(size, times - start), self.n))
                out.append(self.values(np.stack([np.bincount(d, minlength=self.n) for d in draws]).astype(float)))
            return np.concatenate(out)
        return self.fused().resampled(rng, times)


def difference(
    metric_id: str, y: np.ndarray, a: Predictions, b: Predictions, groups: np.ndarray | None = None, *,
    level: float = 0.95, seed: int = 0, resamples: int = 2000, thresholds: tuple[float | None, float | None] = (None, None),
) -> Difference:
    """Metric of `a` minus metric of `b` on the same rows [n], positive = `a` better.

    Interval: BCa bootstrap of rows, or of whole groups; p: exact McNemar for accuracy, else from the bootstrap.
    """
    sign = 1.0 if metric(metric_id).maximize else -1.0
    joint = _Joint(
        a=statistic(metric_id, y, a, threshold=thresholds[0]), b=statistic(metric_id, y, b, threshold=thresholds[1]), sign=sign,
    )
    value = float(joint.values(np.ones((1, joint.n)))[0])
    rng = np.random.default_rng(seed)
    clustered = groups is not None and len(np.unique(groups)) < joint.n
    if clustered:
        whole = joint if isinstance(joint.a, Ranked) else joint.fused()
        draws, knife = grouped(whole, np.asarray(groups), rng, resamples)
    else:
        times = resamples if joint.n <= 20_000 or not isinstance(joint.a, Ranked) else 200
        draws, knife = joint.resampled(rng, times), joint.jackknife()
    disagreement = 0.0
    draws = draws[np.isfinite(draws)]
    low, high, how = bca(value, draws, knife, level)
    tail = (min(np.sum(draws <= 0), np.sum(draws >= 0)) + 1) / (len(draws) + 1) if len(draws) else 0.5
    p = float(min(1.0, 2 * tail))
    if a.proba is not None and metric(metric_id).needs == "labels":
        truth = encode(y, a.classes)
        a_right, b_right = a.labels(thresholds[0]) == truth, b.labels(thresholds[1]) == truth
        disagreement = float(np.mean(a_right != b_right))
        if metric_id == "accuracy" and not clustered:
            return Difference(value=value, low=low, high=high, p=mcnemar(a_right, b_right), method="mcnemar", disagreement=disagreement)
    return Difference(value=value, low=low, high=high, p=p, method=f"paired-{how}" + ("-clustered" if clustered else ""), disagreement=disagreement)


def seeds(values: Sequence[float], base: Sequence[float], *, maximize: bool = True, level: float = 0.95) -> tuple[float, float, float]:
    """Mean paired gain over seeds with its t interval (B07); nan ends for fewer than two pairs.

    Student's t and not a bootstrap: with five pairs a percentile bootstrap is too narrow (measured in tests).
    """
    gains = (np.asarray(values, float) - np.asarray(base, float)) * (1 if maximize else -1)
    gains = gains[np.isfinite(gains)]
    if len(gains) < 2:
        return (float(gains.mean()) if len(gains) else float("nan")), float("nan"), float("nan")
    half = t_quantile(0.5 + level / 2, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
    return float(gains.mean()), float(gains.mean() - half), float(gains.mean() + half)


def folds(values: Sequence[float], base: Sequence[float], *, train: int, test: int, maximize: bool = True, level: float = 0.95) -> tuple[float, float, float]:
    """Mean paired gain over cross-validation folds with the Nadeau & Bengio (2003) variance factor 1/K + n_test/n_train."""
    gains = (np.asarray(values, float) - np.asarray(base, float)) * (1 if maximize else -1)
    k = len(gains)
    if k < 2:
        return float(gains.mean()), float("nan"), float("nan")
    half = t_quantile(0.5 + level / 2, k - 1) * gains.std(ddof=1) * np.sqrt(1 / k + test / train)
    return float(gains.mean()), float(gains.mean() - half), float(gains.mean() + half)


@dataclass(frozen=True, kw_only=True)
class Gain:
    """The verdict of the noise rule (checks.md 8.2)."""

    gain: float
    low: float
    high: float
    wins: float
    """P(a beats b) over all seed pairs."""
    verdict: Literal["real", "noise", "too_small", "worse", "preview"]


def two_level(
    metric_id: str, y: np.ndarray, a: Sequence[Predictions], b: Sequence[Predictions], groups: np.ndarray | None = None, *,
    level: float = 0.95, seed: int = 0, resamples: int = 2000, useful: float = 0.0,
) -> Gain:
    """`a` against `b`, one prediction per paired seed, resampling rows (or groups) and seeds together.

    "real" needs a lower end above 0 and P(a beats b) >= 0.75 (Bouthillier et al. 2021); fewer than five seeds are a
    "preview" that never claims; "too_small" when the whole interval lies below the smallest useful gain.
    """
    sign = 1.0 if metric(metric_id).maximize else -1.0
    pairs = [(statistic(metric_id, y, p), statistic(metric_id, y, q)) for p, q in zip(a, b, strict=True)]
    n, s = pairs[0][0].n, len(pairs)
    rng = np.random.default_rng(seed)
    index = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(index.max()) + 1
    one = np.ones((1, n))
    each_a = np.array([float(p.values(one)[0]) for p, _ in pairs])
    each_b = np.array([float(q.values(one)[0]) for _, q in pairs])
    draws, left = [], resamples
    size = max(1, min(resamples, 2_000_000 // n))
    while left > 0:
        take = min(size, left)
        weights = rng.multinomial(count, np.full(count, 1 / count), size=take).astype(float)[:, index]
        gains = np.stack([sign * (p.values(weights) - q.values(weights)) for p, q in pairs], 1)
        picks = rng.integers(0, s, size=(take, s))
        draws.append(np.take_along_axis(gains, picks, axis=1).mean(axis=1))
        left -= take
    low, high = np.nanquantile(np.concatenate(draws), [0.5 - level / 2, 0.5 + level / 2])
    wins = float(np.mean(sign * each_a[:, None] > sign * each_b[None, :]))
    gain = float(np.mean(sign * (each_a - each_b)))
    verdict = "noise"
    if s < 5:
        verdict = "preview"
    elif high < 0:
        verdict = "worse"
    elif useful > 0 and high < useful:
        verdict = "too_small"
    elif low > 0 and wins >= 0.75:
        verdict = "real"
    return Gain(gain=gain, low=float(low), high=float(high), wins=wins, verdict=verdict)
