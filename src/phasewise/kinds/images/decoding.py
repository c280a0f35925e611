"""What a decoding process does, and the program it runs: it imports little, and one import serves all decoders (D02).

`python -m phasewise.kinds.images.decoding 3,6 4,7` imports once and forks a decoder for each pair of pipes (lists of rows come in, their facts go out).
Only this process is ever forked: it has no threads and no torch.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phasewise.kinds.images.decode import TOGETHER, decode_many
from phasewise.kinds.images.facts import Facts
from phasewise.kinds.shared import allocator

PIECE = 1 << 16
"""Bytes of one write. The system looks for large blocks of memory for large writes, which in a virtual machine are those that its host took back:
48 KB cost 20 us in one write, 94 in a write of 16 such, 52 in 12 writes (ext4, Linux 6.18)."""
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
    told: list[list[Any]] = []
    stride = order.size * order.size * order.channels
    for part in (rows[k : k + TOGETHER] for k in range(0, len(rows), TOGETHER)):
        arrays, facts = decode_many([os.path.join(order.root, path) for _, path in part], order.size, order.channels, order.resize, white=order.white)
        for (row, _), array in zip(part, arrays, strict=True):
            if array is not None:
                _write(store, array, order.start + row * stride)
        told += facts
    return line([i for i, _ in rows], told)


def _write(store: int, array: np.ndarray, place: int) -> None:
    """Written, not assigned: touching fresh pages of a map costs ten times the copy. A full disk says so; a signal may cut a write."""
    data, done = memoryview(array).cast("B"), 0
    while done < len(data):
        done += os.pwrite(store, data[done : done + PIECE], place + done)


def serve(asked: int, answers: int) -> None:
    """One decoder: tells its process number when it is ready, reads an order, then lists of rows, and answers each by one line of facts; ends with its input."""
    with open(asked) as orders, open(answers, "w") as told:
        told.write(f"{os.getpid()}\n")
        told.flush()
        order = Order(**json.loads(orders.readline()))
        store = os.open(order.place, os.O_RDWR)
        for rows in orders:
            told.write(fill(order, json.loads(rows), store) + "\n")
            told.flush()


def main(pairs: Sequence[tuple[int, int]]) -> None:
    """Serves each pair of pipes, by a process for each where there are several, and waits for them all."""
    from PIL import Image, ImageOps, JpegImagePlugin  # noqa: F401 - what the first picture would wait for

    allocator.keep_freed()
    if len(pairs) == 1:
        serve(*pairs[0])
        return
    made = []
    for mine in pairs:
        child = os.fork()
        if not child:
            try:
                _close([pair for pair in pairs if pair != mine])  # a decoder's death is seen by the end of its pipe, which nobody else may hold open
                serve(*mine)
            finally:
                os._exit(0)
        made.append(child)
    _close(pairs)
    for child in made:
        os.waitpid(child, 0)
    os._exit(0)  # taking numpy down in order costs as much as a hundred pictures


def _close(pairs: Sequence[tuple[int, int]]) -> None:
    for pair in pairs:
        for end in pair:
            os.close(end)


if __name__ == "__main__":
    main([(int(a), int(b)) for a, b in (text.split(",") for text in sys.argv[1:])])
