"""A table of pictures: one polars row per picture, its pixels either in the row or in a memory-mapped store beside it.

Because facts about pictures (size, brightness, sharpness ...) are columns, slices, drift and galleries work as for any table.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

ROW, ROOT, STORE, INDEX, PIXELS, FILE = "__row__", "__root__", "__store__", "__index__", "__pixels__", "__file__"
HIDDEN = (ROW, ROOT, STORE, INDEX, PIXELS, FILE)
TARGET = "label"
FACTS = ("width", "height", "bytes", "brightness", "contrast", "sharpness", "saturation")
"""Numeric facts of every picture, used for slices and drift, never as inputs of a network."""
TRAITS = ("format", "mode")


def with_store(frame: pl.DataFrame, store: Path) -> pl.DataFrame:
    """The frame pointing row by row into a store (n, size, size, channels)."""
    return frame.with_columns(pl.lit(str(store)).alias(STORE), pl.Series(INDEX, np.arange(frame.height), dtype=pl.Int64))


def with_pixels(frame: pl.DataFrame, arrays: Sequence[np.ndarray]) -> pl.DataFrame:
    """The frame carrying its own pixels, each array (size, size, channels) uint8."""
    return frame.with_columns(pl.Series(PIXELS, [a.tobytes() for a in arrays], dtype=pl.Binary))


def gather(frame: pl.DataFrame, size: int, channels: int) -> np.ndarray:
    """Pixels of all rows, uint8 (n, channels, size, size)."""
    n = frame.height
    if PIXELS in frame.columns and frame[PIXELS].null_count() < max(n, 1):
        flat = np.frombuffer(b"".join(frame[PIXELS].to_list()), dtype=np.uint8)
        return np.ascontiguousarray(flat.reshape(n, size, size, channels).transpose(0, 3, 1, 2))
    out = np.empty((n, size, size, channels), np.uint8)
    stores = frame[STORE].to_numpy()
    index = frame[INDEX].to_numpy()
    for store in dict.fromkeys(stores):
        here = stores == store
        held = np.load(store, mmap_mode="r")
        out[here] = held[index[here]]
    return np.ascontiguousarray(out.transpose(0, 3, 1, 2))
