"""Tables larger than memory (F5): rows in memory-mapped shards, read window by window in random order, the next one while this one trains."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from phasewise.engine import streams
from phasewise.engine.data import Dataset
from phasewise.engine.sampling import BatchPlan
from phasewise.engine.window_orders import WindowOrders
from phasewise.records.errors import StorageError

META = "shards.json"
PIECE = 4 * 2**20
"""Bytes read at once while sums are compared."""
REMEDY = "Run the job again: rows that stream are prepared anew where they are damaged."


class ShardWriter:
    """Writes blocks of rows to one flat file per input; a block never has to hold more than a part of the table."""

    def __init__(self, folder: Path, task: str, classes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.task, self.classes, self.rows = folder, task, classes, 0
        self.kinds: dict[str, dict[str, object]] = {}

    def add(self, inputs: Mapping[str, np.ndarray], y: np.ndarray) -> None:
        """Appends rows; every call needs the same inputs with the same shapes and types."""
        for name, block in (*inputs.items(), ("y", y)):
            kind = {"dtype": block.dtype.str, "shape": list(block.shape[1:])}
            if self.kinds.setdefault(name, kind) != kind:
                raise StorageError("the blocks of a sharded table differ", f"Input {name!r} was {self.kinds[name]}, now {kind}.")
            with open(self.folder / f"{name}.bin", "ab" if self.rows else "wb") as f:
                np.ascontiguousarray(block).tofile(f)
        self.rows += len(y)

    def close(self) -> "Shards":
        """Writes the description and opens the table."""
        meta = {"rows": self.rows, "task": self.task, "classes": self.classes, "kinds": self.kinds}
        (self.folder / META).write_text(json.dumps(meta))
        return Shards.open(self.folder)


@dataclass(frozen=True, kw_only=True)
class Shards:
    """A table on disk: memory-mapped arrays by name."""

    arrays: dict[str, np.ndarray]
    task: str
    classes: int
    spans: tuple[tuple[int, int], ...] = ()
    """Windows (first, last) that were written as such, each a random draw of all rows; empty where the rows lie in their own order."""
    sums: dict[str, list[int]] = field(default_factory=dict)
    """CRC-32 of every such window, by input."""
    checked: set[tuple[int, int]] = field(default_factory=set)
    """Windows whose sums were compared in this process."""

    @classmethod
    def open(cls, folder: Path) -> "Shards":
        """Maps the files; nothing is read yet. Raises StorageError where one is missing or shorter than its description says."""
        try:
            meta = json.loads((folder / META).read_text())
            arrays = {
                name: np.memmap(folder / f"{name}.bin", dtype=np.dtype(kind["dtype"]), mode="r", shape=(meta["rows"], *kind["shape"]))
                for name, kind in meta["kinds"].items()
            }
        except (OSError, ValueError, KeyError) as error:
            raise StorageError("the sharded table cannot be opened", f"{folder.name}: {error}", REMEDY) from error
        return cls(arrays=arrays, task=meta["task"], classes=meta["classes"], spans=tuple((int(a), int(b)) for a, b in meta.get("spans", ())), sums=meta.get("sums", {}))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.arrays["y"])

    def present(self) -> bool:
        """Whether the files are still where they were."""
        return all(Path(str(a.filename)).is_file() for a in self.arrays.values())

    def read(self, start: int, stop: int, device: torch.device, buffer: dict[str, np.ndarray] | None = None) -> Dataset:
        """Rows start..stop-1 as a resident data set, into a buffer that is used again where one is given.

        Raises StorageError where a file is missing, cut short, or a window is not what was written.
        """
        tensors: dict[str, Tensor] = {}
        fresh = (start, stop) in self.spans and (start, stop) not in self.checked
        for name, array in self.arrays.items():
            into = np.empty((stop - start, *array.shape[1:]), array.dtype) if buffer is None else buffer[name][: stop - start]
            try:
                with open(str(array.filename), "rb", buffering=0) as f:
                    _read(f, array, start, into)
            except OSError as error:
                raise StorageError("a sharded table cannot be read", f"{Path(str(array.filename)).name}: {error.strerror or error}.", REMEDY) from error
            if fresh:
                self._compare(name, (start, stop), zlib.crc32(into))
            tensors[name] = torch.from_numpy(into).to(device)
        if fresh:
            self.checked.add((start, stop))
        y = tensors.pop("y")
        return Dataset(inputs=tensors, y=y, task=self.task, classes=self.classes)

    def verify(self) -> None:
        """Reads every window once, a little at a time, and compares its sums; raises StorageError where one differs or a file is cut short."""
        for name, array in self.arrays.items():
            step = max(1, PIECE // max(1, array[:1].nbytes))
            with open(str(array.filename), "rb", buffering=0) as f:
                for start, stop in self.spans:
                    found = 0
                    for at in range(start, stop, step):
                        found = zlib.crc32(_read(f, array, at, np.empty((min(step, stop - at), *array.shape[1:]), array.dtype)), found)
                    self._compare(name, (start, stop), found)
        self.checked.update(self.spans)

    def _compare(self, name: str, span: tuple[int, int], found: int) -> None:
        if name in self.sums and found != self.sums[name][self.spans.index(span)]:
            raise StorageError("a sharded table is damaged", f"Rows {span[0]:,} to {span[1]:,} of {name}.bin are not what was written.", REMEDY)

    def gather(self, rows: Sequence[int] | np.ndarray, device: torch.device) -> Dataset:
        """Some rows as a resident data set, for validation; read run by run, so that no mapped page stays in memory."""
        index = np.asarray(rows, dtype=np.int64)
        order = np.argsort(index, kind="stable")
        wanted = index[order]
        breaks = np.flatnonzero(np.diff(wanted) != 1) + 1
        runs = [(int(part[0]), int(part[-1]) + 1) for part in np.split(wanted, breaks) if len(part)]
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        tensors: dict[str, Tensor] = {}
        for name, array in self.arrays.items():
            with open(str(array.filename), "rb") as f:
                blocks = [_read(f, array, start, np.empty((stop - start, *array.shape[1:]), array.dtype)) for start, stop in runs]
            tensors[name] = torch.from_numpy(np.concatenate(blocks)[back]).to(device)
        y = tensors.pop("y")
        return Dataset(inputs=tensors, y=y, task=self.task, classes=self.classes)


def _read(file: BinaryIO, array: np.ndarray, start: int, into: np.ndarray) -> np.ndarray:
    """Fills `into` with the rows from `start` on."""
    file.seek(start * int(np.prod(array.shape[1:], dtype=np.int64)) * array.dtype.itemsize)
    view, at = memoryview(into).cast("B"), 0
    while at < len(view):
        got = file.readinto(view[at:])  # type: ignore[attr-defined]
        if not got:
            raise StorageError("a sharded table is cut short", f"{Path(str(array.filename)).name} ends before row {start + len(into)}.", REMEDY)
        at += got
    return into


@dataclass(frozen=True, kw_only=True)
class ShardedData:
    """What `fit` trains on when the table does not fit: `held` is resident (validation rows and a sample of training rows, which the
    members' index tensors name), the training rows first..last-1 stream by in windows of `window` rows, two of them in memory at a time.
    """

    shards: Shards
    held: Dataset
    first: int
    last: int
    window: int
    why: str = ""
    """Why rows stream, in words; part of the record of a run."""

    def spans(self) -> list[tuple[int, int]]:
        """Windows as they were written, else as equal as they can be: the same number of steps every epoch."""
        if self.shards.spans:
            return list(self.shards.spans)
        count = max(1, -(-(self.last - self.first) // self.window))
        cuts = [self.first + round(i * (self.last - self.first) / count) for i in range(count + 1)]
        return list(zip(cuts, cuts[1:], strict=False))

    def shuffled(self, epoch: int) -> list[tuple[int, int]]:
        """The windows of an epoch in drawn order; shared by all members, who draw their own order within each window."""
        spans = self.spans()
        return [spans[i] for i in streams.generator(0, "order", epoch).permutation(len(spans))]

    def plan(self, batch: int) -> BatchPlan:
        """Batches per epoch; a window's short last batch is left out."""
        shortest = min(stop - start for start, stop in self.spans())
        size = min(batch, shortest)
        return BatchPlan(rows=sum(stop - start for start, stop in self.spans()), batch=size, steps=sum((stop - start) // size for start, stop in self.spans()))

    def orders(self, seeds: Sequence[int], plan: BatchPlan, epoch: int, device: torch.device) -> Any:
        """Row numbers within their window, int32 [members, steps * batch]; on a CPU drawn window by window as they are asked for."""
        lazy = WindowOrders(self.shuffled(epoch), seeds, plan.batch, epoch, device)
        return lazy if device.type == "cpu" else lazy[:, :]

    def record(self) -> dict[str, Any]:
        """What is shown and stored of a run whose rows stream."""
        spans = self.spans()
        return {"rows": sum(stop - start for start, stop in spans), "windows": len(spans), "window_rows": max(stop - start for start, stop in spans), "why": self.why}

    def windows(self, epoch: int, batch: int, done: int, device: torch.device) -> Iterator[tuple[int, Dataset]]:
        """(step at which a window ends, its rows) from the window that holds step `done` on; the next is read while one is used."""
        ends, at = [], 0
        for start, stop in self.shuffled(epoch):
            at += (stop - start) // batch
            ends.append((at, start, stop))
        todo = [e for e in ends if e[0] > done]
        longest = max(stop - start for start, stop in self.spans())
        buffers = [{n: np.empty((longest, *a.shape[1:]), a.dtype) for n, a in self.shards.arrays.items()} for _ in range(min(2, len(todo)))]
        with ThreadPoolExecutor(1) as pool:
            host = torch.device("cpu")  # threads read files only: a move to a GPU in one of them would meet the recording of a graph in another
            ahead = [pool.submit(self.shards.read, start, stop, host, buffers[0]) for _, start, stop in todo[:1]]
            for i, (end, _, _) in enumerate(todo):
                data = ahead.pop().result().to(device)
                if i + 1 < len(todo):
                    ahead.append(pool.submit(self.shards.read, todo[i + 1][1], todo[i + 1][2], host, buffers[(i + 1) % 2]))
                yield end, data


def hold(shards: Shards, *, train: tuple[int, int], validation: np.ndarray, memory_mb: float, sample: int = 2048) -> tuple[ShardedData, Tensor, Tensor]:
    """Sharded data within a memory limit, with the index tensors (training sample, validation) that members carry.

    Half the limit goes to the two windows; `train` is (first, last) of consecutive training rows.
    """
    per_row = sum(int(np.prod(a.shape[1:], dtype=np.int64)) * a.dtype.itemsize for a in shards.arrays.values())
    window = max(1024, int(memory_mb * 1e6 / 4 / per_row))
    first, last = train
    chosen = np.linspace(first, last - 1, min(sample, last - first)).round().astype(np.int64)
    held = shards.gather(np.concatenate([validation, chosen]), torch.device("cpu"))
    data = ShardedData(shards=shards, held=held, first=first, last=last, window=window)
    return data, torch.arange(len(validation), held.rows), torch.arange(len(validation))
