"""Test pictures as rows that stand on their own: the files' bytes go with them, or path and hash when they are too many."""

from pathlib import Path

import numpy as np
import polars as pl

from phasewise.kinds.images import pixels

LIMIT = 512 * 2**20
"""Bytes of test files up to which the container holds the files themselves."""


def standing_alone(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows without a store: each with its file's bytes (`__file__`), its pixels (IDX), or just its path and SHA-256."""
    own = frame.drop(pixels.STORE, pixels.INDEX)
    if frame.height and "#" in frame["path"][0]:
        index = frame[pixels.INDEX].to_numpy()
        held = np.load(frame[pixels.STORE][0], mmap_mode="r")
        return pixels.with_arrays(own, [np.array(held[i]) for i in index])
    if int(frame["bytes"].sum()) > LIMIT:
        return own
    raw = [(Path(root) / path).read_bytes() for root, path in zip(frame[pixels.ROOT].to_list(), frame["path"].to_list(), strict=True)]
    return own.with_columns(pl.Series(pixels.FILE, raw, dtype=pl.Binary))
