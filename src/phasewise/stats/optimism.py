"""How much of the best of K validation scores is luck (E04, checks.md 8.3)."""

import math

import numpy as np

from phasewise.stats.normal import quantile


def best_of_k(k: int, se: float) -> float:
    """Expected luck of the best of `k` equally good candidates whose scores have standard error `se`, in its units.

    Blom's approximation of the expected maximum, `se * Phi^-1((k - 0.375) / (k + 0.25))`; 0 for k <= 1.
    """
    return se * quantile((k - 0.375) / (k + 0.25)) if k > 1 else 0.0


def correlated(k: int, se: float, correlation: float) -> float:
    """The same for candidates whose scores correlate: only the part they do not share can be lucky."""
    return best_of_k(k, se) * math.sqrt(max(0.0, 1 - correlation))


def candidate_correlation(losses: np.ndarray) -> float:
    """Mean correlation of row losses [n, K] between candidates, nan-safe, 0 for one candidate."""
    if losses.shape[1] < 2:
        return 0.0
    centred = losses - losses.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    scaled = centred[:, spread > 0] / spread[spread > 0]
    k = scaled.shape[1]
    if k < 2:
        return 0.0
    return float(((scaled.sum(axis=1) ** 2).sum() - k) / (k * (k - 1)))
