"""Errors that certainty does not explain: the lapse rate of answers against how sure they were.

A model that is merely unsure is wrong less and less often the surer it is. Wrong labels hit sure and unsure rows alike: the
error stops falling. The curve P(wrong | s) = rate + (1 - rate) / (1 + exp(a s + b)), s the log odds of the best answer
against the second, is the psychometric function with a lapse rate (Wichmann & Hill 2001, Perception & Psychophysics 63);
a and b calibrate the model on the way, so that mere overconfidence is no lapse.
"""

from dataclasses import dataclass

import numpy as np

RATES = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.13, 0.17, 0.22, 0.3)
SLOPES = 30.0


@dataclass(frozen=True, kw_only=True)
class Lapse:
    """The likeliest lapse rate, its log likelihood above that of rate 0, and P(wrong) of every row were the rate 0 [n]."""

    rate: float
    evidence: float
    expected: np.ndarray


def certainty(proba: np.ndarray) -> np.ndarray:
    """Log odds of the best answer against the second best, [n]; probabilities below 1e-4 count as that."""
    top = np.partition(np.clip(proba, 1e-4, 1.0), proba.shape[1] - 2, axis=1)
    return np.log(top[:, -1] / top[:, -2])


def lapse(proba: np.ndarray, y: np.ndarray) -> Lapse:
    """Fit the curve to out-of-fold probabilities [n, k >= 2] and class indices y [n] by maximum likelihood."""
    from scipy.optimize import minimize

    s, wrong = certainty(proba), proba.argmax(axis=1) != y

    def curve(t: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(np.clip(np.exp(t[0]) * s + t[1], -SLOPES, SLOPES)))

    def loss(t: np.ndarray, rate: float) -> float:
        p = np.clip(rate + (1 - rate) * curve(t), 1e-9, 1 - 1e-9)
        return -float(np.log(p[wrong]).sum() + np.log1p(-p[~wrong]).sum())

    base = minimize(loss, np.zeros(2), args=(0.0,), method="BFGS")
    at, best, rate = base.x, base.fun, 0.0
    for r in RATES:
        found = minimize(loss, at, args=(r,), method="BFGS")
        if found.fun < best:
            best, rate = found.fun, r
        if found.fun > best + 10:
            break
        at = found.x
    return Lapse(rate=rate, evidence=float(base.fun - best), expected=curve(base.x))
