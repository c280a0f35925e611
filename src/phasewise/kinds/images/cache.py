"""Decode once: a memory-mapped uint8 cache with one fact line per file, filled in parallel, resumable (D02).

Layout in the cache folder: `pixels.npy` (n, size, size, channels), `done.npy` (n), `facts.jsonl`.
"""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from phasewise.kinds.images.decode import Facts, decode
from phasewise.kinds.images.files import Listing
from phasewise.records.base import fingerprint

CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Pixels (n, size, size, channels) uint8 read-only map at `path`, and one `Facts` per file in listing order."""

    path: Path
    pixels: np.ndarray
    facts: list[Facts]

    @property
    def readable(self) -> np.ndarray:
        """Row numbers of the files that decoded."""
        return np.array([i for i, f in enumerate(self.facts) if not f.error], dtype=np.int64)


def cache_key(listing: Listing, size: int, channels: int, resize: str) -> str:
    """Changes with any file's name, size or time, and with how pictures are fitted."""
    stamps = [(item.path, item.size, (listing.root / item.path).stat().st_mtime_ns) for item in listing.items]
    return fingerprint({"files": stamps, "size": size, "channels": channels, "resize": resize, "v": 1})


def _rows(listing: Listing, todo: list[int], size: int, channels: int, resize: str) -> list[tuple[int, np.ndarray | None, Facts]]:
    return [(i, *decode(listing.root / listing.items[i].path, size, channels, resize)) for i in todo]


def _known(path: Path, count: int, done: np.ndarray) -> dict[int, Facts]:
    """Facts already on disk; a torn last line is dropped and its file decoded again."""
    known: dict[int, Facts] = {}
    if path.is_file():
        for line in path.read_text().splitlines():
            try:
                row = json.loads(line)
                number = row.pop("i")
                known[number] = Facts(**row)
            except (ValueError, KeyError, TypeError):
                continue
    return {i: f for i, f in known.items() if i < count and done[i]}


def _opened(path: Path, shape: tuple[int, ...], *, fresh: bool = False) -> tuple[np.ndarray, bool]:
    """A writable uint8 map of the shape and whether it is new; a file of another shape is replaced."""
    if not fresh and path.is_file():
        try:
            held = np.load(path, mmap_mode="r+")
            if held.shape == shape and held.dtype == np.uint8:
                return held, False
        except (OSError, ValueError):
            pass
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape), True


def build(
    listing: Listing, folder: Path, size: int, channels: int, *, resize: str = "crop", workers: int | None = None,
    progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] | None = None,
) -> Cache:
    """Fill (or finish, or just open) the cache of a listing; interrupted work is kept and continued."""
    home = folder / cache_key(listing, size, channels, resize)
    home.mkdir(parents=True, exist_ok=True)
    count = len(listing.items)
    shape = (count, size, size, channels)
    pixels, fresh = _opened(home / "pixels.npy", shape)
    done, _ = _opened(home / "done.npy", (count,), fresh=fresh)
    known = _known(home / "facts.jsonl", count, done)
    todo = [i for i in range(count) if i not in known]
    chunks = [todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK)]
    crew = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(crew) as pool, (home / "facts.jsonl").open("a") as lines:
        source = iter(chunks)
        running = [pool.submit(_rows, listing, chunk, size, channels, resize) for chunk in islice(source, crew * 2)]
        while running:
            for i, array, facts in running.pop(0).result():
                if array is not None:
                    pixels[i] = array
                known[i] = facts
                lines.write(json.dumps({"i": i, **asdict(facts)}) + "\n")
                done[i] = 1
            lines.flush()
            if progress:
                progress(len(known), count)
            if stop and stop():
                for future in running:
                    future.cancel()
                break
            chunk = next(source, None)
            if chunk is not None:
                running.append(pool.submit(_rows, listing, chunk, size, channels, resize))
    pixels.flush()
    done.flush()
    return Cache(path=home / "pixels.npy", pixels=np.load(home / "pixels.npy", mmap_mode="r"), facts=[known.get(i, Facts(error="not decoded yet")) for i in range(count)])
