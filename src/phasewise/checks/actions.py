"""What remedies do to a frame: pure functions `(frame, columns, args, target) -> frame`."""

import hashlib
from typing import Any

import polars as pl

from phasewise.checks.coding import as_text
from phasewise.checks.numerals import parse_numbers
from phasewise.checks.table import ROW

Args = dict[str, Any]


def _inputs(frame: pl.DataFrame, target: str) -> list[str]:
    return [c for c in frame.columns if c not in (target, ROW)]


def _values(frame: pl.DataFrame, columns: list[str], args: Args) -> pl.DataFrame:
    """Columns of text that the check saw as numbers (`written`: their `numerals.number_format`) as those numbers."""
    if not args.get("written"):
        return frame
    return frame.with_columns([parse_numbers(frame[c], str(args["written"])).alias(c) for c in columns if frame.schema[c] == pl.String])


def drop_column(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Without the columns; the target is never dropped."""
    return frame.drop([c for c in columns if c != target])


def drop_exact_duplicates(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """First of every set of rows equal in inputs and target."""
    return frame.unique(subset=[c for c in frame.columns if c != ROW], keep="first", maintain_order=True)


def drop_conflicts(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Without rows whose inputs occur with more than one target."""
    if target not in frame.columns:
        return frame
    clash = pl.col(target).drop_nulls().n_unique().over(_inputs(frame, target)) > 1
    return frame.filter(~clash)


def majority_label(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Rows with equal inputs get their most frequent target; where two are equally frequent the first in order of value."""
    if target not in frame.columns:
        return frame
    inputs = _inputs(frame, target)
    return frame.with_columns(pl.col(target).drop_nulls().mode().sort().first().over(inputs).alias(target))


def drop_missing_target(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Only rows with a target."""
    return frame.filter(pl.col(target).is_not_null()) if target in frame.columns else frame


def drop_outside(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Only rows whose value is missing or within `low`..`high`."""
    frame = _values(frame, columns, args)
    for c in columns:
        value = pl.col(c).cast(pl.Float64, strict=False)
        frame = frame.filter(value.is_null() | value.is_between(args["low"], args["high"]))
    return frame


def drop_rows(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Without the rows of these row numbers (a frame without row numbers is left alone)."""
    return frame.filter(~pl.col(ROW).is_in(list(args["rows"]))) if ROW in frame.columns else frame


def to_missing(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Listed values become null; text is compared stripped and folded, numbers by value."""
    frame = _values(frame, columns, args)
    out = []
    for c in columns:
        if frame.schema[c] == pl.String:
            marks = [str(v).strip().lower() for v in args["values"]]
            hit = pl.col(c).str.strip_chars().str.to_lowercase().is_in(marks)
        elif frame.schema[c].is_numeric():
            marks = [float(v) for v in args["values"] if isinstance(v, int | float)]
            hit = pl.col(c).cast(pl.Float64).is_in(marks)
        elif frame.schema[c].is_temporal():
            hit = pl.col(c).dt.strftime("%Y-%m-%d").is_in([str(v) for v in args["values"]])
        else:
            continue
        out.append(pl.when(hit).then(None).otherwise(pl.col(c)).alias(c))
    frame = frame.with_columns(out)
    return as_number(frame, columns, args, target) if args.get("then") == "number" else frame


def infinite_to_missing(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Infinite cells become null."""
    frame = _values(frame, columns, args)
    floats = [c for c in columns if frame.schema[c].is_float()]
    return frame.with_columns([pl.when(pl.col(c).is_infinite()).then(None).otherwise(pl.col(c)).alias(c) for c in floats])


def outside_to_missing(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Numbers outside `low`..`high` become null."""
    frame = _values(frame, columns, args)
    numbers = [c for c in columns if frame.schema[c].is_numeric()]
    return frame.with_columns([pl.when(pl.col(c).is_between(args["low"], args["high"])).then(pl.col(c)).alias(c) for c in numbers])


def folded(column: pl.Expr) -> pl.Expr:
    """Text without regard to case, blanks, hyphens and underscores; comparison signs stay."""
    bare = column.str.strip_chars().str.to_lowercase()
    # Only between letters and digits: a leading minus is a sign, not a hyphen.
    return bare.str.replace_all(r"([\p{L}\p{N}.)])[\s_\-\u00a0]+", "$1")


def strip_and_fold(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Spellings of one level become the spelling in `map` (folded -> spelling); unknown levels are only stripped."""
    known = {str(k): str(v) for k, v in args.get("map", {}).items()}
    out = []
    for c in columns:
        if frame.schema[c] != pl.String:
            continue
        bare = pl.col(c).str.strip_chars()
        out.append((folded(pl.col(c)).replace_strict(known, default=bare, return_dtype=pl.String) if known else bare).alias(c))
    return frame.with_columns(out)


def merge_levels(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Levels renamed by `map`."""
    known = {str(k): str(v) for k, v in args["map"].items()}
    return frame.with_columns([as_text(frame[c]).replace(known).alias(c) for c in columns])


def as_category(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Cells as text levels."""
    return frame.with_columns([as_text(frame[c]).alias(c) for c in columns])


def as_number(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Cells as Float64; what is no number becomes null.

    `unit` is cut off; `units` {unit: factor} brings several units to one; `limits` reads <5 and 10+ as 5 and 10; `decimal` "," is a decimal
    comma beside points; `format` is how separators are written (`numerals.number_format`).
    """
    return frame.with_columns([_number(frame[c], args) for c in columns])


def _number(column: pl.Series, args: Args) -> pl.Series:
    if column.dtype != pl.String:
        return column.cast(pl.Float64, strict=False)
    bare, factor = column.str.strip_chars(), None
    if args.get("units"):
        names = {str(k): float(v) for k, v in args["units"].items()}
        factor = bare.str.extract(r"([^\d\s.,+-]+)\.?$").replace_strict(names, default=None, return_dtype=pl.Float64)
        factor = pl.select(pl.when(bare.str.contains(r"\d[.,]?$")).then(1.0).otherwise(factor)).to_series()
        bare = bare.str.replace(r"\s*[^\d\s.,+-]+\.?$", "")
    if args.get("unit"):
        bare = bare.str.strip_suffix(str(args["unit"])).str.strip_chars()
    if args.get("limits"):
        bare = bare.str.replace(r"^[<>\u2264\u2265~]=?\s*", "").str.replace(r"\s*\+$", "")
    if args.get("format"):
        values = parse_numbers(bare, str(args["format"]))
    else:
        values = (bare.str.replace(",", ".", literal=True) if args.get("decimal") == "," else bare).cast(pl.Float64, strict=False)
    return (values * factor if factor is not None else values).alias(column.name)


def as_date(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Text cells as datetimes by `format` (several, joined by "|": the first that fits); what is no date becomes null."""
    texts, forms = [c for c in columns if frame.schema[c] == pl.String], str(args["format"]).split("|")
    return frame.with_columns([pl.coalesce([pl.col(c).str.strip_chars().str.to_datetime(f, strict=False, time_unit="us") for f in forms]).alias(c) for c in texts])


def winsorise(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Numbers clipped to `low`..`high` (learned on train)."""
    frame = _values(frame, columns, args)
    numbers = [c for c in columns if frame.schema[c].is_numeric()]
    return frame.with_columns([pl.col(c).cast(pl.Float64).clip(args["low"], args["high"]).alias(c) for c in numbers])


def rescale(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Values above `above` divided by `factor` (or values below it multiplied, with `small`)."""
    frame = _values(frame, columns, args)
    out = []
    for c in columns:
        if not frame.schema[c].is_numeric():
            continue
        value = pl.col(c).cast(pl.Float64)
        moved = value * args["factor"] if args.get("small") else value / args["factor"]
        hit = value < args["above"] if args.get("small") else value > args["above"]
        out.append(pl.when(hit).then(moved).otherwise(value).alias(c))
    return frame.with_columns(out)


def strip_name(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Blanks around names removed where the result is free."""
    names = {c: c.strip() for c in columns if c.strip() not in frame.columns and c.strip()}
    return frame.rename(names)


def hash_column(frame: pl.DataFrame, columns: list[str], args: Args, target: str) -> pl.DataFrame:
    """Twelve hex digits of salted SHA-256 per distinct value."""
    salt = str(args["salt"]).encode()
    out = []
    for c in columns:
        text = as_text(frame[c])
        values = text.drop_nulls().unique().to_list()
        made = {v: hashlib.sha256(salt + b"\0" + v.encode()).hexdigest()[:12] for v in values}
        out.append(text.replace_strict(made, default=None, return_dtype=pl.String).alias(c) if made else text)
    return frame.with_columns(out)
