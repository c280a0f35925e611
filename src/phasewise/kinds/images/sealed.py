"""Which new pictures are sealed test pictures: told by keyed hashes of their bytes and of their pixels, without opening the vault (checks.md 7.3)."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.images import pixels
from phasewise.kinds.images.fitting import Fitting
from phasewise.kinds.shared import sealed

FILE, digest = sealed.FILE, sealed.digest
BLOCK = 256
FLAT = 5.0
"""Contrast below which different pictures can have the same pixels."""


def packed(test: pl.DataFrame, fitting: Fitting) -> bytes:
    """The file for the test pictures of a split."""
    return sealed.packed(lambda key: np.unique(np.concatenate(_hashed(test, fitting, key))))


def met(project: Any, about: Mapping[str, Any], table: pl.DataFrame, fitting: Fitting) -> tuple[np.ndarray, str]:
    """Mask [n] of pictures that are test pictures, and why that cannot be told (else empty).

    The same file, or the same pixels after fitting: a copy under another name, without its EXIF or saved again without loss is met, one saved
    with loss, cut or resized is not.
    """
    known = sealed.known(project, about)
    if known.hashes is None:
        return np.zeros(table.height, bool), known.why
    by_bytes, by_pixels = _hashed(table, fitting, known.key)
    return np.isin(by_bytes, known.hashes) | np.isin(by_pixels, known.hashes), ""


def _hashed(table: pl.DataFrame, fitting: Fitting, key: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Keyed hashes uint64 [n] of the files and of the fitted pixels; flat pictures have that of their file twice."""
    whole = np.array([_hash(b"file" + str(text).encode(), key) for text in table["sha256"].to_list()], np.uint64)
    flat = table["contrast"].fill_null(0.0).to_numpy() < FLAT if "contrast" in table.columns else np.zeros(table.height, bool)
    looks = whole.copy()
    for start in range(0, table.height, BLOCK):
        for i, array in enumerate(pixels.gather(table.slice(start, BLOCK), fitting), start):
            if not flat[i]:
                looks[i] = _hash(b"look" + np.ascontiguousarray(array).tobytes(), key)
    return whole, looks


def _hash(data: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=key).digest(), "little")
