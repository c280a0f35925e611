"""Two stages of paired seeds under one error rate: what each may spend (B07).

Group-sequential tests: O'Brien & Fleming (1979), with the spending function of Lan & DeMets (1983); Jennison & Turnbull, "Group Sequential
Methods" (2000). The level of the second stage is found by simulating Student's t at both, because with five pairs the normal tables are too kind.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from phasewise.stats.normal import cdf, quantile

ALPHA = 0.05
"""No-ops adopted, over both stages together."""
HOPEFUL = 0.25
"""One-sided p value of the first stage under which an undecided idea gets more seeds: about 0.7 standard errors of gain."""
DRAWS = 200_000
"""Simulated ideas without a gain; the level found is good to about 0.0005."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Which stage a decision belongs to: `first` pairs, then up to `more`; `last` once the additional pairs are there."""

    first: int
    more: int
    last: bool = False

    def level(self, borrowed: float) -> float:
        """The one-sided level of this stage's test, `borrowed` degrees of freedom coming from other ideas."""
        early, late = levels(self.first, self.more, round(borrowed))
        return late if self.last else early


@cache
def levels(first: int, more: int, borrowed: int = 0) -> tuple[float, float]:
    """One-sided levels of the two stages that adopt a no-op in `ALPHA` of all cases.

    The first is 2 (1 - Phi(z / sqrt(t))) at the share t of the pairs. The second counts every undecided idea as going on; those given up
    earlier (`HOPEFUL`, a spent budget) only lower the rate.
    """
    from scipy.stats import t as student

    early = 2 * (1 - cdf(quantile(1 - ALPHA / 2) / (first / (first + more)) ** 0.5))
    rng = np.random.default_rng(0)
    gains = rng.standard_normal((DRAWS, first + more))
    known = rng.chisquare(borrowed, DRAWS) if borrowed else np.zeros(DRAWS)
    p = [student.sf(_t(gains[:, :n], known, borrowed), n - 1 + borrowed) for n in (first, first + more)]
    left = np.sort(p[1][p[0] >= early])
    return float(early), float(left[int((ALPHA - early) * DRAWS)])


def _t(gains: np.ndarray, known: np.ndarray, borrowed: int) -> np.ndarray:
    """t statistics [draws] of gains [draws, pairs] whose spread is shared with `borrowed` degrees of freedom of sum of squares `known`."""
    n = gains.shape[1]
    mean = gains.mean(axis=1)
    square = ((gains - mean[:, None]) ** 2).sum(axis=1)
    return mean / np.sqrt((known + square) / (borrowed + n - 1) / n)
