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
REACHES = (6, 4, 2, 0)
"""Bits of 64 within which a copy lies. Measured on flowers and ants-bees: 560 copies (JPEG of quality 30 and 60, 90 % and half of the side, brighter, mirrored)
lie within 6, and none of 158,406 pairs of different photographs does; of copies cut by 5 % three in five to four in five lie within 6."""
ALIKE = 0.005
"""Share of the development pictures that may lie as near as that: what would be taken for a copy without being one."""


def packed(test: pl.DataFrame, fitting: Fitting, development: pl.DataFrame | None = None) -> bytes:
    """The file for the test pictures of a split; `development` are the other ones, which are known to be no copies of them."""
    return sealed.packed(lambda key: np.unique(np.concatenate(_hashed(test, fitting, key))), _looks(test, development))


def _looks(test: pl.DataFrame, development: pl.DataFrame | None) -> dict[str, np.ndarray]:
    """Sorted perceptual hashes of the test pictures that have contrast, and the bits within which nearly no development picture lies of them.

    A perceptual hash is 64 signs of the lowest frequencies: it shows which halves and quarters are lighter, and no label. Where pictures are alike
    by nature (digits, aligned scans) nothing is kept, because a copy could not be told from another picture.
    """
    if development is None or "phash" not in test.columns:
        return {}
    looks = np.unique(test.filter(pl.col("contrast") > FLAT)["phash"].to_numpy())
    others = development.filter(pl.col("contrast") > FLAT)
    if not len(looks) or not others.height:
        return {}
    away = np.minimum(_away(others["phash"].to_numpy(), looks), _away(others["phash_mirrored"].to_numpy(), looks))
    reach = next((bits for bits in REACHES if (away <= bits).mean() <= ALIKE), -1)
    return {"looks": looks, "reach": np.array(reach)} if reach >= 0 else {}


def _away(hashes: np.ndarray, looks: np.ndarray) -> np.ndarray:
    """Bits [n] between each hash and the nearest of `looks`."""
    parts = [np.bitwise_count(hashes[i : i + BLOCK, None] ^ looks[None]).min(1) for i in range(0, len(hashes), BLOCK)]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint8)


def alike(project: Any, about: Mapping[str, Any], table: pl.DataFrame) -> tuple[np.ndarray, str]:
    """Mask [n] of pictures that look like copies of test pictures (saved with loss, resized, mirrored, a little brighter), and why that cannot be told (else empty)."""
    known = sealed.known(project, about)
    if known.why or "phash" not in table.columns:
        return np.zeros(table.height, bool), known.why
    if known.looks is None:
        return np.zeros(table.height, bool), "pictures of this set are alike by nature, or the split was made before copies could be recognised"
    away = np.minimum(_away(table["phash"].to_numpy(), known.looks), _away(table["phash_mirrored"].to_numpy(), known.looks))
    return (away <= known.reach) & (table["contrast"].fill_null(0.0).to_numpy() > FLAT), ""


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
