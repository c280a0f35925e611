"""CSV files larger than the allowed memory: read in blocks of whole lines; what type a column has is settled by one pass over all of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from phasewise.kinds.shared import memory
from phasewise.kinds.tabular import casting, dialect, reading, sources
from phasewise.kinds.tabular.large import BlockFile

HEAD = 4 * 2**20
"""Bytes from which delimiter, quotation and header are told."""
PARTS = 32
"""A block of text is this part of the allowed memory: its cells as text, trimmed and as numbers take 10 to 20 times its bytes."""
PLAIN = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b")
"""What a file that is not plain UTF-8 begins with; such a file is read whole."""
TYPES = {"whole": pl.Int64, "number": pl.Float64, "text": pl.String}


@dataclass(frozen=True, kw_only=True)
class TextFile(BlockFile):
    """A plain CSV file read in blocks of whole lines."""

    found: dialect.Dialect
    start: int
    types: tuple[str, ...] = ()
    """`whole`, `number` or `text` by column; empty while they are not known."""

    @property
    def reading(self) -> dict[str, str]:
        """See BlockFile."""
        return {"delimiter": self.found.delimiter, "encoding": "utf-8", "quote": self.found.quote or "", "header": "yes" if self.found.header else "no"}

    @property
    def settled(self) -> dict[str, Any]:
        """See BlockFile."""
        return {"text": {"delimiter": self.found.delimiter, "quote": self.found.quote, "header": self.found.header, "start": self.start, "types": list(self.types)}}

    def lines(self, room: int) -> Iterator[bytes]:
        """The bytes of the rows, cut where a row ends."""
        size, quote = max(2**16, room // PARTS), (self.found.quote or "").encode()
        with self.path.open("rb") as file:
            file.seek(self.start)
            rest = b""
            while more := file.read(size):
                rest += more
                cut = rest.rfind(b"\n")
                while quote and cut >= 0 and rest.count(quote, 0, cut) % 2:  # a line break inside a quoted cell
                    cut = rest.rfind(b"\n", 0, cut)
                if cut >= 0:
                    yield rest[: cut + 1]
                    rest = rest[cut + 1 :]
            if rest.strip():
                yield rest

    def texts(self, room: int) -> Iterator[pl.DataFrame]:
        """Rows with all cells as trimmed text; blank lines are left out."""
        for body in self.lines(room):
            frame = reading.parse(body, list(self.columns), self.found, self.path).select(pl.all().str.strip_chars().replace({"": None}))
            yield frame.filter(~pl.all_horizontal(pl.all().is_null()))

    def blocks(self, room: int, columns: Sequence[str] | None = None, notes: list[str] | None = None) -> Iterator[pl.DataFrame]:
        """See BlockFile."""
        start, types = 0, dict(zip(self.columns, self.types, strict=True))
        for frame in self.texts(room):
            if columns is not None:
                frame = frame.select(columns)
            typed = frame.with_columns(pl.col(c).cast(TYPES[types[c]], strict=False) for c in frame.columns if types[c] != "text")
            typed = typed.with_columns(pl.col(c).fill_nan(None) for c in typed.columns if types[c] == "number")
            yield typed.with_row_index(reading.ROW, offset=start)
            start += typed.height
        memory.give_back()


def known(settled: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `TextFile` from what a split settled."""
    found = dialect.Dialect(delimiter=settled["delimiter"], quote=settled["quote"], header=settled["header"], columns=len(settled["types"]))
    return {"found": found, "start": int(settled["start"]), "types": tuple(settled["types"])}


def opened(path: Path, wishes: Mapping[str, Any], room: int) -> TextFile | None:
    """The file in blocks where it is plain UTF-8 text and would take more than `room` bytes; None where it is read whole.

    Raises `BadInputError` for rows of different length; they are counted over the whole file.
    """
    size = path.stat().st_size
    if size * sources.TEXT <= room:
        return None
    with path.open("rb") as file:
        head = file.read(HEAD)
    head = head[: head.rfind(b"\n") + 1]
    if not head or head.startswith(PLAIN) or b"\0" in head or wishes.get("encoding") not in (None, "", "utf-8") or b"\r" in head.replace(b"\r\n", b""):
        return None
    try:
        head.decode("utf-8")
    except UnicodeDecodeError:
        return None
    begun = reading.opening(sources.TextSource(data=head, encoding="utf-8"), path, dict(wishes))
    if begun.text.data != head:  # cells between runs of blanks
        return None
    return _typed(TextFile(path=path, rows=0, columns=tuple(begun.names), found=begun.found, start=begun.start, notes=tuple(begun.notes)), begun.above, room)


def _typed(file: TextFile, above: int, room: int) -> TextFile:
    """The file with its rows counted and a type for every column that fits all its cells."""
    rows, types = 0, dict.fromkeys(file.columns, "")
    for body in file.lines(room):
        lines = dialect.scan(body, replace(file.found, skip=0, columns=len(file.columns)), above)
        reading.refuse_ragged(lines, len(file.columns), file.path, file.found)
        above += lines.records
        frame = reading.parse(body, list(file.columns), file.found, file.path)
        frame, _ = casting.natural_types(frame.filter(~pl.all_horizontal(pl.all().is_null())))
        rows += frame.height
        for name, dtype in frame.schema.items():
            if frame[name].null_count() < frame.height and types[name] != "text":
                now = "whole" if dtype.is_integer() else "number" if dtype.is_float() else "text"
                types[name] = now if types[name] in ("", now) or now == "text" else "number"
    return replace(file, rows=rows, types=tuple(t or "text" for t in types.values()))
