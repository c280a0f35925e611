"""Decoding pictures into a store, by threads of this process or, where much is left, by processes of their own.

Threads share one interpreter, which holds more than half of the time a small picture takes. A process for each core has its own, and
a file that brings the decoder down takes only that process along: the file is named, the others are read (D02).
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from phasewise.kinds.images.decode import decode_many
from phasewise.kinds.images.facts import Facts
from phasewise.kinds.shared import allocator

APART = 0.8
"""Seconds of work from which on processes are started: each costs a sixth of a second of its core."""
MOST = 16
VECTOR = 256
"""Arrays in one write; the system takes 1,024."""
Rows = Sequence[tuple[int, str]]
Told = str
"""One line of JSON for some pictures (`line`, `parsed`): what a process answers is kept as it is and read where no decoder waits for it."""


def line(rows: Sequence[int], facts: Sequence[Sequence[Any]]) -> str:
    """Row numbers with the values of their facts in the order of the fields, as JSON."""
    return json.dumps([[i, *values] for i, values in zip(rows, facts, strict=True)], separators=(",", ":"))


def parsed(text: str) -> list[tuple[int, Facts]]:
    """What `line` wrote; ValueError, KeyError or TypeError for anything else."""
    return [(int(i), Facts.of(values)) for i, *values in json.loads(text)]


@dataclass(frozen=True, kw_only=True)
class Order:
    """Where pictures lie (`root`), how they are fitted, and where the array of row i goes: byte `start` + i * size * size * channels of `place`."""

    root: str
    place: str
    start: int
    size: int
    channels: int
    resize: str
    white: int = 0


def fill(order: Order, rows: Rows, store: int) -> Told:
    """Decode the files of `rows` (row number, path below the root), write their arrays to the open file `store`, and give their facts."""
    arrays, facts = decode_many([os.path.join(order.root, path) for _, path in rows], order.size, order.channels, order.resize, white=order.white)
    stride = order.size * order.size * order.channels
    for first, run in _runs([i for i, _ in rows], arrays):  # written, not assigned: touching fresh pages of a map costs ten times the copy
        _write(store, run, order.start + first * stride)
    return line([i for i, _ in rows], facts)


def _runs(rows: Sequence[int], arrays: Sequence[np.ndarray | None]) -> list[tuple[int, list[Any]]]:
    """First row and arrays of each unbroken run of decoded rows: one question to the system instead of one a picture."""
    runs: list[tuple[int, list[Any]]] = []
    after = -1
    for row, array in zip(rows, arrays, strict=True):
        if array is None:
            continue
        if row != after or len(runs[-1][1]) == VECTOR:
            runs.append((row, []))
        runs[-1][1].append(np.ascontiguousarray(array).data)
        after = row + 1
    return runs


def _write(store: int, parts: list[Any], place: int) -> None:
    whole = sum(p.nbytes for p in parts)
    done = os.pwritev(store, parts, place)
    if done < whole:  # a full disk says so at the next byte; a signal may have cut the write
        rest = memoryview(b"".join(parts))
        while done < whole:
            done += os.pwrite(store, rest[done:], place + done)


class Crew:
    """Fills the rows of one order from as many threads as call it; `total` rows are to come. A context manager."""

    def __init__(self, order: Order, total: int, workers: int, *, apart: float = APART) -> None:
        self._order, self._left, self._workers, self._apart = order, total, min(workers, MOST), apart
        self._store = os.open(order.place, os.O_RDWR)
        self._idle: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        self._children: list[_Child] = []
        self._tried, self._spent = 0, 0.0
        allocator.keep_freed()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.close()
        os.close(self._store)

    def fill(self, rows: Rows) -> Told:
        """As the function `fill`, here or in a child."""
        if self._children:
            return self._away(rows)
        began = time.thread_time()  # what the work costs, however busy the machine is
        found = fill(self._order, rows, self._store)
        self._spent += time.thread_time() - began
        self._tried += len(rows)
        return found

    def grow(self) -> None:
        """Start the processes when what is left is worth it; called from one thread, between chunks."""
        if self._children or self._workers < 2 or not self._tried or (self._left - self._tried) * self._spent / self._tried / self._workers < self._apart:
            return
        with contextlib.suppress(OSError):  # no process to be had: the threads go on
            for _ in range(self._workers):
                self._children.append(_Child(self._order))
        for child in self._children:
            threading.Thread(target=self._expect, args=(child,), daemon=True).start()

    def _expect(self, child: "_Child") -> None:
        """Has a process do work from when it can."""
        child.ready()
        self._idle.put(child)

    def _away(self, rows: Rows) -> Told:
        try:
            child = self._idle.get_nowait()
        except queue.Empty:  # as long as processes start, the threads go on
            return fill(self._order, rows, self._store)
        try:
            return child.fill(rows)
        except (OSError, ValueError):  # the child died over one of these
            if len(rows) == 1:
                return line([rows[0][0]], [Facts(error="broken: the decoder crashed on it").values])
        finally:
            self._idle.put(child)
        return "[" + ",".join(self._away([row])[1:-1] for row in rows) + "]"


class _Child:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert process.stdin
        process.stdin.write(json.dumps(asdict(self._order)) + "\n")
        return process

    def ready(self) -> None:
        """Waits until the process has imported what it needs, or is gone."""
        assert self._process.stdout
        with contextlib.suppress(OSError, ValueError):
            self._process.stdout.readline()

    def fill(self, rows: Rows) -> Told:
        """Raises `OSError` or `ValueError` when the process is gone; the next call has a new one."""
        if self._process.poll() is not None:
            self._process = self._started()
            self.ready()
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(rows) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer.endswith("\n"):
            self._process.wait()
            raise ValueError("the decoder is gone")
        return answer[:-1]

    def close(self) -> None:
        """Ends the process and waits for it."""
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream:
                    stream.close()
        self._process.wait()


def serve() -> None:
    """The child: an order, then lists of rows, one JSON line each, answered by their facts after an empty line that says it is ready; ends with its input."""
    from PIL import Image, ImageOps  # noqa: F401 - what the first picture would wait for

    allocator.keep_freed()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    answers.write("\n")
    answers.flush()
    order = Order(**json.loads(sys.stdin.readline()))
    store = os.open(order.place, os.O_RDWR)
    for asked in sys.stdin:
        answers.write(fill(order, json.loads(asked), store) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
