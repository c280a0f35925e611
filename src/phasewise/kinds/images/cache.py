"""Decode once: a memory-mapped uint8 cache with one fact line per file, filled in parallel, resumable (D02).

Layout in the cache folder: `pixels-<fitting>.npy` (n, size, size, channels), `done.npy` (n), `facts.jsonl`.
"""

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from phasewise.kinds.images.crew import APART, Crew
from phasewise.kinds.images.decoding import Order, line, parsed
from phasewise.kinds.images.facts import Facts
from phasewise.kinds.images.files import Item, Listing
from phasewise.kinds.images.fitting import Fitting
from phasewise.records.base import fingerprint

CHUNK = 32


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


def cache_key(listing: Listing, size: int, channels: int, resize: str, white: int = 0) -> str:
    """Changes with any file's name, size or time, and with how pictures are fitted."""
    stamps = [(item.path, item.size, os.stat(os.path.join(listing.root, item.path)).st_mtime_ns) for item in listing.items]  # a `Path` costs four times the question
    return fingerprint({"files": stamps, "size": size, "channels": channels, "resize": resize, "v": 4, **({"white": white} if white else {})})


def _known(path: Path, count: int, done: np.ndarray) -> dict[int, Facts]:
    """Facts already on disk; a torn last line is dropped and its file decoded again."""
    known: dict[int, Facts] = {}
    if path.is_file():
        for told in path.read_text().splitlines():
            try:
                known.update(parsed(told))
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


def home_of(listing: Listing, folder: Path, fitting: Fitting) -> Path:
    """Where the cache of a listing lies."""
    return folder / cache_key(listing, fitting.size, fitting.channels, fitting.resize, fitting.white)


def listing_of(frame: pl.DataFrame) -> Listing:
    """The listing behind a table of pictures from one root."""
    items = [Item(path=p, label=y or "", part="", size=b) for p, y, b in zip(frame["path"].to_list(), frame["label"].to_list(), frame["bytes"].to_list(), strict=True)]
    return Listing(root=Path(frame["__root__"][0]), items=items, classes=[])


def keep(frame: pl.DataFrame, folder: Path, fitting: Fitting) -> Path:
    """Copy the pixels of some decoded pictures (with `__store__` and `__index__`) into a finished cache of their own; its pixel file."""
    if "#" in frame["path"][0]:
        path = idx_store(frame, folder, fitting)
        path.parent.mkdir(parents=True, exist_ok=True)
        _copy(frame, path, fitting)
        return path
    home = home_of(listing_of(frame), folder, fitting)
    home.mkdir(parents=True, exist_ok=True)
    path = home / f"pixels-{fitting.mark}.npy"
    _copy(frame, path, fitting)
    np.save(home / "done.npy", np.ones(frame.height, np.uint8))
    with (home / "facts.jsonl").open("w") as lines:
        lines.writelines(line([i], [Facts(sha256=digest).values]) + "\n" for i, digest in enumerate(frame["sha256"].to_list()))
    return path


def idx_store(frame: pl.DataFrame, folder: Path, fitting: Fitting) -> Path:
    """Where the pixels of some IDX pictures lie."""
    return folder / f"idx-{fingerprint([frame['path'][0], frame['path'][-1], frame.height, int(frame['__row__'].sum())])[:16]}-{fitting.mark}.npy"


def _copy(frame: pl.DataFrame, path: Path, fitting: Fitting) -> None:
    out = np.lib.format.open_memmap(path.with_suffix(".part"), mode="w+", dtype=np.uint8, shape=(frame.height, fitting.size, fitting.size, fitting.channels))
    stores, index = frame["__store__"].to_numpy(), frame["__index__"].to_numpy()
    for store in dict.fromkeys(stores):
        here = np.flatnonzero(stores == store)
        held = np.load(store, mmap_mode="r")
        for part in np.array_split(here, max(1, len(here) // 2048)):
            out[part] = held[index[part]]
    out.flush()
    path.with_suffix(".part").replace(path)


def build(
    listing: Listing, folder: Path, size: int, channels: int, *, resize: str = "crop", workers: int | None = None,
    progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] | None = None, apart: float = APART, white: int = 0,
) -> Cache:
    """Fill (or finish, or just open) the cache of a listing; interrupted work is kept and continued.

    Work of more than `apart` seconds is done by processes of their own.
    """
    fitting = Fitting(size=size, channels=channels, resize=resize, white=white)
    home = home_of(listing, folder, fitting)
    place = home / f"pixels-{fitting.mark}.npy"
    home.mkdir(parents=True, exist_ok=True)
    count = len(listing.items)
    shape = (count, size, size, channels)
    pixels, fresh = _opened(place, shape)
    done, _ = _opened(home / "done.npy", (count,), fresh=fresh)
    marks = done.view(np.ndarray)  # the map's own class costs a third of a millisecond at every write
    known = _known(home / "facts.jsonl", count, done)
    todo = [i for i in range(count) if i not in known]
    chunks = iter([[(i, listing.items[i].path) for i in todo[k : k + CHUNK]] for k in range(0, len(todo), CHUNK)])
    workers = workers or os.cpu_count() or 1
    order = Order(root=str(listing.root), place=str(place), start=pixels.offset, size=size, channels=channels, resize=resize, white=white)
    with warnings.catch_warnings(), Crew(order, len(todo), workers, apart=apart) as crew, ThreadPoolExecutor(workers) as pool, (home / "facts.jsonl").open("a") as lines:
        warnings.simplefilter("ignore")  # what Pillow mutters about odd files is said by the findings
        running = [pool.submit(crew.fill, chunk) for chunk in islice(chunks, workers * 2)]
        while running:
            told = running.pop(0).result()
            chunk = next(chunks, None)
            if chunk is not None:
                running.append(pool.submit(crew.fill, chunk))
            lines.write(told + "\n")
            lines.flush()
            found = parsed(told)
            known.update(found)
            marks[[i for i, _ in found]] = 1
            crew.grow()
            if progress:
                progress(len(known), count)
            if stop and stop():
                for future in running:
                    future.cancel()
                break
    done.flush()
    missing = Facts(error="not decoded yet")
    return Cache(path=place, pixels=np.load(place, mmap_mode="r"), facts=[known.get(i, missing) for i in range(count)])
