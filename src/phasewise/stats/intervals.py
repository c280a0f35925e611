"""Confidence intervals: Wilson, DeLong, BCa bootstrap, cluster bootstrap (checks.md 7.5)."""

import numpy as np

from phasewise.records.results.common import Score
from phasewise.stats.normal import cdf, quantile
from phasewise.stats.predictions import Predictions, encode
from phasewise.stats.scores import score, statistic
from phasewise.stats.statistic import Additive, Cells, Statistic

LARGE = 20_000
"""Rows from which a bootstrap of rows is replaced by its normal limit."""


def wilson(right: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a proportion (Wilson 1927); (0, 1) without rows."""
    if n <= 0:
        return 0.0, 1.0
    z, p = quantile(0.5 + level / 2), right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def _midranks(values: np.ndarray) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    ends = np.r_[starts[1:], len(values)]
    out = np.empty(len(values))
    out[order] = np.repeat((starts + ends + 1) / 2, ends - starts)
    return out


def delong(truth: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Binary ROC AUC and its DeLong standard error in O(n log n) (Sun & Xu 2014); `truth` [n] in {0, 1}."""
    positive, negative = scores[truth == 1], scores[truth == 0]
    m, n = len(positive), len(negative)
    if m == 0 or n == 0:
        return float("nan"), float("nan")
    ranks = _midranks(np.r_[positive, negative])
    auc = (ranks[:m].sum() - m * (m + 1) / 2) / (m * n)
    v01 = (ranks[:m] - _midranks(positive)) / n
    v10 = 1 - (ranks[m:] - _midranks(negative)) / m
    variance = (v01.var(ddof=1) / m if m > 1 else 0.0) + (v10.var(ddof=1) / n if n > 1 else 0.0)
    return float(auc), float(np.sqrt(variance))


def _delong_interval(truth: np.ndarray, scores: np.ndarray, level: float) -> tuple[float, float]:
    """DeLong on the logit scale, which keeps the ends inside (0, 1) and its coverage near AUC 1."""
    auc, se = delong(truth, scores)
    if not np.isfinite(auc):
        return 0.0, 1.0
    smaller = min(int((truth == 1).sum()), int((truth == 0).sum()))
    if auc in (0.0, 1.0) or se == 0:
        slack = 1 - (1 - level) ** (1 / smaller)
        return max(0.0, auc - slack), min(1.0, auc + slack)
    z = quantile(0.5 + level / 2)
    middle, width = np.log(auc / (1 - auc)), z * se / (auc * (1 - auc))
    return float(1 / (1 + np.exp(-(middle - width)))), float(1 / (1 + np.exp(-(middle + width))))


def bca(value: float, draws: np.ndarray, jackknife: np.ndarray, level: float = 0.95) -> tuple[float, float, str]:
    """Bias-corrected and accelerated ends (Efron 1987); percentile where the correction is undefined."""
    draws = draws[np.isfinite(draws)]
    if len(draws) == 0:
        return float("nan"), float("nan"), "undefined"
    ends = np.array([0.5 - level / 2, 0.5 + level / 2])
    below = (np.sum(draws < value) + 0.5 * np.sum(draws == value)) / len(draws)
    jackknife = jackknife[np.isfinite(jackknife)]
    off = jackknife.mean() - jackknife if len(jackknife) else np.zeros(1)
    spread = (off**2).sum()
    if not 0 < below < 1 or spread <= 0:
        low, high = np.quantile(draws, ends)
        return float(low), float(high), "percentile"
    z0 = quantile(below)
    a = (off**3).sum() / (6 * spread**1.5)
    z = np.array([quantile(e) for e in ends]) + z0
    at = np.array([cdf(z0 + t / (1 - a * t)) for t in z])
    if not np.all((at > 0) & (at < 1)):
        at = ends
    low, high = np.quantile(draws, at)
    return float(low), float(high), "bca"


def grouped(stat: Statistic, groups: np.ndarray, rng: np.random.Generator, times: int) -> tuple[np.ndarray, np.ndarray]:
    """Metric on resampled clusters [times] and with each of at most 200 cluster blocks left out."""
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    weights = rng.multinomial(count, np.full(count, 1 / count), size=times).astype(float)
    blocks = np.arange(count) % min(count, 200)
    lowered = np.stack([(blocks != b).astype(float) for b in range(int(blocks.max()) + 1)])
    if isinstance(stat, Additive):
        sums = np.stack([np.bincount(index, weights=p, minlength=count) for p in stat.parts.T], 1)
        return stat.function(weights @ sums), stat.function(lowered @ sums)
    if isinstance(stat, Cells):
        sums = np.bincount(index * stat.count + stat.ids, minlength=count * stat.count).reshape(count, stat.count).astype(float)
        return stat.function(weights @ sums), stat.function(lowered @ sums)
    size = max(1, 4_000_000 // stat.n)
    draws = [stat.values(weights[i : i + size][:, index]) for i in range(0, times, size)]
    return np.concatenate(draws), np.concatenate([stat.values(w[None][:, index]) for w in lowered])


def interval(
    metric_id: str, y: np.ndarray, predictions: Predictions, groups: np.ndarray | None = None, level: float = 0.95,
    seed: int = 0, *, resamples: int = 2000, threshold: float | None = None, scale: float | None = None,
) -> tuple[float, float, str]:
    """Low end, high end and method of the metric's confidence interval.

    Accuracy: Wilson; binary ROC AUC: DeLong; all else: BCa bootstrap of rows (normal limit from 20,000 rows);
    with `groups` [n] whole groups are resampled for every metric.
    """
    rng = np.random.default_rng(seed)
    stat = statistic(metric_id, y, predictions, threshold=threshold, scale=scale)
    value = float(stat.values(np.ones((1, stat.n)))[0])
    if groups is not None and len(np.unique(groups)) < stat.n:
        draws, knife = grouped(stat, np.asarray(groups), rng, resamples)
        low, high, how = bca(value, draws, knife, level)
        return low, high, f"{how}-clustered"
    if metric_id == "accuracy":
        return *wilson(value * stat.n, stat.n, level), "wilson"
    if metric_id == "roc_auc" and predictions.proba.shape[1] == 2:
        truth = (encode(y, predictions.classes) == 1).astype(int)
        return *_delong_interval(truth, predictions.proba[:, 1], level), "delong"
    if stat.n > LARGE and isinstance(stat, Additive):
        knife = stat.jackknife()
        se = np.sqrt((stat.n - 1) / stat.n * ((knife - knife.mean()) ** 2).sum())
        z = quantile(0.5 + level / 2)
        return value - z * se, value + z * se, "jackknife"
    if stat.n > LARGE and not isinstance(stat, Cells):
        draws = stat.resampled(rng, 200)
        z = quantile(0.5 + level / 2)
        return value - z * float(np.nanstd(draws)), value + z * float(np.nanstd(draws)), "bootstrap-se"
    return bca(value, stat.resampled(rng, resamples), stat.jackknife(), level)


def judged(
    metric_id: str, y: np.ndarray, predictions: Predictions, groups: np.ndarray | None = None, *, level: float = 0.95,
    seed: int = 0, threshold: float | None = None,
) -> Score:
    """The metric's value with interval as a record."""
    value = score(metric_id, y, predictions, threshold=threshold)
    low, high, method = interval(metric_id, y, predictions, groups, level, seed, threshold=threshold)
    return Score(metric=metric_id, value=value, low=low, high=high, n=len(predictions), method=method)
