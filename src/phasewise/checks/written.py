"""How cells are written: dates in several forms, decimal points beside decimal commas, numbers with a unit (T02, T03)."""

import re

import polars as pl

from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding, q
from phasewise.checks.types import DATES
from phasewise.records.findings import Finding

ALL, SOME = 0.95, 0.01
"""Share of the cells that must be of the kind at all, and of each form that counts."""
MOST = 5_000
"""Distinct values looked at, the most frequent first."""
_COMMA = r"^[-+]?\d+,\d+$"
_GROUP = r"^[-+]?[1-9]\d{0,2}(,\d{3})+$"
_SAME: tuple[dict[str, float], ...] = (
    {"kg": 1.0, "g": 0.001, "mg": 1e-6, "t": 1000.0, "lb": 0.45359237, "lbs": 0.45359237, "oz": 0.028349523},
    {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0, "in": 0.0254, "ft": 0.3048, "yd": 0.9144, "mi": 1609.344},
    {"s": 1.0, "sec": 1.0, "ms": 0.001, "min": 60.0, "mins": 60.0, "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "d": 86400.0, "days": 86400.0},
    {"l": 1.0, "ml": 0.001, "cl": 0.01, "dl": 0.1},
    {"b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12},
    {"k": 1e3, "m": 1e6, "b": 1e9, "mio": 1e6, "mrd": 1e9},
)
"""Units of one quantity, by what they are worth in its first."""
_MASK = re.compile(r"^[xX*]{2,}\.?$")
"""Hidden digits of a code (a postcode 943xx) are no unit."""
_UNIT = r"^[-+]?\d+(?:[.,]\d+)?\s*([a-zA-Z°µ%€$£/²³]{1,8}\.?)$"


@check("mixed-formats", source="T02, T03", cost="pass", rows=100_000)
def mixed_formats(table: CheckTable) -> list[Finding]:
    """Columns whose cells are dates or numbers, but not all written in one way."""
    out = []
    for c in table.facts.written():
        counted = table.facts.uniques(c).head(MOST).with_columns(pl.col("value").str.strip_chars())
        rows = int(counted["count"].sum())
        if counted.height < 5 or rows == 0:
            continue
        found = _dates(c, counted, rows) or _decimals(c, counted, rows) or _units(table, c, counted, rows)
        if found:
            out.append(found)
    return out


def _share(counted: pl.DataFrame, mask: pl.Series, rows: int) -> float:
    return float(counted.filter(mask)["count"].sum()) / rows


def _dates(c: str, counted: pl.DataFrame, rows: int) -> Finding | None:
    shares = {form: _share(counted, counted["value"].str.contains(pattern), rows) for form, pattern in DATES.items()}
    forms = [f for f, s in sorted(shares.items(), key=lambda p: -p[1]) if s >= SOME]
    if len(forms) < 2 or sum(shares.values()) < ALL or shares[forms[0]] >= ALL:
        return None
    forms = [_day_first(f, counted) for f in forms]
    shown = [counted["value"].filter(counted["value"].str.contains(DATES[f if f in DATES else "%m/%d/%Y"]))[0] for f in forms[:3]]
    return finding("mixed-formats", "warn", f"{q(c)} writes dates in {len(forms)} ways", f"For example {', '.join(q(v) for v in shown)}; as they stand they are no dates.", column=c, rows=rows, examples=shown, numbers={"forms": forms}, harm=0.5, remedies=[remedy("as-date", recommended=True, format="|".join(forms)), remedy("drop-column"), remedy("accept")])


def _day_first(form: str, counted: pl.DataFrame) -> str:
    """Month first unless some cell of the form has a first part above 12."""
    if form != "%m/%d/%Y":
        return form
    cells = counted["value"].filter(counted["value"].str.contains(DATES[form]))
    return "%d/%m/%Y" if cells.str.to_datetime(form, strict=False).null_count() > 0.05 * len(cells) else form


def _decimals(c: str, counted: pl.DataFrame, rows: int) -> Finding | None:
    values = counted["value"]
    comma = values.str.contains(_COMMA) & ~values.str.contains(_GROUP)
    group, point = values.str.contains(_GROUP), values.str.contains(r"^[-+]?\d+\.\d+$")
    plain = values.str.contains(r"^[-+]?\d+$")
    if _share(counted, comma, rows) < SOME or _share(counted, point, rows) < SOME or _share(counted, comma | point | plain | group, rows) < ALL:
        return None
    # 1,234 may be either; it is read as the commas around it are.
    shown = [values.filter(point)[0], values.filter(comma)[0]]
    return finding("mixed-formats", "warn", f"{q(c)} mixes decimal points and decimal commas", f"For example {q(shown[0])} and {q(shown[1])}: {_share(counted, comma | group, rows):.0%} of the cells have a comma.", column=c, rows=round(rows * _share(counted, comma | group, rows)), examples=shown, harm=1, remedies=[remedy("as-number", recommended=True, decimal=","), remedy("drop-column"), remedy("accept")])


def _units(table: CheckTable, c: str, counted: pl.DataFrame, rows: int) -> Finding | None:
    units = counted.with_columns(pl.col("value").str.extract(_UNIT, 1).alias("unit")).drop_nulls("unit").group_by("unit").agg(pl.col("count").sum()).sort("count", descending=True)
    bare = _share(counted, counted["value"].str.contains(r"^[-+]?\d+(?:[.,]\d+)?$"), rows)
    with_unit = float(units["count"].sum()) / rows
    # A code such as 12A is no measure: real units are few and nearly every cell has one.
    if with_unit < 0.5 or with_unit + bare < ALL or units.height > 5 or counted.height < 2 * units.height + 5:
        return None
    names = units["unit"].to_list()
    if _MASK.search(names[0]):
        return None
    one = len(names) == 1
    if one and bare < SOME and table.roles.get(c) == "number":
        return None  # read as numbers already, and every cell is in the same unit
    title = f"{q(c)} holds numbers with the unit {q(names[0])}" if one else f"{q(c)} holds numbers in {len(names)} units: {', '.join(q(n) for n in names)}"
    worth = _worth(names)
    if one:
        offers = [remedy("as-number", recommended=True, unit=names[0])]
    elif worth:
        offers = [remedy("as-number", recommended=True, title=f"bring all values to {names[0]}", units=worth)]
    else:
        offers = [remedy("note", recommended=True, title="write all values in one unit")]
    return finding("mixed-formats", "warn", title, f"{with_unit:.0%} of the cells; as they stand they are text.", column=c, rows=round(rows * with_unit), examples=counted["value"].head(3).to_list(), harm=0.5, remedies=[*offers, remedy("drop-column"), remedy("accept")])


def _worth(names: list[str]) -> dict[str, float] | None:
    """What each unit is worth in the first, where all measure the same quantity."""
    for same in _SAME:
        if all(n.lower().rstrip(".") in same for n in names):
            first = same[names[0].lower().rstrip(".")]
            return {n.rstrip("."): same[n.lower().rstrip(".")] / first for n in names}
    return None
