"""A time that stands in several columns (year, month, day, hour): no date column names it, a random split still looks into the future (T32)."""

import numpy as np
import polars as pl

from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, q
from phasewise.records.findings import Finding

PARTS = (
    (("year", "yr"), 1800, 2200), (("month", "mon", "mnth"), 1, 12), (("day", "dayofmonth", "day_of_month", "mday"), 1, 31), (("hour", "hr"), 0, 23),
    (("minute",), 0, 59),
)
"""Names of the parts, coarse to fine, and what their numbers lie between."""
RISING, FOLLOWS, MOMENTS = 0.98, 0.3, 50
"""Share of steps in the file that do not go back; rank correlation of the target from one moment to the next; fewest moments to say so."""


@check("calendar-parts", source="T32", cost="pass")
def calendar_parts(table: CheckTable) -> list[Finding]:
    """The file goes through a calendar that is written in parts, and the target of one moment resembles that of the next."""
    if table.groups is not None or table.options.get("policy") in ("time", "grouped") or any(t.is_temporal() for t in table.schema.values()):
        raise Skip("a time or a group is named")
    parts = _parts(table)
    if len(parts) < 2:
        raise Skip("no calendar in parts")
    moment = _moments(table, parts)[table.facts.known]
    if len(np.unique(moment)) < MOMENTS or (np.diff(moment) >= 0).mean() < RISING:
        return []
    y = np.asarray(table.facts.y[table.facts.known], np.float64)
    _, index, counts = np.unique(moment, return_inverse=True, return_counts=True)
    level = pl.Series(np.bincount(index, y) / counts).rank().to_numpy()
    follows = float(np.corrcoef(level[:-1], level[1:])[0, 1]) if level.std() > 0 else 0.0
    if follows < FOLLOWS:
        return []
    numbered = _numbered(table)
    ways = [remedy("time-split", recommended=True, column=numbered)] if numbered else [remedy("note", recommended=True, title="add one column with the moment and split by it")]
    said = f"{', '.join(q(p) for p in parts)} rise through the file; the target of one moment and of the next correlate by {follows:.2f}: a random split knows the hours before and after every test row."
    return [finding("calendar-parts", "warn", "The rows follow a calendar", said, columns=parts, numbers={"follows": follows}, harm=4, remedies=[*ways, remedy("accept")])]


def _parts(table: CheckTable) -> list[str]:
    """The columns of the calendar from coarse to fine; none where a middle one is missing."""
    found: list[str] = []
    for names, low, high in PARTS:
        column = next((c for c in table.frame.columns if c.lower() in names and c != table.target and table.schema[c].is_integer()), None)
        if column is None:
            if found:
                break
            continue
        known = table.frame[column].drop_nulls()
        if len(known) < table.rows or known.min() < low or known.max() > high:
            break
        found.append(column)
    return found


def _moments(table: CheckTable, parts: list[str]) -> np.ndarray:
    moment = np.zeros(table.rows)
    for column in parts:
        moment = 400 * moment + table.frame[column].to_numpy()  # any radix above the largest part keeps the order
    return moment


def _numbered(table: CheckTable) -> str:
    """A column that numbers the rows in the order of the file: what a split by time can go by."""
    for column in [*table.left_out, *table.features]:
        if table.schema[column].is_integer() and table.frame[column].null_count() == 0 and bool((table.frame[column].diff().drop_nulls() > 0).all()):
            return column
    return ""
