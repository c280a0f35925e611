"""The learning curve: err(n) = a + b n^-c, and what more rows would buy (D16; Hestness et al. 2017)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """A predicted error with its 80 % interval."""

    n: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A fitted curve with bootstrap curves [b, 3] around it; `r2` of the fit on the given points."""

    a: float
    b: float
    c: float
    r2: float
    draws: np.ndarray
    noise: float

    def error(self, n: float) -> float:
        """Expected error at n rows."""
        return float(self.a + self.b * n**-self.c)

    def predict(self, n: float, *, level: float = 0.8) -> Forecast:
        """Error at n rows with an interval that holds curve uncertainty and the noise of one measurement."""
        values = self.draws[:, 0] + self.draws[:, 1] * n ** -self.draws[:, 2]
        rng = np.random.default_rng(0)
        values = values + rng.normal(0, self.noise, len(values))
        low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
        return Forecast(n=n, value=self.error(n), low=float(low), high=float(high))


def _fit_once(sizes: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Least squares over a grid of exponents with a and b >= 0 solved exactly for each."""
    best, found = np.inf, np.array([errors.mean(), 0.0, 0.5])
    scale = sizes.max()
    for c in np.linspace(0.05, 2.0, 40):
        x = (sizes / scale) ** -c
        w = weights.sum()
        mx, my = (weights * x).sum() / w, (weights * errors).sum() / w
        sxx = (weights * (x - mx) ** 2).sum()
        b = max(0.0, (weights * (x - mx) * (errors - my)).sum() / sxx) if sxx > 0 else 0.0
        a = my - b * mx
        if a < 0:
            a, b = 0.0, max(0.0, (weights * x * errors).sum() / (weights * x * x).sum())
        loss = (weights * (errors - a - b * x) ** 2).sum()
        if loss < best:
            best, found = loss, np.array([a, b * scale**c, c])
    return found


def fit(sizes: np.ndarray, errors: np.ndarray, *, times: int = 300, seed: int = 0) -> Curve:
    """The power law through (n, error) points, several per size; needs at least three sizes (`ValueError`)."""
    sizes, errors = np.asarray(sizes, float), np.asarray(errors, float)
    if len(np.unique(sizes)) < 3:
        raise ValueError("a learning curve needs at least three sizes")
    spread = np.array([errors[sizes == n].std(ddof=1) if (sizes == n).sum() > 1 else np.nan for n in sizes])
    typical = np.nanmedian(spread) if np.isfinite(spread).any() else 0.0
    # Small samples scatter more: errors of size n weigh like n.
    weights = sizes / sizes.max()
    best = _fit_once(sizes, errors, weights)
    fitted = best[0] + best[1] * sizes ** -best[2]
    left = errors - fitted
    noise = max(float(np.sqrt(np.average(left**2, weights=weights))), float(typical) * 0.5)
    rng = np.random.default_rng(seed)
    scale = np.sqrt(len(errors) / max(1, len(errors) - 3))
    draws = np.stack([_fit_once(sizes, fitted + scale * left[rng.integers(0, len(left), len(left))], weights) for _ in range(times)])
    total = ((errors - errors.mean()) ** 2).sum()
    r2 = 1 - (left**2).sum() / total if total > 0 else 0.0
    return Curve(a=float(best[0]), b=float(best[1]), c=float(best[2]), r2=float(r2), draws=draws, noise=noise)
