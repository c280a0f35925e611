"""Tables larger than the allowed memory: read in blocks of rows; a fixed sample of development rows stays in memory, the training rows stream.

Everything that looks at rows (checks, baselines, slices, scores) sees the sample, whose validation rows judge models;
networks train on all training rows (`sharding`). What a table's sample is, is settled once, by its split.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.shared import memory
from phasewise.kinds.shared.assigning import DROPPED, TRAIN
from phasewise.kinds.tabular import columnar, sources
from phasewise.records.errors import StorageError

LIMIT = "PHASEWISE_TABLES_MB"
CELL = 16
"""Bytes a cell takes while its table is read and cast whole: eight as it lies in memory, and once more."""
HELD_CELL = 80
"""Bytes a cell of held rows takes at most: as read, cast, and eight copies of eight bytes while a preparation is fitted."""
JUDGING = 0.3
"""Of the held rows at most this share are validation rows; the test part is no larger than that either, because a look reads it whole."""
STREAM_NPZ = "stream.npz"


def allowed() -> int:
    """Bytes that a table may take in memory: half of it, or as many MiB as `PHASEWISE_TABLES_MB` says."""
    return memory.allowed(LIMIT)


@dataclass(frozen=True, kw_only=True)
class BlockFile:
    """A Parquet file read in blocks of rows."""

    path: Path
    rows: int
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def reading(self) -> dict[str, str]:
        """How the file is read, as a view names it."""
        return {"format": "parquet"}

    @property
    def settled(self) -> dict[str, Any]:
        """What later jobs need to read it the same way without looking again."""
        return {}

    @classmethod
    def open(cls, path: Path) -> "BlockFile":
        """Its size from the description at its end; polars errors are the caller's to tell."""
        lazy = pl.scan_parquet(path, hive_partitioning=False, glob=False)
        return cls(path=path, rows=int(lazy.select(pl.len()).collect().item()), columns=tuple(lazy.collect_schema().names()))

    @property
    def cells(self) -> int:
        """Rows times columns."""
        return self.rows * len(self.columns)

    def too_large(self, room: int | None = None) -> bool:
        """Whether reading it whole would take more than is allowed."""
        return self.cells * CELL > (allowed() if room is None else room)

    def held_rows(self, room: int) -> int:
        """Rows that may stay in memory."""
        return max(1000, room // (HELD_CELL * len(self.columns)))

    def blocks(self, room: int, columns: Sequence[str] | None = None, notes: list[str] | None = None) -> Iterator[pl.DataFrame]:
        """Natural rows in order with their numbers (`ROW`), as many at once as a third of `room` holds; `notes` takes what was done to columns."""
        from phasewise.kinds.tabular.reading import ROW

        lazy = pl.scan_parquet(self.path, hive_partitioning=False, glob=False).drop(ROW, strict=False)
        lazy = lazy if columns is None else lazy.select(columns)
        size = max(1000, room // 3 // (HELD_CELL * len(columns or self.columns)))
        for start in range(0, self.rows, size):
            frame, said = columnar.natural(lazy.slice(start, size).collect())
            if notes is not None and not start:
                notes += said
            yield frame.with_row_index(ROW, offset=start)
        memory.give_back()

    def gather(self, numbers: np.ndarray, room: int, notes: list[str] | None = None) -> pl.DataFrame:
        """The natural rows of some row numbers (ascending), block by block."""
        from phasewise.kinds.tabular.reading import ROW

        parts = []
        for block in self.blocks(room, notes=notes):
            first = int(block[ROW][0])
            low, high = np.searchsorted(numbers, (first, first + block.height))
            if high > low:
                parts.append(block[numbers[low:high] - first])
        return pl.concat(parts, how="vertical_relaxed") if parts else next(self.blocks(room)).clear()

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Row numbers of a random sample, ascending; the same for a file of so many rows."""
        return np.sort(np.random.default_rng([seed, self.rows]).choice(self.rows, min(count, self.rows), replace=False))


@dataclass(frozen=True, kw_only=True, eq=False)
class Beyond:
    """The training rows of a table that is not in memory whole, and what its split settled about them."""

    source: BlockFile
    view: Any
    part: np.ndarray
    """Part of every row of the file, int8 [n]; test rows are among the dropped ones."""
    folds: np.ndarray | None
    """Fold of every row of the file (-1: none), int8 [n]."""
    room: int
    """Bytes that were allowed when the table was split."""
    cache: Path
    key: str
    """What the rows depend on: split, file, reading, remedies and labels."""
    notes: dict[str, str] = field(default_factory=dict)

    def training(self, fold: int) -> np.ndarray:
        """Mask [n] of the rows of the file that a fold trains on."""
        return self.part == TRAIN if self.folds is None else (self.folds >= 0) & (self.folds != fold)

    @property
    def fold_count(self) -> int:
        """How many folds there are; 1 without any."""
        return 1 if self.folds is None else int(self.folds.max()) + 1

    def count(self, fold: int = 0) -> int:
        """How many they are."""
        return int(self.training(fold).sum())

    @property
    def why(self) -> str:
        """Why rows stream, in words."""
        return f"the table has {self.source.cells:,} cells and would take {self.source.cells * CELL / 2**20:,.0f} MB in memory; {self.room / 2**20:,.0f} MB were allowed when it was split ({LIMIT})"


def spelled(block: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Levels that are numbers with fractions as text: in a block of whole ones alone they would be written without."""
    return block.with_columns(pl.col(c).cast(pl.String) for c in names if c in block.columns and block.schema[c].is_float())


def opened(path: Path, wishes: Mapping[str, Any] | None = None) -> BlockFile | None:
    """The file in blocks where it is larger than the allowed memory; None where it is read whole. `wishes`: how a text is to be read."""
    if not sources.is_parquet(path):
        from phasewise.kinds.tabular import large_text

        return large_text.opened(path, wishes or {}, allowed())
    try:
        found = BlockFile.open(path)
    except (pl.exceptions.PolarsError, OSError):
        return None  # the usual reading says in words what is wrong with it
    return found if found.rows and found.too_large() else None


def write(project: Any, part: np.ndarray, folds: np.ndarray | None) -> None:
    """`splits/stream.npz`: part (and fold) of every row of the file, int8 [n]; test rows look like dropped ones."""
    from phasewise.project import atomic

    arrays = {"part": np.where(np.isin(part, (TRAIN, 1)), part, DROPPED).astype(np.int8)}
    if folds is not None:
        arrays["folds"] = folds.astype(np.int8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    (project.path / "splits").mkdir(exist_ok=True)
    atomic.replace(project.path / "splits" / STREAM_NPZ, buffer.getvalue())


def reopened(path: Path, about: dict[str, Any]) -> BlockFile:
    """The file of a split, read the way the split read it."""
    from phasewise.kinds.tabular import large_text

    settled = about["large"]
    known = {"path": path, "rows": int(settled["rows"]), "columns": tuple(about["columns"])}
    return large_text.TextFile(**known, **large_text.known(settled["text"])) if settled.get("text") else BlockFile(**known)


def beyond(project: Any, view: Any, about: dict[str, Any], key: str) -> Beyond | None:
    """The streamed rows of a split of a large table; None where the table was split in memory. Raises StorageError where the split's file of rows is damaged."""
    settled = about.get("large")
    if not settled:
        return None
    try:
        with np.load(project.path / "splits" / STREAM_NPZ, allow_pickle=False) as held:
            part, folds = held["part"], held["folds"] if "folds" in held else None
    except (OSError, ValueError, KeyError) as error:
        raise StorageError(f"splits/{STREAM_NPZ} cannot be read", str(error), "Restore it from a copy, or split again.") from None
    source = reopened(Path(view.file).expanduser(), about)
    return Beyond(source=source, view=view, part=part, folds=folds, room=min(int(settled["room"]), max(allowed(), 2**20)), cache=project.path / ".phasewise" / "cache" / "shards", key=key)
