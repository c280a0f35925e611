"""Copies with a little noise in several number columns at once (T16)."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from phasewise.checks.hashing import column_hash

GRID = 0.001
"""Cell width as a share of a column's interquartile range: rows in one cell of every column are nearly equal."""
DISTINCT = 0.05
BUDGET = 20_000_000
"""Number cells looked at; larger tables are left to the one-column rule."""


def jittered(frame: pl.DataFrame, features: Sequence[str]) -> np.ndarray:
    """Pairs [m, 2] of rows equal in every feature but for tiny noise in two or more number columns; none when chance would make them.

    Where rows merely lie dense, ten times wider cells hold many times more pairs; of copies they hold hardly more.
    """
    schema = dict(frame.schema)
    floats = [c for c in features if schema[c].is_float()]
    if frame.height * len(floats) > BUDGET:
        return np.zeros((0, 2), np.int64)
    moving = [c for c in floats if frame[c].n_unique() > max(DISTINCT * frame.height, 20)]
    if len(moving) < 2:
        return np.zeros((0, 2), np.int64)
    values, base, exact = {}, np.zeros(frame.height, np.uint64), np.zeros(frame.height, np.uint64)
    with np.errstate(over="ignore"):
        for place, c in enumerate(features):
            hashed = column_hash(frame[c], place)
            exact += hashed
            if c in moving:
                values[place] = frame[c].cast(pl.Float64).to_numpy()
            else:
                base += hashed
    fine, wide = (_pairs(values, base, exact, width) for width in (GRID, 10 * GRID))
    return fine if len(fine) >= 0.5 * len(wide) else np.zeros((0, 2), np.int64)


def _pairs(values: dict[int, np.ndarray], base: np.ndarray, exact: np.ndarray, width: float) -> np.ndarray:
    """Neighbouring rows of one cell whose values are not all equal; two shifted grids, so that no border hides a pair."""
    out = []
    for shift in (0.0, 0.5):
        key = base.copy()
        with np.errstate(over="ignore"):
            for place, x in values.items():
                finite = x[np.isfinite(x)]
                low, high = np.quantile(finite, (0.25, 0.75)) if len(finite) else (0.0, 0.0)
                spread = (high - low) or float(finite.std() if len(finite) else 0) or 1.0
                cell = pl.Series(np.floor(np.nan_to_num(x, nan=-1e300) / (width * spread) + shift))
                key += cell.hash(seed=place * 7919 + 3).to_numpy()
        order = np.argsort(key, kind="stable")
        hit = (key[order][1:] == key[order][:-1]) & (exact[order][1:] != exact[order][:-1])
        out.append(np.stack([order[:-1][hit], order[1:][hit]], axis=1))
    both = np.sort(np.concatenate(out), axis=1)
    return np.unique(both, axis=0) if len(both) else both
