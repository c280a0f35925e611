"""Which new pictures are sealed test pictures: told by keyed hashes of their bytes and of their pixels, without opening the vault (checks.md 7.3)."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.images import cuts, pixels
from phasewise.kinds.images.fitting import Fitting
from phasewise.kinds.shared import sealed

FILE, digest = sealed.FILE, sealed.digest
BLOCK, PAIRS = 256, 4_000_000
FLAT = 5.0
"""Contrast below which different pictures can have the same pixels."""
REACHES = (6, 4, 2, 0)
"""Bits of 64 within which a copy lies. Measured on flowers and ants-bees: 560 copies (JPEG of quality 30 and 60, 90 % and half of the side, brighter, mirrored)
lie within 6, and none of 158,406 pairs of different photographs does; of copies cut by 5 % a quarter to four in five do, by where the cut is, wherefore windows are kept too."""
CUTS = (4, 2, 0)
"""Bits within which a copy that was cut lies of one of nine windows: 0.96 to 0.97 of copies cut by 5 % at any place do within 4, and none of 2.4 million pairs of
different photographs (three pairs do that are one scene, photographed or edited twice)."""
OTHERS = 2_000
"""Development pictures that are asked how near they lie to the windows."""
ALIKE = 0.005
"""Share of the development pictures that may lie as near as that: what would be taken for a copy without being one."""


def packed(test: pl.DataFrame, fitting: Fitting, development: pl.DataFrame | None = None) -> bytes:
    """The file for the test pictures of a split; `development` are the other ones, which are known to be no copies of them."""
    return sealed.packed(lambda key: np.unique(np.concatenate(_hashed(test, fitting, key))), _looks(test, development, fitting))


def _looks(test: pl.DataFrame, development: pl.DataFrame | None, fitting: Fitting | None = None) -> dict[str, np.ndarray]:
    """Sorted perceptual hashes of the test pictures that have contrast and, with a fitting, of windows of them, and the bits within which nearly no development picture lies of them.

    A perceptual hash is 64 signs of the lowest frequencies: it shows which halves and quarters are lighter, and no label. Where pictures are alike
    by nature (digits, aligned scans) nothing is kept, because a copy could not be told from another picture.
    """
    if development is None or "phash" not in test.columns:
        return {}
    seen, others = test.filter(pl.col("contrast") > FLAT), development.filter(pl.col("contrast") > FLAT)
    if not seen.height or not others.height:
        return {}
    looks = np.unique(seen["phash"].to_numpy())
    reach = _reach(others, looks, REACHES)
    if reach < 0:
        return {}
    found = {"looks": looks, "reach": np.array(reach)}
    if fitting is not None:
        windows = np.unique(cuts.hashes(seen, fitting))
        near = _reach(others.gather_every(max(1, others.height // OTHERS)), windows, CUTS)
        found |= {"cuts": windows, "cut_reach": np.array(near)} if near >= 0 else {}
    return found


def _reach(others: pl.DataFrame, looks: np.ndarray, reaches: Sequence[int]) -> int:
    """The widest of some reaches within which fewer than `ALIKE` of other pictures lie; -1 for none."""
    away = _nearest(others, looks)
    return next((bits for bits in reaches if (away <= bits).mean() <= ALIKE), -1)


def _nearest(table: pl.DataFrame, looks: np.ndarray) -> np.ndarray:
    """Bits [n] between each picture, as it is or mirrored, and the nearest of `looks`."""
    return np.minimum(_away(table["phash"].to_numpy(), looks), _away(table["phash_mirrored"].to_numpy(), looks))


def _away(hashes: np.ndarray, looks: np.ndarray) -> np.ndarray:
    """Bits [n] between each hash and the nearest of `looks`."""
    step = max(1, PAIRS // len(looks))
    parts = [np.bitwise_count(hashes[i : i + step, None] ^ looks[None]).min(1) for i in range(0, len(hashes), step)]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint8)


def alike(project: Any, about: Mapping[str, Any], table: pl.DataFrame) -> tuple[np.ndarray, str]:
    """Mask [n] of pictures that look like copies of test pictures (saved with loss, resized, mirrored, a little brighter, a little cut), and why that cannot be told (else empty)."""
    known = sealed.known(project, about)
    if known.why or "phash" not in table.columns:
        return np.zeros(table.height, bool), known.why
    if known.looks is None:
        return np.zeros(table.height, bool), "pictures of this set are alike by nature, or the split was made before copies could be recognised"
    near = _nearest(table, known.looks) <= known.reach
    if known.cuts is not None and len(known.cuts):
        near |= _nearest(table, known.cuts) <= known.cut_reach
    return near & (table["contrast"].fill_null(0.0).to_numpy() > FLAT), ""


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
