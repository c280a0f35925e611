"""The standard normal and Student distributions without importing scipy at module level."""

import math
from statistics import NormalDist

_NORMAL = NormalDist()


def quantile(p: float) -> float:
    """Inverse of the standard normal distribution function, 0 < p < 1."""
    return _NORMAL.inv_cdf(p)


def cdf(z: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def t_quantile(p: float, df: float) -> float:
    """Quantile of Student's t with `df` degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf(p, df))
