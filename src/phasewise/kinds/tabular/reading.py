"""Files to typed tables: read naturally, apply the view's remedies, cast every column to its role.

`read_raw` gives the natural table (text stays text unless every cell is a number), `shape` is the pure step from there
to the table that models see, `read` does both. All later rooms go through these three.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from phasewise.kinds.shared import memory
from phasewise.kinds.tabular import casting, columnar, dialect, heading, large, sources, totals
from phasewise.records.errors import BadInputError
from phasewise.records.jobs import DataView
from phasewise.records.results.data import FileIdentity
from phasewise.records.text import safe_text

ROW = "__row__"
"""Column with the row number in the source file (0 is the first row of data); never an input."""
MIN_ROWS = 10
_CAST_REMEDIES = {"as-category": "category", "as-number": "number", "as-date": "date"}


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """A file as read: natural types, the row-number column `ROW` first."""

    frame: pl.DataFrame
    identity: FileIdentity
    reading: dict[str, str]
    notes: list[str] = field(default_factory=list)
    source: large.BlockFile | None = None
    """The file where it is larger than the allowed memory: `frame` is then a random sample of its rows."""

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return self.identity.rows

    def whole(self, column: str) -> pl.Series:
        """A column over all rows of the file."""
        if self.source is None:
            return self.frame[column]
        return pl.concat([b[column] for b in self.source.blocks(large.allowed(), [column])])

    @property
    def columns(self) -> list[str]:
        """Names of the file's own columns, in order."""
        return [c for c in self.frame.columns if c != ROW]


def read_raw(view: DataView, path: Path | str | None = None, *, min_rows: int = MIN_ROWS, sampled: bool = False) -> RawTable:
    """The natural table of the view's file (or of another file read the same way); where it is larger than memory and `sampled`, some of its rows.

    Raises `BadInputError` naming file, row or column for everything listed under "Bad input" of the main job.
    """
    file = Path(path if path is not None else view.file).expanduser()
    sources.require_file(file)
    own = path is None or Path(view.file).expanduser() == file
    wishes = view.reading if own else {k: v for k, v in view.reading.items() if k == "header"}
    source = large.opened(file, wishes) if sampled else None
    raw = _sample(source) if source is not None else _parquet(file) if sources.is_parquet(file) else _text(file, wishes)
    rows = raw.frame.height
    if rows == 0:
        raise BadInputError(f"{sources.shown(file)} has a header and no rows", f"{len(raw.columns)} columns, 0 rows.", "Export the table with its rows.", where=str(file))
    if rows < min_rows:
        raise BadInputError(f"{sources.shown(file)} has only {rows} rows", f"At least {min_rows} rows are needed to train, validate and test anything.", "Collect more rows.", where=str(file))
    if len(raw.columns) < 2 and min_rows > 1:
        raise BadInputError(f"{sources.shown(file)} has one column", f"Only {safe_text(raw.columns[0], 60)!r}.", "A table needs a target and at least one input column.", where=str(file))
    return raw


def read(view: DataView, path: Path | str | None = None, *, min_rows: int = MIN_ROWS) -> pl.DataFrame:
    """The table of a file with the view's remedies and casts applied (plus the `ROW` column)."""
    return shape(read_raw(view, path, min_rows=min_rows).frame, view)


def shape(frame: pl.DataFrame, view: DataView, *, drop_rows: bool = True) -> pl.DataFrame:
    """Natural table -> the table models see: remedies in order, then role casts. Pure; `ROW` is kept.

    With `drop_rows=False` remedies that remove rows are left out (test and field rows are judged as they come).
    """
    frame = remedied(frame, view, drop_rows=drop_rows)
    return casting.cast_roles(frame, effective_roles(frame, view), casting.formats_of(view))


def remedied(frame: pl.DataFrame, view: DataView, *, drop_rows: bool = True) -> pl.DataFrame:
    """The natural table after the view's remedies, before any cast."""
    if not view.remedies:
        return frame
    from phasewise.checks import remedies

    return remedies.apply(frame, view.remedies, view.target, drop_rows=drop_rows)


def effective_roles(frame: pl.DataFrame, view: DataView) -> dict[str, str]:
    """Role of every column of a frame but target and row number: the view's, changed by cast remedies, else proposed."""
    from phasewise.kinds.tabular.profiling import column_facts
    from phasewise.kinds.tabular.roles import propose_role

    names = [c for c in frame.columns if c not in (ROW, view.target)]
    roles = {c: str(view.roles[c]) for c in names if c in view.roles}
    open_ones = [c for c in names if c not in roles]
    if open_ones:
        facts = column_facts(frame.select(open_ones))
        roles |= {c: propose_role(frame[c], facts[c])[0] for c in open_ones}
    for finding, text in view.remedies.items():
        column, role = finding.partition(":")[2], _CAST_REMEDIES.get(text.partition("?")[0])
        if role and column in roles:
            roles[column] = role
    return roles


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How a text begins: its bytes, how they are cut into cells, the names given and used, where rows start and how many lines stand above them."""

    text: sources.TextSource
    found: dialect.Dialect
    given: list[str]
    names: list[str]
    start: int
    above: int
    notes: list[str]


def opening(text: sources.TextSource, file: Path, wishes: dict[str, Any]) -> Opening:
    """The dialect and the header of a text, whose first part is enough."""
    header = {"yes": True, "no": False, True: True, False: False}.get(wishes.get("header"))
    text, found = _cut(text, file, _delimiter(wishes.get("delimiter")), header)
    notes, given = list(text.notes), []
    start, above = found.skip, text.data.count(b"\n", 0, found.skip)
    if found.above:
        notes.append(f"{len(found.above)} line{'s' if len(found.above) > 1 else ''} above the table {'were' if len(found.above) > 1 else 'was'} left out: {'; '.join(repr(line) for line in found.above[:2])}{' ...' if len(found.above) > 2 else ''}")
    if found.header:
        head, found = heading.read(text.data, found, dialect.sample(text.data, found))
        given, names, start = head.names, dialect.check_names(head.names, file), head.start
        notes += head.notes
        above += text.data.count(b"\n", found.skip, start)
    else:
        names = dialect.check_names([""] * found.columns, file)
        notes.append(f"no header line: {found.header_reason}")
    return Opening(text=text, found=found, given=given, names=names, start=start, above=above, notes=notes)


def _text(file: Path, wishes: dict[str, Any]) -> RawTable:
    begun = opening(sources.load_text(file, wishes.get("encoding")), file, wishes)
    text, found, names, start, above, notes = begun.text, begun.found, begun.names, begun.start, begun.above, begun.notes
    data, lines = text.data, dialect.scan(text.data, replace(found, skip=start), above)
    if lines.ragged_count:
        data, footer = heading.without_footer(data, lines, found.delimiter, len(names))
        if footer:
            notes.append(f"{len(footer)} line{'s' if len(footer) > 1 else ''} below the table {'were' if len(footer) > 1 else 'was'} left out: {'; '.join(repr(line) for line in footer[:2])}{' ...' if len(footer) > 2 else ''}")
        else:
            refuse_ragged(lines, len(names), file, found)
    if lines.blank:
        notes.append(f"{lines.blank:,} blank lines were left out")
    frame = parse(data[start:], names, found, file)
    if lines.blank:
        frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    if found.header:
        frame = _without_repeated_header(frame, names, notes)
        frame = _without_nameless(frame, begun.given, names, notes)
    frame, totals_notes = totals.without_totals(frame)
    frame, typed_notes = casting.natural_types(frame)
    notes += totals_notes
    reading = {"delimiter": found.delimiter, "encoding": text.encoding, "quote": found.quote or "", "header": "yes" if found.header else "no"}
    if text.compression:
        reading["compression"] = text.compression
    return _finish(frame, file, reading, notes + typed_notes)


def _cut(text: sources.TextSource, file: Path, delimiter: str | None, header: bool | None) -> tuple[sources.TextSource, dialect.Dialect]:
    """The text and its dialect; cells between runs of blanks are taken where nothing else separates them."""
    try:
        if delimiter == " ":
            text = replace(text, data=dialect.collapsed(text.data))
        return text, dialect.sniff(text.data, file, delimiter, header)
    except BadInputError:
        data = dialect.blank_separated(text.data) if delimiter is None else None
        if data is None:
            raise
    text = replace(text, data=data, notes=[*text.notes, "cells are separated by blanks"])
    return text, dialect.sniff(data, file, " ", header)


def _without_repeated_header(frame: pl.DataFrame, names: list[str], notes: list[str]) -> pl.DataFrame:
    """Without lines that repeat the header, as joined files have them; said in the notes with their place."""
    places = (frame.to_series(0).str.strip_chars() == names[0]).arg_true() if len(names) > 1 else ()
    again = [int(i) for i in places if [str(v).strip() for v in frame.row(int(i))] == names]
    if not again:
        return frame
    shown = ", ".join(f"{i + 1:,}" for i in again[:3]) + (", ..." if len(again) > 3 else "")
    notes.append(f"{len(again):,} line{'s' if len(again) > 1 else ''} below the header repeat{'' if len(again) > 1 else 's'} it and {'were' if len(again) > 1 else 'was'} left out (data row {shown}): were files joined?")
    return frame.with_row_index("__again__").filter(~pl.col("__again__").is_in(again)).drop("__again__")


def _without_nameless(frame: pl.DataFrame, given: list[str], names: list[str], notes: list[str]) -> pl.DataFrame:
    """Without columns that have neither a name nor a filled cell, as delimiters at the end of lines make them."""
    empty = [n for g, n in zip(given, names, strict=True) if not g.strip() and frame[n].str.strip_chars().replace({"": None}).null_count() == frame.height]
    if not empty or len(empty) >= len(names) - 1 or frame.height == 0:
        return frame
    notes.append(f"{len(empty)} column{'s' if len(empty) > 1 else ''} without a name or a filled cell {'were' if len(empty) > 1 else 'was'} left out")
    return frame.drop(empty)


def _delimiter(wish: object) -> str | None:
    """A delimiter as a person may write it: a character or `tab`, `\\t`, `comma`, `semicolon`, `pipe`."""
    if not wish:
        return None
    text = str(wish)
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}.get(text.lower(), text)
    if len(named.encode()) != 1:
        raise BadInputError(f"cannot use {safe_text(text)!r} as the delimiter", "A delimiter is one ASCII character.", "Use , ; | or tab.")
    return named


def refuse_ragged(lines: dialect.Scan, width: int, file: Path, found: dialect.Dialect) -> None:
    """A `BadInputError` that names the rows whose number of cells is not that of the others, if there are any."""
    if not lines.ragged_count:
        return
    places = ", ".join(f"row {r:,} has {c} cells" for r, c in lines.ragged[:3])
    quote = " A quotation mark is never closed." if lines.open_quote else ""
    raise BadInputError(
        f"{sources.shown(file)} has rows of different length", f"Expected {width} cells a row (delimiter {found.delimiter!r}); {places}{'; ...' if lines.ragged_count > 3 else ''} ({lines.ragged_count:,} such rows; row 1 is the first line).{quote}",
        "Correct these rows, or name the right delimiter (--set data.delimiter=...).", where=str(file),
    )


def parse(body: bytes, names: list[str], found: dialect.Dialect, file: Path) -> pl.DataFrame:
    """Rows of text as a table whose cells are all text."""
    if not body.strip():
        return pl.DataFrame({n: pl.Series(n, [], dtype=pl.String) for n in names})
    try:
        frame = pl.read_csv(
            body, has_header=False, separator=found.delimiter, quote_char=found.quote, infer_schema=False,
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError as error:
        raise BadInputError(f"cannot read {sources.shown(file)} as a table", safe_text(str(error).splitlines()[0], 200), "Check delimiter and quotation marks.", where=str(file)) from None
    if frame.width != len(names):
        raise BadInputError(f"cannot read {sources.shown(file)} as a table", f"{len(names)} names stand above {frame.width} columns.", "Check the first line and the delimiter.", where=str(file))
    frame.columns = names
    return frame


def _sample(source: large.BlockFile) -> RawTable:
    """Random rows of a file that is larger than memory, under their own numbers."""
    dialect.check_names(list(source.columns), source.path)
    room = large.allowed()
    notes = list(source.notes)
    frame = source.gather(source.sample(source.held_rows(room)), room, notes)
    notes.append(f"{source.rows:,} rows would take {source.cells * large.CELL / 2**20:,.0f} MB, {room / 2**20:,.0f} MB are allowed ({large.LIMIT}): columns are described from {frame.height:,} random rows, networks train on all training rows as they stream from the file")
    return RawTable(frame=frame, identity=sources.identity(source.path, source.rows), reading=source.reading, notes=notes, source=source)


def _parquet(file: Path) -> RawTable:
    try:
        schema = pl.read_parquet_schema(file)
        dialect.check_names(list(schema), file)
        cells = int(pl.scan_parquet(file, hive_partitioning=False, glob=False).select(pl.len()).collect().item()) * len(schema)
        memory.require(cells * large.CELL, file, f"A table of {cells:,} cells")
        frame = pl.read_parquet(file, hive_partitioning=False, glob=False)
    except pl.exceptions.PolarsError as error:
        raise BadInputError(f"cannot read {sources.shown(file)} as Parquet", safe_text(str(error).splitlines()[0], 200), "Write the file again.", where=str(file)) from None
    except OSError as error:
        raise BadInputError(f"cannot read {sources.shown(file)}", safe_text(str(error), 200), "The file is damaged or cut off; write it again.", where=str(file)) from None
    frame, notes = columnar.natural(frame)
    return _finish(frame, file, {"format": "parquet"}, notes)


def _finish(frame: pl.DataFrame, file: Path, reading: dict[str, str], notes: list[str]) -> RawTable:
    if ROW in frame.columns:
        frame = frame.drop(ROW)
    return RawTable(frame=frame.with_row_index(ROW), identity=sources.identity(file, frame.height), reading=reading, notes=notes)
