"""Which role a column plays: number, category, date, text or ignore (D19), with the reason a person can judge."""

import re
from dataclasses import dataclass

import polars as pl

from phasewise.kinds.tabular import casting

MAX_CARD = 20
"""Whole numbers with at most this many distinct values are categories (fastai `cont_cat_split`)."""
ROWS_A_LEVEL = 10
"""Whole numbers are levels only where each has this many rows on average: five ages of twelve people are no categories."""
_PLACE = re.compile(r"(^|[_\s.-])(zip|zipcode|plz|postleitzahl|postal|postcode|fips|naics|sic|icd|iban|iata|sku)([_\s.-]|\d*$)|(^|[_\s.-])(code|codes|cd)$|[a-z](Code|Cd|Zip)$", re.I)
_YEAR = re.compile(r"year|jahr", re.I)
KEY_SHARE = 0.98
NEAR_KEY = 0.5
_ID_NAME = re.compile(r"(^|_|\s)(id|ids|key|uuid|guid|index|idx|rowid|rownum|serial|no|nr)$|^(id|index|unnamed)", re.I)
_CAMEL_ID = re.compile(r"[a-z](Id|ID)$|^ID[A-Z_]?")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one pass over a column found."""

    rows: int
    missing: int
    distinct: int

    @property
    def filled(self) -> int:
        """Cells that hold something."""
        return self.rows - self.missing


def cont_cat_split(frame: pl.DataFrame, max_card: int = MAX_CARD, target: str = "") -> tuple[list[str], list[str]]:
    """Continuous and categorical names by fastai's rule: floats and integers with more than `max_card` values are continuous."""
    numbers, categories = [], []
    for name, dtype in frame.schema.items():
        if name == target:
            continue
        many = dtype.is_integer() and frame[name].n_unique() > max_card
        (numbers if dtype.is_float() or many else categories).append(name)
    return numbers, categories


def propose_role(column: pl.Series, facts: Facts) -> tuple[str, str]:
    """Role and reason for one natural column."""
    if facts.filled == 0:
        return "ignore", "every cell is empty"
    if facts.distinct <= 1:
        return "ignore", "one value only"
    if column.dtype.is_temporal():
        return "date", "dates"
    if column.dtype.is_float():
        return _float_role(column, facts)
    if column.dtype.is_integer():
        return _integer_role(column, facts)
    return _text_role(column, facts)


def _float_role(column: pl.Series, facts: Facts) -> tuple[str, str]:
    if facts.distinct <= 2 and facts.rows >= 30:
        return "category", "two values"
    return "number", "numbers with fractions" if facts.distinct > MAX_CARD else f"numbers, {facts.distinct} distinct"


def _integer_role(column: pl.Series, facts: Facts) -> tuple[str, str]:
    low, high = int(column.min()), int(column.max())
    if facts.distinct == 2 and (low, high) == (0, 1) and facts.missing == 0:
        return "number", "already coded 0 and 1"
    if _YEAR.search(column.name) and 1800 <= low < high <= 2200:
        return "number", f"years from {low} to {high}"  # as levels, every later year would be unknown
    if facts.distinct <= MAX_CARD and (facts.distinct <= 5 or facts.filled >= ROWS_A_LEVEL * facts.distinct):
        return "category", f"whole numbers with {facts.distinct} distinct values (at most {MAX_CARD})"
    unique = facts.distinct >= KEY_SHARE * facts.filled
    dense = facts.distinct / (high - low + 1) >= 0.4
    named = bool(_ID_NAME.search(column.name) or _CAMEL_ID.search(column.name))
    if unique and facts.rows >= 20 and (dense or named):
        return "ignore", f"identifies the row: {facts.distinct:,} distinct values in {facts.filled:,} rows"
    if named and facts.distinct > NEAR_KEY * facts.filled:
        return "ignore", f"looks like a key by name and {facts.distinct:,} distinct values"
    coded = bool(_PLACE.search(column.name)) or named
    if coded and facts.filled >= 5 * facts.distinct and low >= 0 and facts.distinct > MAX_CARD:
        return "category", f"a code by its name, not an amount: {facts.distinct:,} distinct whole numbers"
    return "number", f"whole numbers with {facts.distinct:,} distinct values"


def _text_role(column: pl.Series, facts: Facts) -> tuple[str, str]:
    if facts.distinct > 2 and (found := casting.date_format(column)) is not None:
        return "date", f"dates written as {found[0]}"
    few = column.drop_nulls().head(2000)
    hard = few.filter(~casting.is_missing_token(few))
    fmt = casting.number_format(few) if facts.distinct > 2 else None
    if fmt is not None and len(hard):
        zeros = float(hard.str.contains(r"^0\d").mean() or 0)
        share = 1 - casting.parse_numbers(hard, fmt).null_count() / len(hard)
        if share >= 0.95 and zeros < 0.01 and (facts.distinct > MAX_CARD or fmt != "plain" or share > 0.99):
            how = {"plain": "", "point": " with thousands separators or signs", "comma": " with a decimal comma"}[fmt]
            return "number", f"numbers stored as text{how}: {share:.0%} of the cells parse"
        if share >= 0.95 and zeros >= 0.01:
            return _levels(column, facts, "codes with leading zeros")
    return _levels(column, facts, "")


def _levels(column: pl.Series, facts: Facts, why: str) -> tuple[str, str]:
    sample = column.drop_nulls().head(2000)
    words = float((sample.str.count_matches(r"\s+").mean() or 0) + 1)
    length = float(sample.str.len_chars().mean() or 0)
    share = facts.distinct / max(facts.filled, 1)
    if share > 0.3 and facts.distinct > 2 * MAX_CARD and (words >= 3.0 or length > 60):
        return "text", f"free text: {words:.1f} words a cell, {share:.0%} distinct; its most common words become inputs"
    if share >= KEY_SHARE and facts.filled >= 20:
        return "ignore", f"identifies the row: {facts.distinct:,} distinct values in {facts.filled:,} cells"
    if share > NEAR_KEY and facts.distinct > 2 * MAX_CARD:
        return "ignore", f"nearly a key: {facts.distinct:,} distinct values in {facts.filled:,} cells leave too few rows a level"
    return "category", why or f"{facts.distinct:,} levels"


def is_group(name: str, facts: Facts, role: str) -> bool:
    """Whether a column may be the key of rows that belong together: a name hint and 2 to 67 % distinct values (check T31)."""
    share = facts.distinct / max(facts.filled, 1)
    hint = re.search(r"(patient|person|user|customer|client|subject|site|store|shop|family|household|group|session|device|machine|case|school|hospital|batch)", name, re.I)
    keyish = bool(_ID_NAME.search(name) or _CAMEL_ID.search(name))
    return role != "date" and bool(keyish or (hint and role != "number")) and 0.02 <= share <= 0.67 and facts.distinct >= 5
