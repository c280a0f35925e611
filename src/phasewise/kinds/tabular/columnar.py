"""Parquet's types brought to the few that tables have here: whole numbers, numbers, text, times."""

import polars as pl

from phasewise.records.text import safe_text

MOST_PARTS = 512
"""Numbers of a vector that become columns of their own."""
SECOND = {"ms": 1e3, "us": 1e6, "ns": 1e9}


def natural(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Int64, Float64, String and Datetime columns, and what was done to others.

    Fields of a structure and numbers of a vector of fixed length become columns (`place.lat`, `vector.0`), durations seconds, times of day
    hours, lists text; bytes are left out.
    """
    notes: list[str] = []
    out: list[pl.Series] = []
    taken = set(frame.columns)
    for column in frame.get_columns():
        for made in _natural(column, notes):
            if made.name != column.name and made.name in taken:
                made = made.alias(_free(made.name, taken))
            taken.add(made.name)
            out.append(made)
    return pl.DataFrame(out), notes


def _free(name: str, taken: set[str]) -> str:
    return next(n for n in (f"{name}_{i}" for i in range(2, 10_000)) if n not in taken)


def _natural(column: pl.Series, notes: list[str]) -> list[pl.Series]:
    dtype, name = column.dtype, column.name
    shown = repr(safe_text(name, 40))
    if dtype.is_integer():
        whole = column.cast(pl.Int64, strict=False)
        return [whole if whole.null_count() == column.null_count() else column.cast(pl.Float64)]
    if dtype.is_float() or dtype.is_decimal():
        return [column.cast(pl.Float64).fill_nan(None)]
    if dtype == pl.Boolean:
        return [column.replace_strict({True: "true", False: "false"}, default=None, return_dtype=pl.String)]
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return [column.cast(pl.Datetime("us", getattr(dtype, "time_zone", None)))]
    if dtype == pl.Duration:
        notes.append(f"{shown} holds durations: read as seconds")
        return [column.to_physical().cast(pl.Float64) / SECOND[dtype.time_unit]]
    if dtype == pl.Time:
        notes.append(f"{shown} holds times of day: read as hours")
        return [column.to_physical().cast(pl.Float64) / 3.6e12]
    if isinstance(dtype, pl.Struct):
        parts = [part.alias(f"{name}.{part.name}") for part in column.struct.unnest().get_columns()]
        notes.append(f"{shown} is a structure: {f'its {len(parts)} fields became columns' if len(parts) > 1 else 'its one field became a column'}")
        return [made for part in parts for made in _natural(part, notes)]
    if isinstance(dtype, pl.List | pl.Array):
        return _lists(column, shown, notes)
    if dtype == pl.Binary:
        notes.append(f"{shown} holds bytes and was left out")
        return []
    if dtype == pl.Object:
        notes.append(f"{shown} of type {dtype} was turned into text")
        return [pl.Series(name, [None if v is None else str(v)[:200] for v in column.to_list()], dtype=pl.String)]
    return [column.cast(pl.String).str.strip_chars().replace({"": None})]


def _lists(column: pl.Series, shown: str, notes: list[str]) -> list[pl.Series]:
    """A vector of numbers as columns where all rows have the same length, else the items as text."""
    lists = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
    lengths = lists.list.len().drop_nulls().unique()
    if lists.dtype.inner.is_numeric() and len(lengths) == 1 and 0 < lengths[0] <= MOST_PARTS:
        notes.append(f"{shown} holds {lengths[0]} numbers a row: they became columns")
        return [lists.list.get(i, null_on_oob=True).cast(pl.Float64).fill_nan(None).alias(f"{column.name}.{i}") for i in range(lengths[0])]
    if isinstance(lists.dtype.inner, pl.List | pl.Array | pl.Struct) or lists.dtype.inner == pl.Binary:
        notes.append(f"{shown} holds nested lists and was turned into text")
        return [pl.Series(column.name, [None if v is None else str(v)[:200] for v in lists.to_list()], dtype=pl.String)]
    notes.append(f"{shown} holds lists: their items were joined into text")
    return [lists.cast(pl.List(pl.String)).list.join(" ").replace({"": None})]
