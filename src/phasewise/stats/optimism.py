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


def bootstrap_corrected(losses: np.ndarray, *, times: int = 500, seed: int = 0, groups: np.ndarray | None = None) -> tuple[float, float]:
    """Corrected mean loss of "pick the best" and its optimism, from row losses [n, K] (BBC, Tsamardinos et al. 2018).

    Rows (or whole groups) are resampled, the best candidate is picked on the resample and scored on the rows left out.
    """
    rng = np.random.default_rng(seed)
    index = np.arange(len(losses)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(index.max()) + 1
    seen = float(losses.mean(axis=0).min())
    out = []
    for _ in range(times):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)[index].astype(float)
        left = weights == 0
        if not left.any():
            continue
        chosen = int(np.argmin(weights @ losses))
        out.append(losses[left, chosen].mean())
    corrected = float(np.mean(out)) if out else seen
    return corrected, max(0.0, corrected - seen)
