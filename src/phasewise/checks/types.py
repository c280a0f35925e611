"""Columns of the wrong kind: parse faults, numbers or dates as text, codes as numbers, mixed cells (T01-T03, T07)."""

import re

import polars as pl

from phasewise.checks.columns import looks_like_id_name
from phasewise.checks.facts import PLACEHOLDERS, SOFT_PLACEHOLDERS
from phasewise.checks.numerals import number_format, parse_numbers
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding, q
from phasewise.records.findings import Finding

_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"


@check("parse-faults", source="T01", cost="pass")
def parse_faults(table: CheckTable) -> list[Finding]:
    """Signs that the file was read the wrong way: one wide column, data as header, damaged characters, blanks in names."""
    out = []
    names = [c for c in table.frame.columns if c != "__row__"]
    wide = [c for c in names if sum(c.count(d) for d in ";\t|") >= 2]
    if wide and len(names) <= 3:
        out.append(finding("parse-faults", "block", "The file was read with the wrong delimiter", f"The column name {q(wide[0])} holds several names.", place="delimiter", columns=wide, harm=30, remedies=[remedy("note", recommended=True, title="name the delimiter and read again")]))
    numeric_names = [c for c in names if re.match(r"^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?(_duplicated_\d+)?$", c.strip())]
    if len(names) >= 3 and len(numeric_names) > 0.5 * len(names) and not _counting(numeric_names):
        out.append(finding("parse-faults", "block", "The first row of data was taken for the header", f"{len(numeric_names)} of {len(names)} column names are numbers.", place="header", columns=numeric_names[:5], harm=20, remedies=[remedy("note", recommended=True, title="read again without a header line")]))
    padded = [c for c in names if c != c.strip() or "\ufeff" in c]
    if padded:
        out.append(finding("parse-faults", "info", f"{len(padded)} column names have blanks around them", ", ".join(repr(c) for c in padded[:5]), place="names", columns=padded, remedies=[remedy("strip-name", recommended=True, columns=padded), remedy("accept")]))
    for c in table.facts.texts():
        values = table.facts.uniques(c)["value"].head(5000)
        if len(values) == 0:
            continue
        damaged = values.str.contains("\ufffd|Ã[\u0080-\u00bf©¤¶¼±¨]|â€")
        if int(damaged.sum()) >= max(2, 0.005 * len(values)):
            out.append(finding("parse-faults", "warn", f"Damaged characters in {q(c)}", f"{int(damaged.sum()):,} of {len(values):,} distinct values.", column=c, examples=values.filter(damaged).head(5).to_list(), remedies=[remedy("note", recommended=True, title="read again with the right encoding"), remedy("accept")]))
        blanks = values.str.contains(r"^\s|\s$")
        folded = values.str.strip_chars()
        if bool(blanks.any()) and float(blanks.mean() or 0) > 0.5 and float(folded.str.contains(_NUMBER).mean() or 0) == 1.0:
            out.append(finding("parse-faults", "block", f"Blanks turn the numbers of {q(c)} into text", f"{int(blanks.sum()):,} distinct values start or end with a blank.", column=c, remedies=[remedy("as-number", recommended=True), remedy("accept")]))
    return out


def _counting(names: list[str]) -> bool:
    """Whether numeric names are a plain count (pixels, sensors, years) as wide tables have."""
    try:
        values = [int(n.strip()) for n in names]
    except ValueError:
        return False
    return all(b - a == 1 for a, b in zip(values, values[1:], strict=False))


def split_values(table: CheckTable, column: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Distinct filled values with counts as (numbers however they are written, placeholders, other text)."""
    counted = table.facts.uniques(column)
    form = number_format(counted["value"])
    is_number = counted["value"].str.contains(_NUMBER)
    if form is not None:
        is_number = is_number | parse_numbers(counted["value"], form).is_not_null()
    is_mark = counted["value"].str.strip_chars().str.to_lowercase().is_in(list(PLACEHOLDERS | SOFT_PLACEHOLDERS))
    return counted.filter(is_number), counted.filter(is_mark & ~is_number), counted.filter(~is_number & ~is_mark)


def read_as(table: CheckTable, column: str) -> dict[str, str]:
    """The argument by which `as-number` reads a column's separators; none for plain numbers."""
    form = number_format(table.facts.uniques(column)["value"])
    return {"format": form} if form in ("point", "comma") else {}


_LIMIT = r"^\s*(?:[<>\u2264\u2265~]=?\s*[-+]?\d+(?:[.,]\d+)?|[-+]?\d+(?:[.,]\d+)?\s*\+)\s*$"
"""A value that is only bounded: <0.1, > 100, 10+."""


@check("mixed-types", source="T03", cost="pass")
def mixed_types(table: CheckTable) -> list[Finding]:
    """A column of numbers with words, or limits such as <0.1, in between."""
    out, left_out = [], set(table.left_out)
    for c in table.facts.written():
        numbers, marks, words = split_values(table, c)
        if numbers.height < 5 or words.height == 0:
            continue
        number_rows, word_rows = int(numbers["count"].sum()), int(words["count"].sum())
        share = number_rows / (number_rows + word_rows)
        unused = " It is left out as it stands (role ignore)." if c in left_out else ""
        limits = words.filter(words["value"].str.contains(_LIMIT))
        if limits.height and int(limits["count"].sum()) >= 0.9 * word_rows and share >= 0.2:
            shown = limits["value"].head(3).to_list()
            out.append(finding("mixed-types", "warn", f"{q(c)} gives limits in place of some numbers", f"{word_rows:,} of {number_rows + word_rows:,} filled cells are like {', '.join(q(v) for v in shown)}.{unused}", column=c, rows=word_rows, examples=limits["value"].head(5).to_list(), numbers={"share": share, "limits": True}, harm=1, remedies=[remedy("as-number", recommended=True, title="read as number, a limit as its value", limits=True, **read_as(table, c)), remedy("as-category"), remedy("accept")]))
            continue
        # A code column ("A12", "12") has many kinds of words; a number column has few words or few rows with words.
        if not (0.5 < share < 1) or (words.height > 0.2 * numbers.height and share < 0.9 and words.height > 20):
            continue
        severity = "block" if share >= 0.9 and c not in left_out else "warn"
        out.append(finding("mixed-types", severity, f"{q(c)} mixes numbers and text", f"{number_rows:,} of {number_rows + word_rows:,} filled cells are numbers, {word_rows:,} are not.{unused}", column=c, rows=word_rows, examples=words["value"].head(5).to_list(), numbers={"share": share}, harm=1, remedies=[remedy("as-number", recommended=True, **read_as(table, c)), remedy("as-category"), remedy("accept")]))
    return out


@check("numbers-as-text", source="T02", cost="pass")
def numbers_as_text(table: CheckTable) -> list[Finding]:
    """Every filled cell is a number, but the column is text."""
    out = []
    for c in table.facts.texts():
        if table.role(c) == "number" and c in table.roles:
            continue
        numbers, marks, words = split_values(table, c)
        if numbers.height < 3 or words.height or bool(numbers["value"].str.contains(r"^\s*[-+]?0\d").any()):
            continue
        if numbers.height <= 20 and marks.height == 0 and numbers.height < 0.02 * table.rows and table.role(c) == "category":
            continue
        found = finding("numbers-as-text", "warn", f"{q(c)} holds numbers as text", f"All {numbers.height:,} distinct values parse as numbers" + (f" beside {', '.join(q(m) for m in marks['value'].head(3).to_list())}." if marks.height else "."), column=c, harm=0.5, remedies=[remedy("as-number", recommended=True, **read_as(table, c)), remedy("as-category"), remedy("accept")])
        out.append(found)
    return out


_CODE_NAME = re.compile(r"(^|[_\s])(zip|zipcode|postcode|postal|code|cd|type|class|category|kind|region|district|station|store|branch|product|sku|model)([_\s]|$|code$)", re.I)


@check("codes-as-numbers", source="T02", cost="pass")
def codes_as_numbers(table: CheckTable) -> list[Finding]:
    """Whole numbers that are names of things: few of them, or a name that says code."""
    out = []
    for c in table.facts.numbers():
        if table.role(c) != "number":
            continue
        series, distinct = table.frame[c], table.facts.distinct(c)
        if distinct < 3 or not _whole(series):
            continue
        coded = bool(_CODE_NAME.search(c)) and distinct <= 0.5 * table.rows
        if coded or (looks_like_id_name(c) and 2 < distinct <= 0.67 * table.rows):
            out.append(finding("codes-as-numbers", "info", f"{q(c)} may be a code, not a quantity", f"{distinct:,} whole numbers; the name says code.", column=c, numbers={"distinct": distinct}, remedies=[remedy("as-category"), remedy("accept", recommended=True)]))
    return out


def _whole(series: pl.Series) -> bool:
    if series.dtype.is_integer():
        return True
    head = series.drop_nulls().head(5000)
    return len(head) > 0 and bool((head == head.round(0)).all())


DATES = {
    "%Y-%m-%d": r"^\d{4}-\d{2}-\d{2}$", "%Y-%m-%d %H:%M:%S": r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$", "%Y-%m-%dT%H:%M:%S": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$",
    "%Y-%m-%d %H:%M": r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$", "%d.%m.%Y": r"^\d{1,2}\.\d{1,2}\.\d{4}$", "%m/%d/%Y": r"^\d{1,2}/\d{1,2}/\d{4}$", "%Y/%m/%d": r"^\d{4}/\d{1,2}/\d{1,2}$", "%d-%b-%Y": r"^\d{1,2}-[A-Za-z]{3}-\d{4}$",
}


@check("dates-as-text", source="T02", cost="pass")
def dates_as_text(table: CheckTable) -> list[Finding]:
    """Dates that would be treated as categories."""
    out = []
    for c in table.facts.texts():
        if table.role(c) == "date":
            continue
        values = table.facts.uniques(c)["value"].head(2000).str.strip_chars()
        if len(values) < 5:
            continue
        for form, pattern in DATES.items():
            if float(values.str.contains(pattern).mean() or 0) < 0.95:
                continue
            used = form
            if form == "%m/%d/%Y" and values.str.to_datetime(form, strict=False).null_count() > 0.05 * len(values):
                used = "%d/%m/%Y"
            if values.str.to_datetime(used, strict=False).null_count() <= 0.05 * len(values):
                out.append(finding("dates-as-text", "warn", f"{q(c)} holds dates as text", f"{len(values):,} distinct values like {q(values[0])}.", column=c, harm=0.3, remedies=[remedy("as-date", recommended=True, format=used), remedy("accept")]))
            break
    return out


@check("placeholders", source="T07", cost="pass")
def placeholders(table: CheckTable) -> list[Finding]:
    """Words that stand for "no value"."""
    out = []
    for c in table.facts.texts():
        counted = table.facts.uniques(c)
        bare = counted["value"].str.strip_chars().str.to_lowercase()
        hard = counted.filter(bare.is_in(list(PLACEHOLDERS)))
        if hard.height == 0 or hard.height == counted.height:
            continue
        soft = counted.filter(bare.is_in(list(SOFT_PLACEHOLDERS)))
        marks = [*hard["value"].to_list(), *soft["value"].to_list()]
        rows = int(hard["count"].sum() + soft["count"].sum())
        out.append(finding("placeholders", "warn", f"{q(c)} writes missing values as {', '.join(q(m) for m in marks[:3])}", f"{rows:,} cells.", column=c, rows=rows, examples=marks, harm=0.2, remedies=[remedy("to-missing", recommended=True, values=[m.strip().lower() for m in marks]), remedy("accept")]))
    return out
