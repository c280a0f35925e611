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
