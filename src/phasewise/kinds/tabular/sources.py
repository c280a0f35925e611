"""From a path to clean UTF-8 bytes: existence, type, expanded size and encoding of a file are settled here."""

import codecs
import hashlib
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from phasewise.kinds.shared import memory
from phasewise.records.errors import BadInputError
from phasewise.records.results.data import FileIdentity
from phasewise.records.text import safe_text

MAX_BYTES = 4 * 2**30
"""Largest text file after unpacking, in bytes."""
MAX_RATIO = 200
"""Largest gzip ratio believed for more than `RATIO_FREE` bytes; CSV text packs 3 to 40 times."""
RATIO_FREE = 64 * 2**20
CHUNK = 4 * 2**20
TEXT = 3
"""Bytes that a byte of text takes while it is read: itself, the columns, and a cast column."""
TABLES = (".csv", ".tsv", ".parquet")

_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"), (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"BZh", "bzip2 data"), (b"\xfd7zXZ", "xz data"), (b"\x28\xb5\x2f\xfd", "zstandard data"), (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"), (b"%PDF", "a PDF document"), (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"), (b"\x89HDF", "an HDF5 file"), (b"ARROW1", "an Arrow IPC file"), (b"\x80\x04\x95", "a pickle"),
)


@dataclass(frozen=True, kw_only=True)
class TextSource:
    """The whole text of a table file as UTF-8 bytes, and how it was found to be encoded."""

    data: bytes
    encoding: str
    compression: str = ""
    notes: list[str] = field(default_factory=list)


def shown(path: Path | str) -> str:
    """A path as it may be shown."""
    return safe_text(str(path), 160)


def require_file(path: Path) -> Path:
    """The path if it is a readable regular file with at least one byte; else a `BadInputError`."""
    try:
        found = path.stat()
    except FileNotFoundError:
        near = _nearest(path)
        raise BadInputError(f"no such file: {shown(path)}", f"{shown(path)} does not exist.", f"Check the spelling{near}{'' if near.endswith('?') else '.'}", where=str(path)) from None
    except OSError as error:
        raise BadInputError(f"cannot look at {shown(path)}", f"{error.strerror or error}.", "Check the path and its permissions.", where=str(path)) from None
    if stat.S_ISDIR(found.st_mode):
        raise BadInputError(f"{shown(path)} is a folder", "A table is one file.", _inside(path), where=str(path))
    if not stat.S_ISREG(found.st_mode):
        raise BadInputError(f"{shown(path)} is not a regular file", "It is a device, pipe or socket.", "Copy the data into a file first.", where=str(path))
    if found.st_size == 0:
        raise BadInputError(f"{shown(path)} is empty", "The file has 0 bytes.", "Export the table again.", where=str(path))
    return path


def _inside(folder: Path) -> str:
    """What to name instead of a folder: the tables in it, and how a training and a test file are given together."""
    try:
        names = sorted(p.name for p in folder.iterdir() if p.name.lower().removesuffix(".gz").endswith(TABLES))[:2000]
    except OSError:
        names = []
    train, test = ([n for n in names if n.lower().startswith(word)] for word in ("train", "test"))
    if len(train) == 1 and len(test) == 1:
        return f"Name {safe_text(train[0], 60)!r} in it, and its test file as `--set data.test_file={shown(folder / test[0])}` if that file has the target."
    if names:
        return f"Name one of the tables in it: {', '.join(safe_text(n, 60) for n in names[:5])}{' ...' if len(names) > 5 else ''}."
    return "Name a CSV or Parquet file inside it; for pictures, a folder with one folder of JPEG or PNG files for each class."


def _nearest(path: Path) -> str:
    import difflib

    try:
        names = [p.name for p in path.parent.iterdir()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names[:2000], n=1)
    return f": did you mean {safe_text(near[0])!r}?" if near else " and the folder"


def identity(path: Path, rows: int = 0) -> FileIdentity:
    """Name, size and SHA-256 of a file, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return FileIdentity(name=path.name, size=path.stat().st_size, sha256=digest.hexdigest(), rows=rows)


def is_parquet(path: Path) -> bool:
    """Whether a file carries Parquet's magic at both ends."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def load_text(path: Path, encoding: str | None = None) -> TextSource:
    """The text of a CSV-like file as UTF-8 bytes (plain or gzip), within `MAX_BYTES`.

    Raises `BadInputError` for foreign formats, binary junk, too large or damaged files. A few broken characters in
    otherwise good UTF-8 are replaced and reported; other 8-bit text is read as Windows-1252 and reported.
    """
    require_file(path)
    with path.open("rb") as file:
        head = file.read(32)
    if head[:2] == b"\x1f\x8b":
        raw, compression = _gunzip(path), "gzip"
    else:
        for magic, what in _FOREIGN:
            if head.startswith(magic):
                raise BadInputError(f"{shown(path)} is not a text table", f"It begins like {what}.", "Save the table as CSV (UTF-8) or Parquet; for pictures, name the (unpacked) folder that holds a folder for each class.", where=str(path))
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadInputError(f"{shown(path)} is too large", f"{size / 2**30:.1f} GiB of text; the limit is {MAX_BYTES / 2**30:.0f} GiB.", "Convert it to Parquet, or take a sample.", where=str(path))
        memory.require(size * TEXT, path, f"{size / 2**30:.2f} GiB of text")
        try:
            raw, compression = path.read_bytes(), ""
        except OSError as error:
            raise BadInputError(f"cannot read {shown(path)}", f"{error.strerror or error}.", "Check the permissions.", where=str(path)) from None
    if not raw:
        raise BadInputError(f"{shown(path)} is empty", "It unpacks to 0 bytes.", "Export the table again.", where=str(path))
    data, found, notes = _to_utf8(raw, path, encoding)
    if b"\n" not in data and b"\r" in data:
        data, notes = data.replace(b"\r", b"\n"), [*notes, "lines end in carriage returns only (an old Macintosh file)"]
    _no_other_text(data[:65536], path)
    return TextSource(data=data, encoding=found, compression=compression, notes=notes)


_OTHER_TEXT = (
    (re.compile(rb'\s*(\{\s*"|\[\s*[{\[])'), "is JSON, not a table", "One object a row is no line of cells."),
    (re.compile(rb"(\s*%[^\n]*\n)*\s*@relation\b", re.I), "is an ARFF file, not a table of cells", "Its columns are declared in lines above the data."),
    (re.compile(rb"\s*(<!doctype|<html|<\?xml|<table)", re.I), "is a web page or XML, not a table of cells", "It begins with a tag."),
    (re.compile(rb"(\s*[-+]?[\d.]+([ \t]+\d+:[-+\d.eE]+)+[ \t]*(\r?\n|$)){3}"), "is in LibSVM's sparse form", "Its cells are pairs of a column number and a value."),
)


def _no_other_text(head: bytes, path: Path) -> None:
    """Refuse text that other programs read as a table, but that has no rows of cells."""
    for pattern, what, cause in _OTHER_TEXT:
        if pattern.match(head):
            raise BadInputError(f"{shown(path)} {what}", cause, "Save the table as CSV (UTF-8) or Parquet.", where=str(path))


def _too_big(path: Path, declared: float, packed: int, what: str) -> BadInputError:
    return BadInputError(
        f"{shown(path)} unpacks to too much", f"{packed:,} packed bytes {what} {declared / 2**20:,.0f} MiB (limit {MAX_BYTES / 2**30:.0f} GiB, at most {MAX_RATIO} times the packed size).",
        "If you trust the file, unpack it yourself and name the unpacked file.", where=str(path),
    )


def _gunzip(path: Path) -> bytes:
    packed = path.stat().st_size
    limit = min(MAX_BYTES, max(RATIO_FREE, packed * MAX_RATIO))
    with path.open("rb") as file:
        file.seek(max(packed - 4, 0))
        declared = int.from_bytes(file.read(4), "little")
    parts: list[bytes] = []
    total = 0
    if declared <= limit:
        memory.require(declared * TEXT, path, f"{declared / 2**30:.2f} GiB of text")
    keep = declared <= limit  # a file that declares too much is only counted: it may be a cut-off file, whose last bytes declare nothing
    try:
        for piece in _inflate(path):
            total += len(piece)
            if total > limit:
                raise _too_big(path, total, packed, "unpack to more than")
            if keep:
                parts.append(piece)
    except (zlib.error, EOFError) as error:
        raise BadInputError(f"{shown(path)} is a damaged gzip file", f"After {total:,} bytes: {error}.", "Download or pack it again.", where=str(path)) from None
    if not keep:
        raise _too_big(path, declared, packed, "declare")
    return b"".join(parts)


def _inflate(path: Path) -> Iterator[bytes]:
    """Pieces of at most `CHUNK` bytes of a (multi-member) gzip file."""
    with path.open("rb") as file:
        engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
        pending = file.read(2**18)
        while pending:
            yield engine.decompress(pending, CHUNK)
            pending = engine.unconsumed_tail
            if engine.eof:
                pending = engine.unused_data.lstrip(b"\0") or file.read(2**18).lstrip(b"\0")
                if pending:
                    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
            elif not pending:
                pending = file.read(2**18)
        if not engine.eof:
            raise EOFError("the file ends in the middle")


def _to_utf8(raw: bytes, path: Path, wanted: str | None) -> tuple[bytes, str, list[str]]:
    if wanted:
        return _decode_as(raw, path, wanted)
    if raw.startswith(codecs.BOM_UTF8):
        data, _, notes = _utf8_or_legacy(raw[3:], path)
        return data, "utf-8-sig", notes
    if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return _decode_as(raw, path, "utf-16")
    sample = raw[:65536]
    nulls = sample.count(0)
    if nulls:
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        if max(even, odd) > 0.3 * len(sample) / 2 and min(even, odd) < 0.05 * len(sample) / 2:
            return _decode_as(raw, path, "utf-16-le" if odd > even else "utf-16-be")
    if nulls or _control_share(sample) > 0.05:
        codes = f"{nulls:,} zero bytes" if nulls else f"{_control_share(sample):.0%} control codes"
        raise BadInputError(f"{shown(path)} is not text", f"Its first {len(sample):,} bytes hold {codes}.", "Save the table as CSV (UTF-8) or Parquet; for pictures, name the (unpacked) folder that holds a folder for each class.", where=str(path))
    return _utf8_or_legacy(raw, path)


def _control_share(sample: bytes) -> float:
    junk = sum(sample.count(c) for c in range(32) if c not in (7, 8, 9, 10, 11, 12, 13, 27))
    return junk / max(len(sample), 1)


def _decode_as(raw: bytes, path: Path, encoding: str) -> tuple[bytes, str, list[str]]:
    try:
        name = codecs.lookup(encoding).name
        text = raw.decode(encoding, errors="replace")
    except (LookupError, TypeError):
        raise BadInputError(f"unknown encoding {safe_text(encoding)!r}", "Python knows no encoding of that name.", "Use for example utf-8, latin-1, cp1252 or utf-16.", where=str(path)) from None
    bad = text.count("\ufffd")
    notes = [f"{bad:,} characters were not valid {name} and were replaced by \ufffd"] if bad else []
    return text.lstrip("\ufeff").encode(), name, notes


def _utf8_or_legacy(raw: bytes, path: Path) -> tuple[bytes, str, list[str]]:
    try:
        raw.decode("utf-8")
        return raw, "utf-8", []
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    text = raw.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    high = sum(1 for c in text if ord(c) > 127) - bad
    if high > 10 * bad:
        return text.encode(), "utf-8", [f"{bad:,} characters (first in line {line:,}) were not valid UTF-8 and were replaced by \ufffd"]
    try:
        legacy, name = raw.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        legacy, name = raw.decode("latin-1"), "latin-1"
    return legacy.encode(), name, [f"the file is not UTF-8 (first in line {line:,}); {bad:,} characters were read as {name}: look at accented letters, or set the encoding"]
