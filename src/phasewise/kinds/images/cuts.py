"""Perceptual hashes of parts of a picture: what a copy looks like whose edge was cut off (checks.md 7.3).

A copy without a twentieth of its sides shows other halves and quarters than its picture, which moves 4 to 12 of the 64 bits; of the window that is left it shows nearly the same.
"""

from functools import cache
from itertools import product

import numpy as np
import polars as pl

from phasewise.kinds.images import facts, pixels
from phasewise.kinds.images.fitting import Fitting

SHARE = 0.95
PLACES = (0.0, 0.5, 1.0)
"""Where a window lies in what it leaves: at the first edge, in the middle, at the other edge."""
BLOCK = 256
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R 601, as Pillow makes grey of colours."""


def hashes(table: pl.DataFrame, fitting: Fitting) -> np.ndarray:
    """uint64 (n, 9): the DCT hash of each window of `SHARE` of the sides of the fitted pictures."""
    found = [_some(pixels.gather(table.slice(start, BLOCK), fitting)) for start in range(0, table.height, BLOCK)]
    return np.concatenate(found) if found else np.zeros((0, len(PLACES) ** 2), np.uint64)


def _some(images: np.ndarray) -> np.ndarray:
    grey = images.astype(np.float32) @ LUMA if images.shape[3] == 3 else images[..., 0].astype(np.float32)
    along = [_lowest(grey.shape[1], place) for place in PLACES]
    rows = [low @ grey for low in along]
    return np.stack([facts.signs((a @ b.T).astype(np.float64)) for a, b in product(rows, along)], 1)


@cache
def _lowest(side: int, place: float) -> np.ndarray:
    """float32 (8, side): the lowest frequencies of the 32 means along a window of `side` pixels."""
    start = place * (1 - SHARE) * side
    edges = start + np.arange(33) * SHARE * side / 32
    whole = np.clip(edges[:, None] - np.arange(side)[None], 0, 1)  # how much of each pixel lies before each edge
    means = np.diff(whole, axis=0) / np.diff(edges)[:, None]
    return (facts.BASIS @ means).astype(np.float32)
