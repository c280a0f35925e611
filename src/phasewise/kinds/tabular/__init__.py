"""Tables: rows of numbers, categories, dates. Importing this loads nothing heavy."""

from pathlib import Path

from phasewise.kinds.base import Kind
from phasewise.records.results.data import Proposal

_SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".txt", ".data", ".parquet", ".pq")


def _looks(path: Path) -> Proposal | None:
    """A file with the suffix of a table (optionally gzipped) or with Parquet's magic bytes."""
    if path.is_dir():
        return None
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(_SUFFIXES):
        return Proposal(value="tabular", reason=f"{path.suffix or path.name} is a table of rows and columns", confidence=0.9)
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError:
        return None
    if head == b"PAR1":
        return Proposal(value="tabular", reason="the file begins like Parquet", confidence=0.9)
    return Proposal(value="tabular", reason="a single file is read as a table", confidence=0.2)


KIND = Kind(id="tabular", title="Table", package="phasewise.kinds.tabular", looks=_looks)
