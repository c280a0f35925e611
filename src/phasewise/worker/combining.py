"""Ensembles of predictions: average, weights fitted on one half and judged on the other, plurality vote (X05-X07)."""

from collections.abc import Sequence

import numpy as np

from phasewise.kinds.folders import mixed
from phasewise.stats.predictions import Predictions

_TINY = 1e-12


def average(parts: Sequence[Predictions], weights: Sequence[float] | None = None) -> Predictions:
    """Weighted mean of probabilities (classes) or of values (regression); weights default to equal and are normalised."""
    return mixed(parts, weights if weights is not None else (), "average" if weights is None else "weighted")


def vote(parts: Sequence[Predictions]) -> Predictions:
    """Plurality vote: the share of votes as probabilities; ties by mean probability, then the lowest class index (X07); the median of values."""
    return mixed(parts, (), "vote")


def fit_weights(parts: Sequence[Predictions], y: np.ndarray) -> np.ndarray:
    """Weights >= 0 summing to 1 that minimise log loss (classes) or squared error (regression) on these rows.

    Convex in both cases, so SLSQP from the uniform start finds the minimum; the uniform start is kept if nothing is better.
    """
    from scipy.optimize import minimize

    m = len(parts)
    if m == 1:
        return np.ones(1)
    if parts[0].task == "regression":
        errors = np.stack([np.asarray(y, float) - p.values for p in parts])
        gram = errors @ errors.T / errors.shape[1]
        scale = float(np.trace(gram)) / m or 1.0
        gram = gram / scale

        def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
            return float(w @ gram @ w), 2 * gram @ w
    else:
        truth = np.asarray(y, np.int64)
        chosen = np.stack([p.proba[np.arange(len(truth)), truth] for p in parts])

        def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
            mixed = np.clip(w @ chosen, _TINY, None)
            return float(-np.log(mixed).mean()), -(chosen / mixed).mean(axis=1)

    uniform = np.full(m, 1 / m)
    found = minimize(
        loss, uniform, jac=True, method="SLSQP", bounds=[(0.0, 1.0)] * m, options={"ftol": 1e-12, "maxiter": 500},
        constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(m)}],
    )
    weights = np.clip(found.x, 0, None)
    weights = weights / weights.sum() if weights.sum() > 0 else uniform
    return weights if loss(weights)[0] <= loss(uniform)[0] else uniform


def disagreement(parts: Sequence[Predictions]) -> float:
    """Mean share of rows on which two members name different classes; for regression the mean correlation of members, from 1 down."""
    pairs = [(i, j) for i in range(len(parts)) for j in range(i)]
    if not pairs:
        return 0.0
    if parts[0].task == "regression":
        held = np.corrcoef(np.stack([p.values for p in parts]))
        return float(np.mean([1 - held[i, j] for i, j in pairs]))
    labels = [p.labels() for p in parts]
    return float(np.mean([(labels[i] != labels[j]).mean() for i, j in pairs]))


def halves(y: np.ndarray, task: str, groups: np.ndarray | None, seed: int) -> np.ndarray:
    """A mask [n] of half A: stratified by class (or by rank of the value); whole groups stay together."""
    rng = np.random.default_rng(seed)
    n = len(y)
    if groups is not None and len(np.unique(groups)) < n:
        names, index = np.unique(groups, return_inverse=True)
        side = np.zeros(len(names), bool)
        side[rng.permutation(len(names))[: len(names) // 2]] = True
        return side[index]
    order = np.lexsort((rng.random(n), np.asarray(y, float)))
    mask = np.zeros(n, bool)
    start = rng.integers(0, 2, size=(n + 1) // 2)
    for pair, first in zip(range(0, n, 2), start, strict=True):
        mask[order[pair + (first if pair + first < n else 0)]] = True
    return mask
