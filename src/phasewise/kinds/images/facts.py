"""What is known of each picture file, and how its looks are measured: many pictures at once, on a grid, in whole-array operations (D02, I07-I12)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one file; `error` is empty for a readable picture."""

    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""
    turned: bool = False
    exif: bool = False
    taken: str = ""
    """Day the camera wrote into the file, as 2008-05-30."""
    frames: int = 1
    wrong_extension: bool = False
    sha256: str = ""
    phash: int = 0
    phash_mirrored: int = 0
    bright: float = 0.0
    low: float = 0.0
    high: float = 0.0
    contrast: float = 0.0
    sharpness: float = 0.0
    saturation: float = 0.0
    border: float = 0.0
    error: str = ""

    @classmethod
    def of(cls, values: Iterable[Any]) -> "Facts":
        """From all values in the order of the fields; a frozen class would set them one by one, at eight times the cost."""
        made = object.__new__(cls)
        made.__dict__.update(zip(NAMES, values, strict=True))
        return made

    @property
    def values(self) -> list[Any]:
        """All values in the order of the fields."""
        return list(vars(self).values())


NAMES = tuple(f.name for f in fields(Facts))
UNREADABLE = [0, 0, "", "", False, False, "", 1, False, ""]
"""What is known of a file before it is opened: the fields before `phash`."""
UNMEASURED = [0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
"""The fields from `phash` to `border` of a picture that is not measured."""

_LEVELS = np.stack([np.ones(256), np.arange(256.0), np.arange(256.0) ** 2], 1)
BASIS = np.cos(np.pi * (2 * np.arange(32)[None] + 1) * np.arange(8)[:, None] / 64)
"""The 8 lowest frequencies of 32 values (DCT-II)."""
_MIRROR = np.where(np.arange(8) % 2, -1.0, 1.0)


def measured(colours: np.ndarray, luma: np.ndarray, grey: np.ndarray) -> list[tuple[Any, ...]]:
    """`phash` to `border` of fitted pictures: thinned colours (n, h, w, channels) uint8, whole grey forms (n, size, size), and grey forms for hashes (n, 32, 32).

    Whole-array operations let other threads decode meanwhile. Levels are counted on a grid of at least 64 x 32 pixels and edges on every
    few rows: facts of 2,000 to 4,000 pixels differ from those of all by less than pictures of one scene do, and cost a tenth of decoding.
    """
    n, side = len(luma), luma.shape[1]
    low, high, mean, spread = _levels(luma)
    saturation = _saturation(colours) if colours.shape[3] == 3 else np.zeros(n)
    edge = sum(strip.sum(1, dtype=np.int64) for strip in (luma[:, 0], luma[:, -1], luma[:, :, 0], luma[:, :, -1])) / (4 * side)
    plain, mirrored = _phashes(grey)
    numbers = np.stack([mean, low, high, spread, _sharpness(luma), saturation, edge]).round(6).tolist()
    return list(zip(plain.tolist(), mirrored.tolist(), *numbers, strict=True))


def _levels(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The levels below which 5 % and 99 % of the pixels lie, mean and standard deviation."""
    n, side = len(luma), luma.shape[1]
    step = _step(side)
    thin = luma[:, ::step, :: step if side < 64 else 2 * step].reshape(n, -1)
    pixels = thin.shape[1]
    counts = np.bincount((thin + (np.arange(n, dtype=np.intp) * 256)[:, None]).ravel(), minlength=256 * n).reshape(n, 256)
    _, mean, square = (counts @ _LEVELS / pixels).T
    total = np.cumsum(counts, 1)
    return (total < 0.05 * pixels).sum(1), (total < 0.99 * pixels).sum(1), mean, np.sqrt(np.maximum(square - mean**2, 0.0))


def _sharpness(luma: np.ndarray) -> np.ndarray:
    """log(1 + variance of the second differences) over every few rows; 0 for pictures without an inside."""
    n, side = len(luma), luma.shape[1]
    every = _step(side) ** 2
    above, here, below = luma[:, :-2:every], luma[:, 1:-1:every], luma[:, 2::every]
    inner = above[:, :, 1:-1].astype(np.int16) + below[:, :, 1:-1]
    inner += here[:, :, :-2]
    inner += here[:, :, 2:]
    inner -= 4 * here[:, :, 1:-1].astype(np.int16)
    flat = inner.reshape(n, -1).astype(np.float32)
    width = flat.shape[1]
    if not width:
        return np.zeros(n)
    squares = np.matmul(flat[:, None, :], flat[:, :, None])[:, 0, 0]  # a third of what einsum takes for it
    return np.log1p(np.maximum(squares / width - (flat @ np.ones(width, np.float32) / width) ** 2, 0))


def _saturation(colours: np.ndarray) -> np.ndarray:
    r, g, b = (colours[..., c] for c in range(3))  # a reduction over the last axis of three costs ten times this
    top = np.maximum(np.maximum(r, g), b)
    return ((top - np.minimum(np.minimum(r, g), b)) / np.maximum(top, 1).astype(np.float32)).mean((1, 2))


def _step(side: int) -> int:
    return max(1, side // 64)


def thinning(side: int) -> int:
    """Every which row and column of the colours is looked at."""
    return 2 * _step(side)


def _phashes(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """64-bit DCT hashes of grey arrays (n, 32, 32), and those of their mirror images: signs of the 8x8 lowest frequencies against their median.

    Mirroring left-right turns the sign of every odd horizontal frequency.
    """
    low = BASIS @ grey.astype(np.float64) @ BASIS.T
    return signs(low), signs(low * _MIRROR)


def signs(low: np.ndarray) -> np.ndarray:
    """uint64 [n]: which of the lowest frequencies (n, 8, 8) lie above their median."""
    flat = low.reshape(len(low), 64)
    return np.packbits(flat > np.sort(flat[:, 1:], axis=1)[:, 31:32], axis=1).view(">u8")[:, 0]


def blocks(luma: np.ndarray) -> np.ndarray:
    """Means of the 32x32 blocks of grey forms whose side is a multiple of 32, rounded as Pillow's `reduce` rounds them."""
    step = luma.shape[1] // 32
    if step == 1:
        return luma
    down = luma[:, ::step].astype(np.uint32 if step > 16 else np.uint16)  # a block of 16 x 16 pixels fits into 16 bits
    for k in range(1, step):
        down += luma[:, k::step]
    total = down[:, :, ::step].copy()
    for k in range(1, step):
        total += down[:, :, k::step]
    return ((total + np.array(step * step // 2, total.dtype)) // np.array(step * step, total.dtype)).astype(np.uint8)


def joined(arrays: Sequence[np.ndarray], lumas: Sequence[bytes], greys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `measured` takes, of pictures of one shape: their arrays, the bytes of their grey forms and, where `blocks` cannot make it, of those at 32x32."""
    n, (side, _, channels) = len(arrays), arrays[0].shape
    step = thinning(side)
    colours = np.empty((n, -(-side // step), side, channels), np.uint8)
    for place, array in zip(colours, arrays, strict=True):
        place[:] = array[::step]  # whole rows: single pixels cost three times as much to copy
    luma = np.frombuffer(b"".join(lumas), np.uint8).reshape(n, side, side)
    return colours[:, :, ::step], luma, np.frombuffer(b"".join(greys), np.uint8).reshape(n, 32, 32) if greys[0] else blocks(luma)
