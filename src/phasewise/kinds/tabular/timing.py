"""Rows in the order of their time column."""

import numpy as np
import polars as pl

from phasewise.kinds.tabular import casting
from phasewise.kinds.tabular.development import Development
from phasewise.records.errors import UsageError
from phasewise.records.text import safe_text

ONE_A_MOMENT = 0.95
"""Share of distinct times above which a table is one series; several rows a moment are a panel, whose row before is another's."""


def in_time(dev: Development) -> np.ndarray | None:
    """Positions of the development rows from first to last, where they were split by time and are one series; None else."""
    name = dev.split.get("time") if dev.split.get("policy") == "time" else None
    if not name or name not in dev.natural.columns:
        return None
    order, _ = time_order(dev.natural[name], dev.formats.get(name))
    if np.isnan(order).any() or len(np.unique(order)) < ONE_A_MOMENT * len(order):
        return None
    return np.argsort(order, kind="stable")


def time_order(column: pl.Series, fmt: str | None) -> tuple[np.ndarray, float]:
    """A column as float time [n] (NaN where missing) and how many of its units a gap of 1 is: a day for dates, 1 for numbers."""
    if column.dtype == pl.String:
        found = fmt or (casting.date_format(column) or ("", 0))[0]
        if not found or found in ("plain", "point", "comma"):
            numbers = casting.parse_numbers(column)
            if numbers.null_count() < len(numbers):
                return numbers.to_numpy().astype(float), 1.0
            raise UsageError(f"cannot order rows by {safe_text(column.name, 60)!r}", "Its cells are neither dates nor numbers.", "Name a date or number column.")
        column = casting.parse_dates(column, found)
    if column.dtype.is_temporal():
        stamps = column.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64).to_numpy()
        return stamps / 1e6, 86_400.0
    return column.cast(pl.Float64).to_numpy(), 1.0
