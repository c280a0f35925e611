"""A table of pictures: one polars row per picture, its pixels in a memory-mapped store, in the row, or still in the file.

Because facts about pictures (size, brightness, sharpness ...) are columns, slices, drift and galleries work as for any table.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from phasewise.kinds.images import decode
from phasewise.kinds.images.fitting import Fitting, refit
from phasewise.kinds.shared.development import ROW
from phasewise.records.errors import StorageError
from phasewise.records.text import safe_text

ROOT, STORE, INDEX, PIXELS, FILE = "__root__", "__store__", "__index__", "__pixels__", "__file__"
HIDDEN = (ROW, ROOT, STORE, INDEX, PIXELS, FILE)
TARGET = "label"
FACTS = ("width", "height", "bytes", "brightness", "contrast", "sharpness", "saturation", "border")
"""Numeric facts of every picture, used for slices and drift, never as inputs of a network."""
TRAITS = ("format", "mode", "folder")
PROVENANCE = ("taken", "number", "exif")
"""How a picture was collected: for slices and the check for classes collected apart; never for drift, because new pictures are always later."""
WORKERS = 4


def roles(frame: pl.DataFrame) -> dict[str, str]:
    """Roles of the fact columns that are there."""
    return {c: "number" for c in FACTS if c in frame.columns} | {c: "category" for c in TRAITS if c in frame.columns}


def with_arrays(frame: pl.DataFrame, arrays: Sequence[np.ndarray]) -> pl.DataFrame:
    """The frame carrying its own pixels at their own sizes, each array (height, width, channels) uint8."""
    shapes = [a.shape for a in arrays]
    return frame.with_columns(
        pl.Series(PIXELS, [np.ascontiguousarray(a).tobytes() for a in arrays], dtype=pl.Binary), pl.Series("__shape__", shapes, dtype=pl.List(pl.Int64)),
    )


def gather(frame: pl.DataFrame, fitting: Fitting) -> np.ndarray:
    """Pixels of all rows, uint8 (n, size, size, channels), from the store when it has this fitting, else from row or file.

    Raises `StorageError` naming the first picture that cannot be read any more.
    """
    n = frame.height
    if n == 0:
        return np.zeros((0, fitting.size, fitting.size, fitting.channels), np.uint8)
    if PIXELS in frame.columns and frame[PIXELS].null_count() == 0:
        held = zip(frame[PIXELS].to_list(), frame["__shape__"].to_list(), strict=True)
        return np.concatenate([refit(np.frombuffer(raw, np.uint8).reshape(1, *shape), fitting) for raw, shape in held])
    stores = dict.fromkeys(frame[STORE].to_list()) if STORE in frame.columns else {None: None}
    if None not in stores:
        fits = all(Path(s).stem.endswith(f"-{fitting.mark}") for s in stores)
        if fits or "#" in frame["path"][0]:
            return _stored(frame, list(stores), fitting)
    return _decoded(frame, fitting)


def _stored(frame: pl.DataFrame, stores: list[str], fitting: Fitting) -> np.ndarray:
    names, index = frame[STORE].to_numpy(), frame[INDEX].to_numpy()
    out = np.empty((frame.height, fitting.size, fitting.size, fitting.channels), np.uint8)
    for store in stores:
        here = names == store
        out[here] = refit(np.load(store, mmap_mode="r")[index[here]], fitting)
    return out


def _decoded(frame: pl.DataFrame, fitting: Fitting) -> np.ndarray:
    raw = frame[FILE].to_list() if FILE in frame.columns else [None] * frame.height
    roots = frame[ROOT].to_list() if ROOT in frame.columns else [""] * frame.height

    def one(place: int) -> np.ndarray:
        path, data = Path(roots[place]) / frame["path"][place], raw[place]
        if data is None:
            array, fact = decode.decode(path, fitting.size, fitting.channels, fitting.resize, facts=False, white=fitting.white)
        else:
            array, fact = decode.decode_bytes(data, path.suffix, fitting.size, fitting.channels, fitting.resize, facts=False, white=fitting.white)
        if array is None:
            raise StorageError(f"{safe_text(path.name, 80)} cannot be read any more", fact.error, "Bring the file back, or split again.")
        return array

    if frame.height < 8:
        return np.stack([one(i) for i in range(frame.height)])
    with ThreadPoolExecutor(WORKERS) as pool:
        return np.stack(list(pool.map(one, range(frame.height))))
