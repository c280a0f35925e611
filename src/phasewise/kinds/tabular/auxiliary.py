"""Columns that are learned along but never given: further targets of the training rows (R20; Caruana 1997)."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from phasewise.kinds.tabular import casting
from phasewise.records.errors import UsageError
from phasewise.records.text import safe_text

MOST_LEVELS = 20


def block(table: pl.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Float32 [n, 2a]: a standardised values (a category is one column a level, its commonest 20), then a marks of what is known.

    Missing cells are 0 with mark 0. Scale and levels come from all rows given: they shape a training signal and reach no prediction.
    Raises `UsageError` for a column the table lacks or that says nothing.
    """
    values, known = [], []
    for name in names:
        if name not in table.columns:
            raise UsageError(f"there is no column {safe_text(name, 60)!r} to learn along", "", "Name a column of the table (approach.auxiliary).")
        for column, there in _columns(table[name]):
            spread = float(column[there].std()) if there.any() else 0.0
            if spread > 0:
                values.append(np.where(there, (column - column[there].mean()) / spread, 0.0))
                known.append(there.astype(float))
    if not values:
        raise UsageError(f"nothing can be learned from {', '.join(safe_text(n, 40) for n in names)}", "Every cell is missing or the same.", "Name another column (approach.auxiliary).")
    return np.stack([*values, *known], axis=1).astype(np.float32)


def _columns(series: pl.Series) -> list[tuple[np.ndarray, np.ndarray]]:
    numbers = series.cast(pl.Float64) if series.dtype.is_numeric() else casting.parse_numbers(series.cast(pl.String))
    if numbers.null_count() <= series.null_count() + 0.05 * len(series):
        found = numbers.to_numpy().astype(float)
        return [(found, np.isfinite(found))]
    text = series.cast(pl.String)
    there = text.is_not_null().to_numpy()
    levels = text.drop_nulls().alias("value").value_counts().sort(["count", "value"], descending=[True, False]).head(MOST_LEVELS)["value"].to_list()
    return [((text == level).fill_null(False).to_numpy().astype(float), there) for level in levels]
