"""Row hashes: 64 bits per cell, summed over columns, so that one column can be taken out by subtraction."""

import numpy as np
import polars as pl

from phasewise.checks.coding import as_text


def column_hash(column: pl.Series, seed: int) -> np.ndarray:
    """uint64 [n]; equal cells of one column have equal hashes (-0.0 equals 0.0, 1 equals 1.0, null equals null)."""
    if column.dtype.is_numeric():
        column = (column.cast(pl.Float64) + 0.0).fill_nan(None)
    elif isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    return column.hash(seed=seed * 7919 + 1).to_numpy()


def text_hash(column: pl.Series) -> np.ndarray:
    """uint64 [n] of cells as text."""
    return as_text(column).hash(seed=97).to_numpy()


def frame_hash(frame: pl.DataFrame, columns: list[str]) -> np.ndarray:
    """Row hashes uint64 [n] over some columns, comparable between frames with the same columns."""
    total = np.zeros(frame.height, dtype=np.uint64)
    for i, c in enumerate(columns):
        total += column_hash(frame[c], i)
    return total
