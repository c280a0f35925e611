"""Columns as numbers for models and hashes."""

import numpy as np
import polars as pl


def as_text(column: pl.Series) -> pl.Series:
    """Cells as text; whole floats without a fraction so that 1 and 1.0 are one class."""
    if column.dtype == pl.String:
        return column
    if column.dtype.is_float():
        filled = column.drop_nulls()
        if len(filled) == 0 or bool((filled == filled.round(0)).all()):
            return column.cast(pl.Int64, strict=False).cast(pl.String)
    return column.cast(pl.String)


def coded(column: pl.Series) -> np.ndarray:
    """A column as floats [n], nan where missing: text as codes in sorted order, dates as seconds, numbers as they are."""
    dtype = column.dtype
    if dtype.is_numeric():
        values = column.cast(pl.Float64).to_numpy().astype(float)
        return np.where(np.isfinite(values), values, np.nan)
    if dtype == pl.Boolean:
        return column.cast(pl.Float64).to_numpy().astype(float)
    if dtype.is_temporal():
        whole = column.cast(pl.Datetime("us"), strict=False) if dtype in (pl.Date,) or isinstance(dtype, pl.Datetime) else column
        return whole.to_physical().cast(pl.Float64).to_numpy().astype(float) / 1e6
    text = column.cast(pl.String)
    ranks = text.rank("dense").cast(pl.Float64).to_numpy().astype(float)
    return ranks - 1


def partition(values: np.ndarray) -> np.ndarray:
    """Codes in order of first appearance: equal for columns that split the rows the same way."""
    values = np.where(np.isnan(values), -np.inf, values)
    _, first, index = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order))
    return rank[index.ravel()]


def same_order(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two number columns are strictly monotone functions of each other (missing in the same rows)."""
    known = ~np.isnan(a)
    if not np.array_equal(known, ~np.isnan(b)):
        return False
    order = np.argsort(a[known], kind="stable")
    da, db = np.diff(a[known][order]), np.diff(b[known][order])
    return bool(np.all((da > 0) == (db > 0)) and not np.any(db < 0)) or bool(np.all((da > 0) == (db < 0)) and not np.any(db > 0))


def says_the_same(a: np.ndarray, b: np.ndarray, *, level: bool) -> bool:
    """Whether two coded columns split the rows in the same way; of number columns that hardly repeat a value only the order can tell."""
    first, second = partition(a), partition(b)
    if not level and first.max() + 1 > 0.5 * len(a):
        return same_order(a, b)
    return bool(np.array_equal(first, second))
