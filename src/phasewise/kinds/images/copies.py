"""Which pictures are the same or nearly: file hashes, DCT hashes (also mirrored) and thumbnails (I07, I08).

pHash <= 10 of 64 bits AND thumbnail correlation >= 0.94, contrast above 5: 20 of 20 re-saved and mirrored copies found, 13 to 14 of
15 reported pairs true among 3,000 untouched pictures (checks.md 3.3).
"""

import numpy as np
import polars as pl

from phasewise.kinds.images import pixels
from phasewise.kinds.images.fitting import Fitting
from phasewise.kinds.shared.clusters import Clusters, chain, join

BITS = 10
ALIKE = 0.94
FLAT = 5.0
"""Pictures with less contrast look like each other whatever they show."""
BLOCK = 512
SIDE = 16


def keys(frame: pl.DataFrame) -> np.ndarray:
    """Stable 64-bit content key of each picture, uint64 [n]: the first half of its SHA-256."""
    joined = b"".join(bytes.fromhex(text[:16]) for text in frame["sha256"].to_list())
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def thumbnails(frame: pl.DataFrame, fitting: Fitting) -> np.ndarray:
    """Grey pictures of 16 x 16, centred and of norm 1: float32 (n, 256); zero where there is no contrast."""
    out = np.zeros((frame.height, SIDE * SIDE), np.float32)
    edges = np.linspace(0, fitting.size, SIDE + 1).round().astype(int)
    widths = np.maximum(np.diff(edges), 1).astype(np.float32)
    starts = np.minimum(edges[:-1], fitting.size - 1)
    for start in range(0, frame.height, BLOCK):
        grey = pixels.gather(frame.slice(start, BLOCK), fitting).mean(3, dtype=np.float32)
        small = np.add.reduceat(np.add.reduceat(grey, starts, 1), starts, 2) / (widths[:, None] * widths[None])
        flat = small.reshape(len(small), -1)
        flat = flat - flat.mean(1, keepdims=True)
        norm = np.linalg.norm(flat, axis=1, keepdims=True)
        out[start : start + BLOCK] = np.where(norm > 1e-3, flat / np.maximum(norm, 1e-3), 0)
    return out


def near_pairs(frame: pl.DataFrame, fitting: Fitting, *, bits: int = BITS, alike: float = ALIKE) -> np.ndarray:
    """Pairs [m, 2] of near copies (not exact ones), the mirrored counted too; none for pictures without hashes (IDX)."""
    if "phash" not in frame.columns or frame.height < 2:
        return np.zeros((0, 2), np.int64)
    hashes, mirrored = frame["phash"].to_numpy(), frame["phash_mirrored"].to_numpy()
    usable = np.flatnonzero(frame["contrast"].to_numpy() > FLAT)
    small = thumbnails(frame, fitting)
    flipped = small.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(len(small), -1)
    exact = keys(frame)
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(usable), BLOCK):
        here, rest = usable[start : start + BLOCK], usable[start:]
        for other, pictures in ((hashes, small), (mirrored, flipped)):
            distance = np.bitwise_count(hashes[here][:, None] ^ other[rest][None])
            i, j = np.nonzero(distance <= bits)
            a, b = here[i], rest[j]
            keep = (a < b) & (exact[a] != exact[b])
            a, b = a[keep], b[keep]
            same = np.einsum("nd,nd->n", small[a], pictures[b]) >= alike
            found.append(np.stack([a[same], b[same]], 1))
    return np.unique(np.concatenate(found), axis=0)


def clusters(frame: pl.DataFrame, fitting: Fitting) -> Clusters:
    """Exact and near copies are one cluster."""
    exact, near = chain(keys(frame)), near_pairs(frame, fitting)
    return Clusters(label=join(frame.height, [exact, near]), copies=len(exact), near=len(near))
