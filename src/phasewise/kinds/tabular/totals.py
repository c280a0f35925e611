"""Rows of totals or means under a table, as spreadsheets export them."""

import re

import numpy as np
import polars as pl

from phasewise.kinds.tabular import casting
from phasewise.records.text import safe_text

LEAST = 10
"""Rows above a total that make a sum no coincidence."""
_TOTAL = re.compile(r"^(grand |sub-?|overall )?(total|sum|summe|gesamt|gesamtsumme|insgesamt|somme|suma|totale|totaal|average|mean|avg|mittelwert|durchschnitt|moyenne)s?\b[ :]*", re.I)


def without_totals(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """An all-text table without its last rows (at most three) that sum up the rows above them, and a note that says so.

    A row counts as a total when a cell says so and a column bears it out, or when at least two columns and half of its numbers are the sums
    of all rows above.
    """
    found: list[str] = []
    while frame.height > LEAST and len(found) < 3:
        said = _total(frame)
        if not said:
            break
        found.append(said)
        frame = frame.head(frame.height - 1)
    if not found:
        return frame, []
    return frame, [f"the last {'row sums' if len(found) == 1 else f'{len(found)} rows sum'} up the table ({found[-1]}) and {'was' if len(found) == 1 else 'were'} left out"]


def _total(frame: pl.DataFrame) -> str:
    """How the last row says that it is a total; empty when it is a row of data."""
    last, above = frame.row(-1), frame.height - 1
    named = next((c for c in last if c and _TOTAL.match(c.strip())), "")
    if not named and sum(v is not None for v in last) < 2:
        return ""
    sums = numbers = odd = blanks = 0
    for name, cell in zip(frame.columns, last, strict=True):
        column = frame[name].head(above)
        if cell is None or not cell.strip():
            blanks += column.null_count() < 0.05 * above
            continue
        if column.null_count() > 0.9 * above:
            continue
        written = casting.number_format(column.head(200)) if cell != named or not _TOTAL.match(cell.strip()) else None
        if cell == named:
            odd += casting.number_format(column.head(200)) is not None
            continue
        if written is None:
            continue
        value = casting.parse_numbers(pl.Series([cell]), written)[0]
        values = casting.parse_numbers(column, written).drop_nulls().to_numpy()
        if value is None or len(values) < 0.9 * (above - column.null_count()):
            continue
        numbers += 1
        sums += _sums(values, float(value))
    known = next((n for n, c in zip(frame.columns, last, strict=True) if c == named), "") if named else ""
    elsewhere = bool(named) and int((frame[known].head(above).str.strip_chars() == named.strip()).sum()) > 0
    if named and not elsewhere and (sums or odd or (blanks and numbers)):
        return repr(safe_text(named, 30))
    return f"{sums} of its {numbers} numbers are sums" if sums >= 2 and sums >= 0.5 * numbers else ""


def _sums(values: np.ndarray, value: float) -> bool:
    """Whether a value is the sum or the mean of others that are not nearly all zero."""
    if (values != 0).sum() < LEAST / 2 or not np.isfinite(values).all() or np.ptp(values) == 0:
        return False
    total = float(values.sum())
    size = float(np.abs(values).sum())
    return abs(value - total) <= max(1e-9 * size, 0.006) and abs(total) > 0.02 * size or abs(value) > 1 and abs(value - total / len(values)) <= 1e-6 * size / len(values)
