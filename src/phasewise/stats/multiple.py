"""Multiple testing: Benjamini-Hochberg (false discovery rate) and Holm (family-wise error)."""

from collections.abc import Sequence

import numpy as np


def benjamini_hochberg(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Adjusted p values q [m] (Benjamini & Hochberg 1995); nan stays nan and does not count."""
    p = np.asarray(p, float)
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    if len(known) == 0:
        return out
    order = known[np.argsort(p[known], kind="stable")]
    raised = p[order] * len(order) / np.arange(1, len(order) + 1)
    out[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return out


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Adjusted p values [m] (Holm 1979)."""
    p = np.asarray(p, float)
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    if len(known) == 0:
        return out
    order = known[np.argsort(p[known], kind="stable")]
    out[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return out
