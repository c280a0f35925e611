"""Delimiter, quoting and header of a text table, from counts over bytes rather than guesses about the first line."""

import csv
import io
import re
from dataclasses import dataclass, replace

import numpy as np

from phasewise.checks.numerals import MISSING_TOKENS
from phasewise.kinds.tabular.sources import shown
from phasewise.records.errors import BadInputError
from phasewise.records.text import safe_text

CANDIDATES = b",;\t|"
PREFIX = 2**20
"""Bytes looked at to find the dialect; a longer first line extends it."""
SCAN_CHUNK = 16 * 2**20
MAX_COLUMNS = 20_000
MOST_ABOVE = 20
"""Lines above a table that may be titles, comments or blanks."""
STEADY = 0.98
"""Share of the lines below that must have the width of the first line of the table."""
NUMBER = re.compile(r"^[-+]?(\d+([.,]\d+)*|[.]\d+)([eE][-+]?\d+)?%?$")


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How the text is cut into cells."""

    delimiter: str
    quote: str | None
    header: bool = True
    header_reason: str = ""
    columns: int = 0
    skip: int = 0
    """Bytes before the first record of the table: blank lines, titles, comments."""
    above: tuple[str, ...] = ()
    """Lines above the table that say something, shortened."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a pass over all bytes found: physical facts about records."""

    records: int
    blank: int
    ragged: list[tuple[int, int]]
    """(record number from 1, number of cells) of at most five records with another number of cells."""
    ragged_count: int
    open_quote: bool


def sniff(data: bytes, path: object, delimiter: str | None = None, header: bool | None = None) -> Dialect:
    """The dialect of UTF-8 text; wishes win over what is found.

    Raises `BadInputError` when no delimiter gives more than one column.
    """
    skip = len(data) - len(data.lstrip(b"\r\n"))
    prefix = _prefix(data[skip:])
    options = [delimiter] if delimiter else [chr(c) for c in CANDIDATES]
    best: tuple[float, Dialect] | None = None
    quoted = {option: _quoting_holds(prefix, option, cut=len(prefix) < len(data) - skip) for option in options}
    for quote in ('"', None):
        counts = _cells_per_record(prefix, quote, options)
        for option, (cells, starts) in counts.items():
            if quoted[option] != bool(quote):
                continue
            first = [bytes(prefix[s : s + 4]) for s in starts[:40]]
            if len(cells) == 0:
                continue
            above = _leading(_narrow_titles(prefix, cells, starts, option), first)
            score, columns = _score(cells[above:])
            score -= 0.3 * (above > 0)  # a delimiter that needs no title above the table comes first
            lines = [safe_text(prefix[a:b].decode(errors="replace").strip(), 60) for a, b in zip(starts[:above], starts[1 : above + 1], strict=True)]
            found = Dialect(delimiter=option, quote=quote, columns=columns, skip=skip + int(starts[above]), above=tuple(lines))
            if columns > 1 and (best is None or score > best[0] + 0.02):
                best = (score, found)
    if best is None:
        raise one_column(prefix, path, delimiter)
    dialect = best[1]
    if header is not None:
        return replace(dialect, header=header, header_reason="as set")
    found, reason = _has_header(rows(prefix[dialect.skip - skip :], dialect, 200))
    return replace(dialect, header=found, header_reason=reason)


def _quoting_holds(prefix: bytes, delimiter: str, *, cut: bool = False) -> bool:
    """Whether quotation marks come in pairs around whole cells (at least 80 % of them), not loose inside text.

    With `cut` the prefix may end inside the last cell. Nothing is taken back (possessive), so cells of any length cost one pass.
    """
    marks = prefix.count(b'"')
    if not marks:
        return True
    edge = re.escape(delimiter.encode())
    end = rb'(?:"(?=' + edge + rb'|\r|\n|\Z)' + (rb"|\Z)" if cut else rb")")
    whole = re.compile(rb'(?:(?<=' + edge + rb')|(?<=\n)|\A)"(?:[^"]++|"")*+' + end)
    return sum(m.group().count(b'"') for m in whole.finditer(prefix)) >= 0.8 * marks


_BLANKS = re.compile(rb'("[^"\n]*")|[ \t]+')


def blank_separated(data: bytes) -> bytes | None:
    """The text with one blank between cells that runs of blanks separate (old statistics files); None where lines are no such rows.

    All of the first 1,000 lines need the same number of cells, at least two; blanks inside quotation marks stay.
    """
    lines = [_BLANKS.sub(lambda m: m.group(1) or b" ", line.strip()) for line in _prefix(data).splitlines()[:1000] if line.strip()]
    counts = {line.count(b" ") - sum(m.count(b" ") for m in re.findall(rb'"[^"]*"', line)) for line in lines}
    if len(lines) < 5 or len(counts) != 1 or counts == {0}:
        return None
    return collapsed(data)


def collapsed(data: bytes) -> bytes:
    """The text with single blanks between cells and none around lines."""
    return b"\n".join(_BLANKS.sub(lambda m: m.group(1) or b" ", line.strip()) for line in data.splitlines())


def one_column(prefix: bytes, path: object, delimiter: str | None) -> BadInputError:
    """The error for a table in which every line is a single cell."""
    first = safe_text(prefix.split(b"\n", 1)[0].decode(errors="replace"), 60)
    if delimiter:
        cause, remedy = f"The delimiter {delimiter!r} does not occur in the first line {first!r}.", "Leave the delimiter out to have it found, or name the right one."
    else:
        cause, remedy = f"No comma, semicolon, tab or bar separates cells; the first line is {first!r}.", "If another delimiter is used, name it (--set data.delimiter=...). A table needs a target and at least one input column."
    return BadInputError(f"{shown(str(path))} has one column", cause, remedy, where=str(path))


def _prefix(data: bytes) -> bytes:
    """At least the first two lines, else `PREFIX` bytes cut at a line end."""
    end = PREFIX
    if len(data) <= end:
        return data
    cut = data.rfind(b"\n", 0, end)
    if cut < 0 or data.find(b"\n") == cut:
        first = data.find(b"\n")
        cut = data.find(b"\n", first + 1) if first >= 0 else -1
    return data[: cut + 1] if cut >= 0 else data


def _outside(array: np.ndarray, quote: str | None, parity: int = 0) -> tuple[np.ndarray | None, int]:
    """Boolean mask of bytes outside quotes (None: all) and the quote parity at the end."""
    if quote is None:
        return None, 0
    marks = array == ord(quote)
    total = int(marks.sum())
    if total == 0:
        return (None, 0) if parity == 0 else (np.zeros(len(array), bool), parity)
    inside = np.cumsum(marks, dtype=np.uint8) & 1
    if parity:
        inside ^= 1
    return inside == 0, (total + parity) & 1


def _cells_per_record(prefix: bytes, quote: str | None, options: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Cells of each record and the byte it starts at, for each delimiter; blank lines are passed over."""
    array = np.frombuffer(prefix, np.uint8)
    outside, _ = _outside(array, quote)
    ends = _at(array, 10, outside)
    if len(ends) == 0 or ends[-1] != len(array) - 1:
        ends = np.append(ends, len(array))
    widths = np.diff(ends, prepend=-1)
    out = {}
    for option in options:
        places = _at(array, ord(option), outside)
        counts = np.bincount(np.searchsorted(ends, places), minlength=len(ends))[: len(ends)] + 1
        kept = (widths > 2) | (counts > 1)
        out[option] = counts[kept], (ends - widths + 1)[kept]
    return out


def _at(array: np.ndarray, code: int, outside: np.ndarray | None) -> np.ndarray:
    hits = array == code
    return np.flatnonzero(hits if outside is None else hits & outside)


def _narrow_titles(prefix: bytes, cells: np.ndarray, starts: np.ndarray, delimiter: str) -> np.ndarray:
    """The cells of each record, with a record near the top that fills its first cell at most (a title, padded by a spreadsheet) counted as one cell."""
    out, mark = cells.copy(), delimiter.encode()
    for i in range(min(MOST_ABOVE, len(starts) - 1)):
        line = prefix[starts[i] : starts[i + 1]].strip(b"\r\n \t\"" if mark != b"\t" else b"\r\n \"")
        if cells[i] < 3 or line.rstrip(mark + b" \"").count(mark):
            break  # a line with more than one filled cell: the table begins
        out[i] = 1
    return out


def _leading(cells: np.ndarray, first_bytes: list[bytes]) -> int:
    """How many records stand above the table: narrower than it, or comments, with a table of steady width below; 0 when it starts at once.

    `cells` [n] counts the cells of each record, `first_bytes` starts the first records.
    """
    if len(cells) < 4:
        return 0
    below = cells[min(MOST_ABOVE, len(cells) // 2):]
    width = int(np.bincount(below).argmax())
    if width < 2 or (cells[0] == width and not first_bytes[0].startswith(b"#")):
        return 0
    k = next((i for i in range(min(MOST_ABOVE, len(cells) - 2) + 1) if cells[i] == width), 0)
    if k == 0 or float((cells[k:] == width).mean()) < STEADY:
        return 0
    comments = [i for i in range(k) if first_bytes[i].lstrip(b'"').startswith((b"#", b"//", b"%"))]
    plain = [i for i in range(k) if i not in comments]
    # A header that lacks one name is no title; nor is a line that is nearly as wide as the table.
    return k if all(cells[i] == 1 or cells[i] <= width / 2 for i in plain) else 0


def _score(cells: np.ndarray) -> tuple[float, int]:
    """Share of records with the width of the first one, slightly rewarded for more columns."""
    if len(cells) == 0:
        return 0.0, 0
    width = int(cells[0])
    share = float(np.mean(cells == width))
    if share < 0.5 and len(cells) > 2:
        values, counts = np.unique(cells, return_counts=True)
        common = int(values[counts.argmax()])
        share = min(share, float(counts.max()) / len(cells)) * 0.9
        width = max(width, 1) if width > 1 else (common if common > 1 and counts.max() / len(cells) > 0.9 else 1)
    return share + 0.01 * min(np.log2(max(width, 1)), 10) / 10, width


def rows(prefix: bytes, dialect: Dialect, limit: int) -> list[list[str]]:
    """The first records as cells; a cell longer than the csv module allows ends the list."""
    text = io.StringIO(prefix.decode(errors="replace"), newline="")
    reader = csv.reader(text, delimiter=dialect.delimiter, quotechar=dialect.quote or None, quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE)
    found: list[list[str]] = []
    try:
        for row in reader:
            if row:
                found.append([c.strip() for c in row])
            if len(found) >= limit or sum(map(len, found[-1:])) > 2**22:
                break
    except csv.Error:
        pass
    return found


def _has_header(rows: list[list[str]]) -> tuple[bool, str]:
    """Whether the first record is a header: does it differ in kind from what stands below it?"""
    if len(rows) < 2:
        return True, "a single line is taken as the header"
    head, body = rows[0], [r for r in rows[1:] if r != rows[0]]  # a header may be repeated where files were joined
    width = min(len(head), 200)
    for_header = against = 0
    for place in range(width):
        cells = [r[place] for r in body if len(r) > place and r[place]]
        if not cells:
            continue
        numeric = sum(bool(NUMBER.match(c)) for c in cells) / len(cells)
        if numeric > 0.9:
            if NUMBER.match(head[place]):
                against += 1
            else:  # a word over nothing but numbers says more than a name that is also a level
                for_header += 3 if numeric == 1 and len(cells) >= 10 and re.search(r"[^\W\d_]", head[place]) and head[place].lower() not in MISSING_TOKENS else 1
        elif head[place] in set(cells) and len(set(cells)) < 0.9 * len(cells):
            against += 2 if len(cells) >= 10 else 1
    if len(set(head)) < len(head) and for_header == 0:
        against += 1
    if against > for_header:
        return False, "the first line holds values like those below it: columns are named column_1, column_2, ..."
    return True, ""


def first_record(data: bytes, dialect: Dialect) -> tuple[list[str], int]:
    """Cells of the first record from `dialect.skip` on, and the byte after its end."""
    begin = end = dialect.skip
    while True:
        end = data.find(b"\n", end)
        if end < 0:
            end = len(data)
            break
        if dialect.quote is None or data.count(dialect.quote.encode(), begin, end) % 2 == 0:
            break
        end += 1
    first = rows(data[begin:end], dialect, 1)
    return (first[0] if first else []), min(end + 1, len(data))


def sample(data: bytes, dialect: Dialect, limit: int = 200) -> list[list[str]]:
    """The first records of the table as cells, the header among them."""
    return rows(_prefix(data[dialect.skip :] if dialect.skip else data), dialect, limit)


def scan(data: bytes, dialect: Dialect, above: int = 0) -> Scan:
    """Count records and cells per record over all bytes from `dialect.skip` on, 16 MiB at a time; memory stays at a few chunks.

    Records are numbered from 1 after the `above` lines over them.
    """
    code, width = ord(dialect.delimiter), dialect.columns
    records = blank = ragged_count = 0
    ragged: list[tuple[int, int]] = []
    parity, carry_cells, carry_bytes = 0, 0, 0
    view = memoryview(data)
    for start in range(dialect.skip, len(data), SCAN_CHUNK):
        array = np.frombuffer(view[start : start + SCAN_CHUNK], np.uint8)
        outside, parity = _outside(array, dialect.quote, parity)
        ends = _at(array, 10, outside)
        places = _at(array, code, outside)
        cells = np.bincount(np.searchsorted(ends, places), minlength=len(ends) + 1)
        widths = np.diff(np.append(ends, len(array)), prepend=-1)
        returns = np.zeros(len(ends) + 1, np.int64)
        if len(ends):
            returns[:-1] = array[np.maximum(ends - 1, 0)] == 13
        cells[0] += carry_cells
        widths[0] += carry_bytes
        done, empty = cells[:-1], (widths[:-1] - returns[:-1] <= 1) & (cells[:-1] == 0)
        wrong = np.flatnonzero((done + 1 != width) & ~empty)
        ragged_count += len(wrong)
        ragged.extend((above + records + int(i) + 1, int(done[i]) + 1) for i in wrong[: 5 - len(ragged)])
        records += len(done)
        blank += int(empty.sum())
        carry_cells, carry_bytes = int(cells[-1]), int(widths[-1]) - 1 if len(ends) else int(widths[-1])
    if carry_bytes > 0:
        records += 1
        if carry_cells + 1 != width:
            ragged_count += 1
            ragged.append((above + records, carry_cells + 1))
    return Scan(records=records, blank=blank, ragged=ragged[:5], ragged_count=ragged_count, open_quote=bool(parity))


def check_names(names: list[str], path: object) -> list[str]:
    """Column names as used: trimmed, blanks named; `BadInputError` for duplicates and for too many columns."""
    if len(names) > MAX_COLUMNS:
        raise BadInputError(f"{shown(str(path))} has {len(names):,} columns", f"The limit is {MAX_COLUMNS:,} columns.", "Select columns first, or turn the table round if rows and columns are swapped.", where=str(path))
    out = [n.strip() or f"column_{i + 1}" for i, n in enumerate(names)]
    seen: dict[str, int] = {}
    twice = []
    for place, name in enumerate(out, 1):
        if name in seen:
            twice.append(f"{safe_text(name, 40)!r} (columns {seen[name]} and {place})")
        seen.setdefault(name, place)
    if twice:
        more = f" and {len(twice) - 3} more" if len(twice) > 3 else ""
        raise BadInputError(f"{shown(str(path))} has duplicate column names", f"{', '.join(twice[:3])}{more}.", "Give every column a name of its own in the first line.", where=str(path))
    return out
