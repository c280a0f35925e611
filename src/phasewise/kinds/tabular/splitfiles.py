"""The user's own split: a file that names each row's part, or a separate test file."""

from pathlib import Path

import numpy as np
import polars as pl

from phasewise.kinds.shared.assigning import DROPPED, TEST, TRAIN, VALIDATION
from phasewise.kinds.tabular import casting
from phasewise.kinds.tabular.reading import ROW, read_raw
from phasewise.kinds.tabular.sources import shown
from phasewise.records.errors import BadInputError
from phasewise.records.jobs import DataView
from phasewise.records.text import safe_text

_WORDS = {
    "train": TRAIN, "training": TRAIN, "tr": TRAIN, "validation": VALIDATION, "valid": VALIDATION, "val": VALIDATION, "dev": VALIDATION,
    "test": TEST, "testing": TEST, "te": TEST, "holdout": TEST, "drop": DROPPED, "dropped": DROPPED, "none": DROPPED, "": DROPPED,
}


def read_parts(view: DataView, path: str, data: pl.DataFrame) -> np.ndarray:
    """Part of each data row, int8 [rows], from a split file.

    The file has a column `part` (train, validation, test), one line per data row in order, or also a column `row` with row
    numbers from 1 (the first row of data), or a key column of the data; rows it does not name are dropped. Raises
    `BadInputError` for unknown parts, rows or keys that are not in the table and rows in two parts.
    """
    rows = data.height
    file = Path(path).expanduser()
    frame = read_raw(view.model_copy(update={"reading": {}}), _as_table(file), min_rows=1).frame.drop(ROW) if _has_two_columns(file) else _single(file)
    names = {c.strip().lower(): c for c in frame.columns}
    part_name = next((names[n] for n in ("part", "split", "set", "fold", "subset") if n in names), None)
    if part_name is None:
        raise BadInputError(f"{shown(file)} has no column `part`", f"Its columns: {', '.join(safe_text(c, 30) for c in frame.columns[:8])}.", "Name a column `part` with train, validation or test (and optionally `row`, from 1).", where=str(file))
    codes = _codes(frame[part_name], file)
    key = next((c for c in frame.columns if c != part_name and c in data.columns and data[c].n_unique() == rows), None)
    if key is not None:
        return _placed(_keyed(frame[key], data[key], key, file), codes, rows, file)
    row_name = next((names[n] for n in ("row", "index", "id", "row_number") if n in names), None)
    if row_name is None:
        if len(codes) != rows:
            raise BadInputError(f"{shown(file)} does not fit the data", f"It names {len(codes):,} rows; the table has {rows:,}.", "Write one line per data row, or add a column `row`.", where=str(file))
        return codes
    numbers = frame[row_name].cast(pl.Int64, strict=False)
    if numbers.null_count():
        place = int(numbers.is_null().arg_true()[0])
        raise BadInputError(f"{shown(file)} holds no row numbers", f"Line {place + 2}: {safe_text(frame[row_name][place], 40)!r} in column {safe_text(row_name, 40)!r}, and the data has no unique column of that name.", "Give row numbers from 1 in a column `row`, or name the key column as in the data.", where=str(file))
    return _placed(numbers.to_numpy(), codes, rows, file)


def _keyed(given: pl.Series, known: pl.Series, name: str, file: Path) -> np.ndarray:
    """Row numbers from 1 of keys."""
    places = casting.to_category(given).replace_strict(casting.to_category(known), np.arange(1, len(known) + 1), default=None, return_dtype=pl.Int64)
    if places.null_count():
        strange = given.filter(places.is_null())
        raise BadInputError(f"{shown(file)} names rows that are not there", f"{len(strange):,} values of {safe_text(name, 40)!r} are not in the data, the first is {safe_text(strange[0], 40)!r}.", "Give the keys as the data file has them.", where=str(file))
    return places.to_numpy()


def _has_two_columns(file: Path) -> bool:
    from phasewise.kinds.tabular import sources

    sources.require_file(file)
    if sources.is_parquet(file):
        return True
    first = sources.load_text(file).data.split(b"\n", 1)[0]
    return any(c in first for c in b",;\t|")


def _as_table(file: Path) -> Path:
    return file


def _single(file: Path) -> pl.DataFrame:
    from phasewise.kinds.tabular import sources

    lines = [line.strip() for line in sources.load_text(file).data.decode().splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if lines and lines[0].lower() not in _WORDS:
        return pl.DataFrame({lines[0]: lines[1:]}, schema={lines[0]: pl.String})
    return pl.DataFrame({"part": lines}, schema={"part": pl.String})


def _codes(column: pl.Series, file: Path) -> np.ndarray:
    folded = casting.to_category(column).fill_null("").str.strip_chars().str.to_lowercase()
    codes = folded.replace_strict(list(_WORDS), list(_WORDS.values()), default=-1, return_dtype=pl.Int8).to_numpy()
    if (codes < 0).any():
        place = int(np.flatnonzero(codes < 0)[0])
        raise BadInputError(f"{shown(file)} names an unknown part", f"Entry {place + 1:,} says {safe_text(folded[place], 40)!r}.", "Use train, validation or test.", where=str(file))
    return codes.astype(np.int8)


def _placed(numbers: np.ndarray, codes: np.ndarray, rows: int, file: Path) -> np.ndarray:
    outside = np.flatnonzero((numbers < 1) | (numbers > rows))
    if len(outside):
        raise BadInputError(f"{shown(file)} names a row that is not there", f"Entry {int(outside[0]) + 1:,}: row {int(numbers[outside[0]]):,} (the table has rows 1 to {rows:,}).", "Rows count from 1, the first row of data.", where=str(file))
    order = np.lexsort((codes, numbers))
    clash = np.flatnonzero((numbers[order][1:] == numbers[order][:-1]) & (codes[order][1:] != codes[order][:-1]))
    if len(clash):
        row = int(numbers[order][clash[0]])
        raise BadInputError(f"{shown(file)} puts rows into two parts", f"{len(clash):,} rows, the first is row {row:,}.", "Give every row one part: a row in two parts leaks.", where=str(file))
    part = np.full(rows, DROPPED, np.int8)
    part[numbers - 1] = codes
    return part


def read_test(view: DataView, path: str, columns: list[str]) -> pl.DataFrame:
    """The natural table of an external test file with the columns of the data file (extra ones left out).

    Raises `BadInputError` naming the columns it lacks.
    """
    raw = read_raw(view, path, min_rows=2)
    present = set(raw.columns)
    lacking = [c for c in columns if c not in present]
    if lacking:
        names = ", ".join(repr(safe_text(c, 40)) for c in lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        raise BadInputError(f"{shown(path)} lacks columns of the data file", f"{len(lacking)} missing: {names}.", "A test file needs the same columns, the target included.", where=str(path))
    return raw.frame.select([ROW, *columns])
