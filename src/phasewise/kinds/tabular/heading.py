"""What stands above and below a table in an exported file: titles and comments, a second header line, a line of units, footers."""

import re
from dataclasses import dataclass, field, replace

from phasewise.kinds.tabular import dialect
from phasewise.records.text import safe_text

MOST_BELOW = 5
_WORD = re.compile(r"[^\W\d_]")
_MARKS = {"", "?", "na", "n/a", "nan", "null", "none", "-", "--", "."}


@dataclass(frozen=True, kw_only=True)
class Heading:
    """Column names, where the first row of data starts (bytes), and what was left out above it."""

    names: list[str]
    start: int
    notes: list[str] = field(default_factory=list)


def read(data: bytes, found: dialect.Dialect, sample: list[list[str]]) -> tuple[Heading, dialect.Dialect]:
    """The header of a table that has one, and the dialect with the width of its rows.

    `sample` holds the first records of the table, the header first.
    """
    notes: list[str] = []
    names, start = dialect.first_record(data, found)
    body = [r for r in sample[1:] if r != names]
    if (second := _second(names, body)) is not None:
        start = dialect.first_record(data, replace(found, skip=start))[1]
        notes.append(f"the table has two header lines: columns are named by {'both' if second != body[0] else 'the second'} (the first begins with {', '.join(repr(safe_text(c, 20)) for c in names[:3])})")
        names, body = second, body[1:]
    if len(body) >= 3 and all(len(r) == len(names) + 1 for r in body):
        names = _missing_name(names, body, notes)
    if _units(body):
        start = dialect.first_record(data, replace(found, skip=start))[1]
        shown = ", ".join(repr(safe_text(c, 20)) for c in body[0] if c)
        notes.append(f"the line under the header holds no data but words where all lines below hold numbers ({safe_text(shown, 120)}): it was left out")
    return Heading(names=names, start=start, notes=notes), replace(found, columns=len(names))


def _missing_name(names: list[str], body: list[list[str]], notes: list[str]) -> list[str]:
    """The header of rows that have one cell more than it: a delimiter at every line's end, or row names without a header."""
    if all(not r[-1] for r in body):
        notes.append("every line below the header ends with a delimiter: the empty last column has no name")
        return [*names, ""]
    if len({r[0] for r in body}) == len(body):
        name = next(n for n in ("row_name", "row_name_1", "row_name_2") if n not in names)
        notes.append(f"the header names one column less than the rows have: the first column holds row names and is called {name!r}")
        return [name, *names]
    return names


def _second(names: list[str], body: list[list[str]]) -> list[str] | None:
    """The names of a table with two header lines, else None: the first repeats or lacks names, the second is a header of its own."""
    unnamed = sum(not n for n in names)
    if len(body) < 3 or (len(set(filter(None, names))) == len(names) - unnamed and unnamed < 2) or len(body[0]) != len(names):
        return None
    line, rest = body[0], body[1:]
    if any(not _WORD.search(c) for c in line if c) or not any(line) or sum(map(bool, line)) < 0.5 * len(line):
        return None
    if any(cell and any(r[i : i + 1] == [cell] for r in rest) for i, cell in enumerate(line)):
        return None
    if len(set(line)) == len(line) and all(line):
        return line
    last, both = "", []
    for above, below in zip(names, line, strict=True):
        last = above or last
        both.append(" ".join(p for p in (last, below) if p))
    return both if len(set(both)) == len(both) and all(both) else None


def _units(body: list[list[str]]) -> bool:
    """Whether the first row holds words in columns that are numbers in all rows below, and nothing that could be a row of data."""
    if len(body) < 11:
        return False
    line, rest = body[0], body[1:]
    numeric = words = 0
    for i, cell in enumerate(line):
        below = [r[i] for r in rest if len(r) > i and r[i]]
        if len(below) < 10:
            continue
        if all(dialect.NUMBER.match(c) for c in below):
            numeric += 1
            if dialect.NUMBER.match(cell):
                return False
            words += cell.lower() not in _MARKS
        elif cell and cell in below:
            return False
    # A single row of data may well lack one number; words instead of all of them are a description.
    return words >= 2 or (words == 1 and numeric == 1 and len(line) <= 3)


def without_footer(data: bytes, lines: dialect.Scan, delimiter: str, width: int) -> tuple[bytes, list[str]]:
    """The bytes without a few last lines of one cell of words (a count, a source, a date of export), and what they said.

    Only where these are the only records of another width; else the bytes as they are.
    """
    if not 0 < lines.ragged_count <= MOST_BELOW or width < 3 or lines.open_quote or any(c != 1 for _, c in lines.ragged):
        return data, []
    kept, cut = data.rstrip(), []
    for _ in range(lines.ragged_count):
        place = kept.rfind(b"\n")
        line = kept[place + 1 :]
        if place < 0 or delimiter.encode() in line or b'"' in line.strip(b'"\r ') or not re.search(rb"[A-Za-z\x80-\xff]{3}", line):
            return data, []
        cut.append(safe_text(line.decode(errors="replace").strip('"\r '), 60))
        kept = kept[:place].rstrip()
    return kept + b"\n", cut[::-1]
