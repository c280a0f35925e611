"""Types of columns: what a file's text naturally is, how numbers and dates are written, and casts to roles."""

from collections.abc import Mapping

import polars as pl

from phasewise.checks.numerals import MISSING_TOKENS, is_missing_token, number_format, parse_numbers
from phasewise.records.jobs import DataView

__all__ = ["MISSING_TOKENS", "is_missing_token", "number_format", "parse_numbers"]
_LEADING_ZERO = r"^[-+]?0\d"
DATE_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z",
    "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y.%m.%d", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S",
    "%m/%d/%y", "%d/%m/%y", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
)
MONTH_FORMATS = {"%Y-%m": (r"^(1[89]|20|21)\d\d-(0?[1-9]|1[0-2])$", "%Y-%m-%d", "-01"), "%Y/%m": (r"^(1[89]|20|21)\d\d/(0?[1-9]|1[0-2])$", "%Y/%m/%d", "/01")}
"""Months without a day, read as their first: what a cell must look like, the whole format, what is put behind a cell."""
_SAMPLE = 1000


def natural_types(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """All-text frame -> trimmed text, integers and floats where every filled cell is one; with notes on what was trimmed.

    Codes with leading zeros stay text. Blank cells are null.
    """
    stripped = frame.select(pl.all().str.strip_chars())
    notes = []
    if frame.width <= 2000:
        changed = (frame.select([(pl.col(c).str.len_bytes() != stripped[c].str.len_bytes()).any() for c in frame.columns]))
        touched = [c for c in frame.columns if changed[c][0]]
        if touched:
            notes.append(f"blanks around cells of {len(touched)} column{'s' if len(touched) > 1 else ''} were trimmed")
    frame = stripped.with_columns(pl.all().replace({"": None}))
    return frame.with_columns([numbers for c in frame.columns if (numbers := _natural_number(frame[c])) is not None]), notes


def _natural_number(column: pl.Series) -> pl.Series | None:
    head = column.head(_SAMPLE).drop_nulls()
    if len(head) and (head.cast(pl.Float64, strict=False).null_count() or head.str.contains(_LEADING_ZERO).any()):
        return None
    filled = len(column) - column.null_count()
    if filled == 0:
        return None
    floats = column.cast(pl.Float64, strict=False)
    if len(floats) - floats.null_count() < filled or column.str.contains(_LEADING_ZERO).any():
        return None
    whole = column.cast(pl.Int64, strict=False)
    if len(whole) - whole.null_count() == filled:
        return whole
    return floats.fill_nan(None)


def date_format(column: pl.Series) -> tuple[str, float] | None:
    """The date format that parses the most cells of a text column, and the share it parses (at least 0.95); else None.

    Where day and month could be exchanged, month first wins only if it parses more; the profile says so.
    """
    cells = column.head(20 * _SAMPLE).drop_nulls().unique(maintain_order=True)
    cells = cells.filter(~is_missing_token(cells)).head(_SAMPLE)
    if len(cells) < 3 or not cells.head(20).str.contains(r"\d[-/. :]\w|[A-Za-z]{3} \d").all():
        return None
    best: tuple[str, float] | None = None
    few = cells.head(20)
    for fmt in (*DATE_FORMATS, *MONTH_FORMATS):
        if _parse_dates(few, fmt).null_count() > 1:
            continue
        share = 1 - _parse_dates(cells, fmt).null_count() / len(cells)
        if best is None or share > best[1] + 1e-9:
            best = (fmt, share)
    return best if best and best[1] >= 0.95 else None


def _parse_dates(cells: pl.Series, fmt: str) -> pl.Series:
    if fmt in MONTH_FORMATS:
        shape, fmt, day = MONTH_FORMATS[fmt]
        cells = cells.to_frame().select(pl.when(pl.first().str.contains(shape)).then(pl.first() + day)).to_series().alias(cells.name)
    try:
        parsed = cells.str.to_datetime(fmt, strict=False, time_unit="us", exact=True)
    except pl.exceptions.PolarsError:
        return pl.Series(cells.name, [None] * len(cells), dtype=pl.Datetime("us"))
    return _naive(parsed)


def _naive(parsed: pl.Series) -> pl.Series:
    if getattr(parsed.dtype, "time_zone", None):
        parsed = parsed.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return parsed.cast(pl.Datetime("us"))


def parse_dates(column: pl.Series, fmt: str) -> pl.Series:
    """Cells as Datetime (microseconds, no zone) by a format; what is no date becomes null."""
    if column.dtype == pl.String:
        return _parse_dates(column, fmt)
    if column.dtype.is_temporal():
        return _naive(column.cast(pl.Datetime("us")) if column.dtype == pl.Date else column)
    return pl.Series(column.name, [None] * len(column), dtype=pl.Datetime("us"))


def to_category(column: pl.Series) -> pl.Series:
    """Cells as text levels; whole floats are written without a fraction so that 1 and 1.0 are one level."""
    if column.dtype == pl.String:
        return column
    if column.dtype.is_float():
        whole = column.drop_nulls()
        if len(whole) == 0 or bool((whole.is_finite() & (whole == whole.round(0)) & (whole.abs() < 1e15)).all()):
            return column.cast(pl.Int64, strict=False).cast(pl.String)
    return column.cast(pl.String)


def formats_of(view: DataView) -> dict[str, str]:
    """Number and date formats by column that the view carries (found at profile time), if any."""
    found = view.options.get("formats", {})
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, Mapping) else {}


def find_formats(frame: pl.DataFrame, roles: Mapping[str, str]) -> dict[str, str]:
    """The formats of text columns whose role is number or date, so that later files are read the same way."""
    out = {}
    schema = dict(frame.schema)  # asking the frame for its columns again and again is slow on wide tables
    for name, role in roles.items():
        if schema.get(name) == pl.String:
            if role == "number":
                out[name] = number_format(frame[name]) or "plain"
            elif role == "date" and (found := date_format(frame[name])):
                out[name] = found[0]
    return out


def cast_roles(frame: pl.DataFrame, roles: Mapping[str, str], formats: Mapping[str, str] | None = None) -> pl.DataFrame:
    """Every column cast to its role: number -> Float64, category and text -> String, date -> Datetime; `ignore` stays as it is."""
    known = {**find_formats(frame, {k: v for k, v in roles.items() if k not in (formats or {})}), **(formats or {})}
    casts = []
    present = set(frame.columns)
    for name, role in roles.items():
        if name not in present:
            continue
        column = frame[name]
        if role == "number":
            casts.append(parse_numbers(column, known.get(name, "plain")))
        elif role == "date":
            casts.append(parse_dates(column, known.get(name, "%Y-%m-%d")))
        elif role in ("category", "text"):
            casts.append(to_category(column))
    return frame.with_columns(casts)
