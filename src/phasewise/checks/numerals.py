"""Numbers as people write them in text: separators, currency, accounting brackets, marks of no value."""

import numpy as np
import polars as pl

MISSING_TOKENS = ("?", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", ".", "missing", "(missing)", "<na>", "#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "\\n")
"""Cells that stand for "no value" (folded); the check disguised-missing offers to map them to null in text columns."""
_CURRENCY = r"[\s\u00a0$€£¥%']|USD|EUR|GBP|CHF"


def is_missing_token(column: pl.Series) -> pl.Series:
    """Boolean mask of text cells that are a missing mark."""
    return column.str.to_lowercase().is_in(list(MISSING_TOKENS))


def _bare(cells: pl.Series) -> pl.Series:
    """Cells without currency, percent signs and blanks; a minus behind a number or brackets around it (accounting) stand before it."""
    bare = cells.str.replace_all(_CURRENCY, "")
    return bare.str.replace(r"^-?\((\d[\d.,]*)\)$", "-$1").str.replace(r"^(\d[\d.,]*)-$", "-$1")


def number_format(column: pl.Series) -> str | None:
    """How the numbers of a text column are written: `plain`, `point` (1,234.5), `comma` (1.234,5); None when most cells are no numbers."""
    cells = column.drop_nulls()
    cells = cells.filter(~is_missing_token(cells)).head(5_000)
    if len(cells) == 0:
        return None
    bare = _bare(cells)
    best: tuple[int, str] | None = None
    for name, pattern in (
        ("plain", r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"),
        ("point", r"^[-+]?([1-9]\d{0,2}(,\d{3})+|\d+)(\.\d+)?$"),
        ("comma", r"^[-+]?([1-9]\d{0,2}(\.\d{3})+|\d+)(,\d+)?$"),
    ):
        hits = int(bare.str.contains(pattern).sum())
        if best is None or hits > best[0]:
            best = (hits, name)
    return best[1] if best and best[0] >= 0.5 * len(cells) else None


def parse_numbers(column: pl.Series, fmt: str = "plain") -> pl.Series:
    """Text cells as Float64 by a number format; what is no number becomes null."""
    if column.dtype != pl.String:
        floats = column.cast(pl.Float64, strict=False)
        if column.dtype.is_integer() or (not column.null_count() and not np.isnan(floats.to_numpy()).any()):
            return floats  # no NaN to turn into null; the general way costs an expression a column, much for one row
        return floats.fill_nan(None)
    bare = _bare(column)
    if fmt == "point":
        bare = bare.str.replace_all(",", "", literal=True)
    elif fmt == "comma":
        bare = bare.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return bare.cast(pl.Float64, strict=False).fill_nan(None)
