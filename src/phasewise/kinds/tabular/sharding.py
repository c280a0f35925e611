"""The training rows of a table larger than memory as shards: prepared block by block, dealt into windows at random, kept in the project's cache."""

import json
import os
import shutil
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.engine.shards import META, Shards
from phasewise.kinds.shared import memory
from phasewise.kinds.shared.labels import Labels
from phasewise.kinds.tabular import development, large
from phasewise.kinds.tabular.preparing import Preparing
from phasewise.kinds.tabular.reading import ROW
from phasewise.records.base import fingerprint
from phasewise.records.errors import BadInputError, StorageError

KEPT = 8
"""Prepared tables in a cache (or twice the folds); the oldest goes when another is written."""
BUFFERS = 6
"""Windows that the allowed memory would hold: two of them are in memory at a time, the rest is for held rows and networks."""
Tell = Callable[[int, int], None]


def opened(dev: Any, preparing: Preparing, fold: int, tell: Tell, say: Callable[[str], None]) -> Shards:
    """The shards of a fold's training rows under a preparation: from the cache, else written now; damaged ones are said and written anew.

    Raises StorageError where the disk has no room, or the data file is not the one that was split.
    """
    memory.give_back()  # what fitting the preparation used
    beyond: large.Beyond = dev.beyond
    folder = beyond.cache / fingerprint([beyond.key, preparing.to_json(), fold, beyond.room])
    if folder.is_dir():
        try:
            found = Shards.open(folder)
            found.verify()
            os.utime(folder)
            return found
        except StorageError as error:
            say(f"{error.title[0].upper()}{error.title[1:]}: {error.cause} The rows are prepared again.")
            shutil.rmtree(folder, ignore_errors=True)
    development.verify_file(beyond.view, dev.split)
    beyond.cache.mkdir(parents=True, exist_ok=True)
    for old in sorted((p for p in beyond.cache.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)[: 1 - max(KEPT, 2 * beyond.fold_count)]:
        shutil.rmtree(old, ignore_errors=True)
    making = beyond.cache / f"{folder.name}.{os.getpid()}"
    try:
        _write(dev, preparing, fold, making, tell)
        making.rename(folder)
    except OSError as error:
        from phasewise.project import atomic

        if not folder.is_dir():  # else another process was faster
            raise atomic.storage_error(error, making) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return Shards.open(folder)


def _write(dev: Any, preparing: Preparing, fold: int, folder: Path, tell: Tell) -> None:
    from phasewise.project.checkpoints import check_room

    beyond: large.Beyond = dev.beyond
    mask = beyond.training(fold)
    rows = int(mask.sum())
    kinds = {name: a for name, a in _arrays(preparing, dev.table[:1], dev.y[:1]).items()}
    size = sum(a.itemsize * int(np.prod(a.shape[1:])) for a in kinds.values())
    windows = max(1, -(-rows * size * BUFFERS // beyond.room))
    check_room(beyond.cache, rows * size)
    folder.mkdir()
    dealt = (np.arange(rows, dtype=np.uint32) % windows).astype(np.uint16)
    np.random.default_rng([rows, windows]).shuffle(dealt)
    starts = np.concatenate([[0], np.cumsum(np.bincount(dealt, minlength=windows))])
    filled, at = np.zeros(windows, np.int64), 0
    sums = {name: [0] * windows for name in kinds}
    with ExitStack() as stack:
        files = {name: stack.enter_context(open(folder / f"{name}.bin", "wb")) for name in kinds}
        for name, file in files.items():
            file.truncate(rows * kinds[name].itemsize * int(np.prod(kinds[name].shape[1:])))
        for block in beyond.source.blocks(beyond.room):
            first = int(block[ROW][0])
            own = mask[first : first + block.height]
            natural = block.filter(pl.Series(own))
            window = dealt[at : at + natural.height]
            at += natural.height
            table, y, kept = _shaped(natural, dev)
            arrays = _arrays(preparing, table, y)
            for w in np.unique(window[kept]):
                picked = window[kept] == w
                for name, file in files.items():
                    cells = np.ascontiguousarray(arrays[name][picked])
                    file.seek((int(starts[w]) + int(filled[w])) * cells[:1].nbytes)
                    file.write(cells.tobytes())
                    sums[name][w] = zlib.crc32(cells, sums[name][w])
                filled[w] += int(picked.sum())
            tell(first + block.height, beyond.source.rows)
    there = np.flatnonzero(filled)
    if not len(there):
        raise BadInputError("no training row is left", "The remedies dropped all rows, or none has a label.", "Look at the remedies of the data phase.")
    meta = {
        "rows": rows, "task": dev.task, "classes": len(dev.classes) if dev.task != "regression" else 0,
        "kinds": {name: {"dtype": a.dtype.str, "shape": list(a.shape[1:])} for name, a in kinds.items()},
        "spans": [[int(starts[w]), int(starts[w] + filled[w])] for w in there], "sums": {name: [s[w] for w in there] for name, s in sums.items()},
    }
    (folder / META).write_text(json.dumps(meta))


def _arrays(preparing: Preparing, table: pl.DataFrame, y: np.ndarray) -> dict[str, np.ndarray]:
    """What a network takes of some rows, and their targets (`y`); an input without columns is left out."""
    return {**{n: a for n, a in preparing.transform(table).items() if a.shape[1]}, "y": preparing.target.encode(y)}


def _shaped(natural: pl.DataFrame, dev: Any) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Cast rows of a block with a known label, their labels, and their places in the block."""
    numbers = natural[ROW].to_numpy()
    held = dict(dev.natural.schema)
    natural = large.spelled(natural, [c for c, r in dev.roles.items() if r == "category" and c in held and held[c].is_float() and not _whole(dev.natural[c])])
    natural, table, labels = development.labelled(natural, dev.beyond.view, tuple(dev.classes) or None) if natural.height else (natural, natural, Labels(task=dev.task, classes=(), y=np.zeros(0)))
    known = labels.known
    return table.filter(pl.Series(known)), labels.y[known], np.searchsorted(numbers, natural[ROW].to_numpy()[known])


def _whole(column: pl.Series) -> bool:
    cells = column.drop_nulls()
    return bool((cells.is_finite() & (cells == cells.round(0)) & (cells.abs() < 1e15)).all())
