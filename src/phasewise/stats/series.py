"""Is a series more than its last value? Naive forecast, unit root, leftover structure (T25)."""

import math
from dataclasses import dataclass

import numpy as np

from phasewise.stats.normal import cdf

MOST = 5000
"""Newest values that the tests look at."""
LEVEL = 0.05

_SMALL = (2.1659, 1.4412, 0.038269)
_LARGE = (1.7339, 0.93202, -0.12745, -0.010368)
_MIDDLE, _LOWEST, _HIGHEST = -1.61, -18.83, 2.74
"""MacKinnon (1994), constant only: polynomials that turn the statistic into a normal quantile, and where they change over."""


@dataclass(frozen=True, kw_only=True)
class SeriesVerdict:
    """What a model knows beyond the last value; errors are mean absolute ones on the same rows."""

    mase: float
    low: float
    high: float
    rows: int
    error: float
    naive: float
    unit_root_p: float
    """Augmented Dickey-Fuller on the levels: large = a random walk is not refuted."""
    steps_p: float
    """Ljung-Box on the steps: large = they look like noise."""

    @property
    def noise(self) -> bool:
        """No clear gain over the last value."""
        return not self.high < 1

    def told(self) -> str:
        """One sentence with the numbers."""
        walk = self.unit_root_p > LEVEL and self.steps_p > LEVEL
        beats = f"error {self.error:.4g} against {self.naive:.4g} of repeating the last value (MASE {self.mase:.3f} [{self.low:.3f}, {self.high:.3f}], {self.rows} rows after the training rows)"
        kind = f"levels like a random walk (ADF p {self.unit_root_p:.2g}), steps like noise (Ljung-Box p {self.steps_p:.2g})" if walk else f"ADF p {self.unit_root_p:.2g} on levels, Ljung-Box p {self.steps_p:.2g} on steps"
        return f"{beats}; {kind}"


def judge(truth: np.ndarray, said: np.ndarray, before: np.ndarray, levels: np.ndarray, *, seed: int = 0, resamples: int = 1000) -> SeriesVerdict:
    """A walk-forward forecast against the value before it.

    `truth`, `said`, `before` [n]: the rows judged, in time order, and the value one row earlier; `levels` [m] all known values in time
    order. The interval of the ratio is a bootstrap of moving blocks of n^(1/3) rows, so that neighbours may resemble each other.
    """
    ours, naive = np.abs(truth - said), np.abs(truth - before)
    n = len(truth)
    rng, size = np.random.default_rng(seed), max(1, round(n ** (1 / 3)))
    starts = rng.integers(0, max(1, n - size + 1), size=(resamples, math.ceil(n / size)))
    picks = (starts[:, :, None] + np.arange(size)).reshape(resamples, -1)[:, :n]
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = ours[picks].mean(1) / naive[picks].mean(1)
        mase = float(ours.mean() / naive.mean())
    low, high = np.nanquantile(drawn, [0.025, 0.975]) if np.isfinite(drawn).any() else (math.nan, math.nan)
    return SeriesVerdict(
        mase=mase, low=float(low), high=float(high), rows=n, error=float(ours.mean()), naive=float(naive.mean()),
        unit_root_p=adf(levels)[1], steps_p=ljung_box(np.diff(levels))[1],
    )


def adf(values: np.ndarray, lags: int | None = None) -> tuple[float, float]:
    """Augmented Dickey-Fuller statistic with a constant, and its p (MacKinnon 1994); lags by AIC up to 12 (n/100)^(1/4). NaN below 20 values."""
    x = np.asarray(values, float)[-MOST:]
    n = len(x)
    if n < 20 or not np.isfinite(x).all() or np.ptp(x) == 0:
        return math.nan, math.nan
    most = min(int(12 * (n / 100) ** 0.25), n // 2 - 3) if lags is None else lags
    step = np.diff(x)
    best: tuple[float, float] | None = None
    for k in range(most + 1) if lags is None else (lags,):
        # every candidate sees the same rows, so that their AIC can be compared
        y = step[most:]
        columns = [np.ones(len(y)), x[most:-1], *(step[most - i : len(step) - i] for i in range(1, k + 1))]
        design = np.stack(columns, 1)
        solved, *_ = np.linalg.lstsq(design, y, rcond=None)
        rest = y - design @ solved
        rss = float(rest @ rest)
        freedom = len(y) - design.shape[1]
        if rss <= 0 or freedom < 1:
            continue
        spread = math.sqrt(rss / freedom * float(np.linalg.pinv(design.T @ design)[1, 1]))
        aic = len(y) * math.log(rss / len(y)) + 2 * design.shape[1]
        if spread > 0 and (best is None or aic < best[0]):
            best = (aic, float(solved[1]) / spread)
    if best is None:
        return math.nan, math.nan
    return best[1], _mackinnon(best[1])


def _mackinnon(statistic: float) -> float:
    if statistic > _HIGHEST:
        return 1.0
    if statistic < _LOWEST:
        return 0.0
    powers = _SMALL if statistic <= _MIDDLE else _LARGE
    return float(cdf(sum(c * statistic**i for i, c in enumerate(powers))))


def ljung_box(values: np.ndarray, lags: int | None = None) -> tuple[float, float]:
    """Q = n (n+2) sum r_k^2 / (n-k) over the first min(10, n/5) autocorrelations, and its chi-squared p (Ljung & Box 1978)."""
    from scipy.stats import chi2

    x = np.asarray(values, float)[-MOST:]
    n = len(x)
    count = min(10, n // 5) if lags is None else lags
    if count < 1 or not np.isfinite(x).all() or np.ptp(x) == 0:
        return math.nan, math.nan
    x = x - x.mean()
    r = np.array([x[k:] @ x[:-k] for k in range(1, count + 1)]) / (x @ x)
    q = n * (n + 2) * float((r**2 / (n - np.arange(1, count + 1))).sum())
    return q, float(chi2.sf(q, count))
