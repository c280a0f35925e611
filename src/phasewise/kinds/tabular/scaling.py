"""Numbers made ready for a network: missing values, scaling, quantile-to-normal transform, principal components (D07-D10)."""

from dataclasses import dataclass, field

import numpy as np

QUANTILES = 1000
LIMIT = 1e6
"""Scaled values are clipped here so that a wild cell of a later file stays finite."""
SCALERS = ("standard", "quantile", "robust", "none")


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What was learned about d numeric columns from training rows, plain lists so that JSON keeps every bit.

    `center` and `scale` [d]; `median` [d] fills missing cells; `references` holds a quantile table per column (quantile scaler).
    """

    names: list[str]
    scaler: str
    median: list[float]
    center: list[float]
    scale: list[float]
    references: list[list[float]] = field(default_factory=list)
    indicators: list[int] = field(default_factory=list)
    """Columns that get a missing indicator (0 or 1) behind the numbers."""
    mean: list[float] = field(default_factory=list)
    components: list[list[float]] = field(default_factory=list)
    """Principal directions [k, d] of the scaled columns; empty without PCA."""
    explained: list[float] = field(default_factory=list)

    @property
    def features(self) -> list[str]:
        """Names of the resulting columns."""
        own = [f"pc{i + 1}" for i in range(len(self.components))] if self.components else list(self.names)
        return own + [f"{self.names[i]} missing" for i in self.indicators]


def fit_numbers(x: np.ndarray, names: list[str], *, scaler: str = "standard", indicators: list[int] | None = None, pca: float | None = None) -> Numbers:
    """Learn from training rows x float64 [n, d] (NaN where missing): mean and population standard deviation per column (ddof 0; 0 becomes 1)."""
    d = x.shape[1]
    x = np.where(np.isfinite(x), x, np.nan)
    empty = np.isnan(x).all(axis=0) if len(x) else np.ones(d, bool)
    safe = np.where(empty, 0.0, x)
    median = np.nanmedian(safe, axis=0) if d else np.zeros(0)
    filled = np.where(np.isnan(safe), median, safe)
    references: list[list[float]] = []
    if scaler == "robust":
        low, center, high = np.quantile(filled, (0.25, 0.5, 0.75), axis=0)
        scale = high - low
        with np.errstate(over="ignore"):
            scale = np.where(scale > 0, scale, filled.std(axis=0))
    elif scaler in ("standard", "quantile"):
        with np.errstate(over="ignore"):
            center, scale = filled.mean(axis=0), filled.std(axis=0)
        if scaler == "quantile":
            levels = np.linspace(0, 1, min(QUANTILES, max(len(filled), 2)))
            references = [np.maximum.accumulate(np.quantile(filled[:, j], levels)).tolist() for j in range(d)]
    else:
        center, scale = np.zeros(d), np.ones(d)
    # A column whose spread is only rounding noise counts as constant: dividing by the noise would blow it up.
    scale = np.where(scale > 10 * np.finfo(np.float64).eps * np.maximum(np.abs(center), 1e-300), scale, 1.0)
    made = Numbers(names=names, scaler=scaler, median=median.tolist(), center=center.tolist(), scale=scale.tolist(), references=references, indicators=list(indicators or []))
    return _with_pca(made, filled, pca) if pca else made


def _with_pca(numbers: Numbers, filled: np.ndarray, share: float) -> Numbers:
    """The smallest k whose cumulative explained variance reaches `share`, signs as scikit-learn's `svd_flip` (D10)."""
    from dataclasses import replace

    scaled = scale_numbers(numbers, filled)
    mean = scaled.mean(axis=0)
    _, singular, directions = np.linalg.svd(scaled - mean, full_matrices=False)
    biggest = np.argmax(np.abs(directions), axis=1)
    directions *= np.sign(directions[np.arange(len(directions)), biggest])[:, None]
    ratio = singular**2 / max(float((singular**2).sum()), 1e-300)
    k = min(int(np.searchsorted(np.cumsum(ratio), share, side="right")) + 1, len(ratio))
    return replace(numbers, mean=mean.tolist(), components=directions[:k].tolist(), explained=ratio[:k].tolist())


def scale_numbers(numbers: Numbers, filled: np.ndarray) -> np.ndarray:
    """Filled columns [n, d] -> scaled float64 [n, d], before PCA and indicators."""
    if numbers.scaler == "quantile":
        return _to_normal(filled, numbers.references)
    return (filled - np.asarray(numbers.center)) / np.asarray(numbers.scale)


def _to_normal(x: np.ndarray, references: list[list[float]]) -> np.ndarray:
    """Empirical distribution to the standard normal, as scikit-learn's QuantileTransformer between the ends; levels clipped to [1e-7, 1 - 1e-7].

    Ties take the middle of their levels at the ends too: scikit-learn sends a smallest value that 90 % of the rows hold to -5.2.
    """
    from scipy.special import ndtri

    out = np.empty_like(x)
    for j, table in enumerate(references):
        quantiles = np.asarray(table)
        levels = np.linspace(0, 1, len(quantiles))
        up = np.interp(x[:, j], quantiles, levels)
        down = -np.interp(-x[:, j], -quantiles[::-1], -levels[::-1])
        out[:, j] = ndtri(np.clip((up + down) / 2, 1e-7, 1 - 1e-7))
    return out


def transform_numbers(numbers: Numbers, x: np.ndarray) -> np.ndarray:
    """Columns float64 [n, d] with NaN -> float32 [n, features]: fill, scale, project, append indicators."""
    missing = ~np.isfinite(x)
    filled = np.where(missing, np.asarray(numbers.median), x) if x.shape[1] else x
    scaled = np.clip(scale_numbers(numbers, filled), -LIMIT, LIMIT) if x.shape[1] else x
    if numbers.components:
        scaled = (scaled - np.asarray(numbers.mean)) @ np.asarray(numbers.components).T
    flags = missing[:, numbers.indicators].astype(np.float64)
    return np.concatenate([scaled, flags], axis=1).astype(np.float32)
