"""Error over training rows, fitted by a power law, and what more data would buy (D16)."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def power_law(n: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    """err(n) = a + b n^-c (Hestness et al. 2017)."""
    return a + b * n ** (-c)


def fit_power_law(sizes: Sequence[float], errors: Sequence[float]) -> tuple[float, float, float]:
    """a >= 0, b >= 0, 0.05 <= c <= 2 with the least squared error; linear in (a, b) for each c of a grid, so it cannot get stuck."""
    from scipy.optimize import nnls

    n, err = np.asarray(sizes, float), np.asarray(errors, float)
    best, found = np.inf, (float(err.mean()), 0.0, 0.5)
    for c in np.linspace(0.05, 2.0, 79):
        design = np.stack([np.ones(len(n)), (n / n.max()) ** (-c)], axis=1)
        (a, b), residual = nnls(design, err)
        if residual < best - 1e-15:
            best, found = residual, (float(a), float(b * n.max() ** c), float(c))
    return found


def learning_curve(points: Sequence[tuple[int, float]], *, seed: int = 0, times: int = 200) -> dict[str, Any]:
    """The fitted curve from `(rows, error)` points (several seeds per size): error at 2n and 10n with 80 % bootstrap intervals.

    Points are resampled within each size. `gain_double` is the error saved by doubling the data: the impact of the idea "collect more".
    """
    array = np.array(sorted(points), float)
    sizes = np.unique(array[:, 0])
    if len(sizes) < 3:
        return {"note": "three sizes are needed for a curve", "points": [[float(a), float(b)] for a, b in array]}
    a, b, c = fit_power_law(array[:, 0], array[:, 1])
    full = float(sizes.max())
    wanted = {"double": 2 * full, "tenfold": 10 * full}
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {k: [] for k in wanted}
    spread = np.std(array[:, 1] - power_law(array[:, 0], a, b, c), ddof=min(3, len(array) - 1))
    for _ in range(times):
        noisy = power_law(array[:, 0], a, b, c) + rng.normal(0, spread, len(array))
        parameters = fit_power_law(array[:, 0], noisy)
        for name, at in wanted.items():
            draws[name].append(float(power_law(np.array(at), *parameters)))
    out: dict[str, Any] = {"points": [[float(x), float(e)] for x, e in array], "a": a, "b": b, "c": c, "rows": int(full)}
    at_full = float(power_law(np.array(full), a, b, c))
    for name, at in wanted.items():
        value = float(power_law(np.array(at), a, b, c))
        out[name], out[f"gain_{name}"] = value, at_full - value
        out[f"{name}_low"], out[f"{name}_high"] = (float(v) for v in np.quantile(draws[name], [0.1, 0.9]))
    return out


def sizes_for(rows: int, steps: int = 5) -> list[int]:
    """n/16, n/8, n/4, n/2, n (at least 16 rows)."""
    return sorted({max(16, rows // 2**i) for i in range(steps) if rows // 2**i >= 16} | {rows})
