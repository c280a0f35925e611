"""Which pictures are the same or nearly: file hashes, DCT hashes (also mirrored) and thumbnails (I07, I08).

pHash <= 10 of 64 bits AND thumbnail correlation >= 0.94, contrast above 5: 20 of 20 re-saved and mirrored copies found, 13 to 14 of
15 reported pairs true among 3,000 untouched pictures (checks.md 3.3).
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from phasewise.kinds.images import pixels
from phasewise.kinds.images.fitting import Fitting
from phasewise.kinds.shared.clusters import Clusters, chain, join

BITS = 10
ALIKE = 0.94
RULES = ((BITS, ALIKE), (6, 0.97), (4, 0.98), (2, 0.99))
"""Bits of 64 and correlation, from the usual to the strictest."""
LARGE, SHARE = 30, 0.03
REST = 0.94
"""Correlation without what the whole set has in common, from which on two pictures of an aligned set are copies."""
STRICTEST = 0.985
"""That correlation where likeness has no gap."""
BELOW, FEW, CROWDED = 0.88, 0.02, 0.4
"""Where more than half as many pairs lie between this and `REST` as above it, and those above are more than some a hundred pictures, likeness has no gap; where two fifths of the pictures would be copies all the same, nothing tells them from others."""
CROWD, MANY = 100, 100_000
"""Pairs a picture (and in all) from which on they are not kept: a set of n pictures that are all alike has n * n / 2."""
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


@dataclass(frozen=True, kw_only=True)
class Near:
    """Near copies as pairs [m, 2], and the rule that found them."""

    pairs: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    bits: int = BITS
    alike: float = ALIKE
    first: int = 0
    """Pairs by the usual rule, where another one was needed; 0 where there were too many to count."""
    rest: float = 0.0
    """Correlation of what is left of two pictures without what all have in common, where that decided."""
    gapless: bool = False
    """Whether likeness has no gap, so that only the very nearest are taken for copies."""

    @property
    def note(self) -> str:
        """What to say of another rule; empty for the usual one."""
        many = f"{self.first:,}" if self.first else "nearly all"
        if not self.rest:
            return ""
        closer = "" if (self.bits, self.alike) == RULES[0] else f" and that lie within {self.bits} of 64 bits and correlate by {self.alike} as they are"
        if self.gapless:
            return f"pictures of this set are alike by nature ({many} pairs by the usual rule) with no gap between copies and others: only exact copies and the very nearest are kept together. If several are of one person or thing, name what says so (data.group)"
        return f"pictures of this set are alike by nature ({many} pairs by the usual rule): what all have in common is taken away first, and those whose rest correlates by {self.rest}{closer} count as near copies"


Candidates = tuple[np.ndarray, ...]


def near(frame: pl.DataFrame, fitting: Fitting) -> Near:
    """Near copies by the usual rule, or by another one where everything looks alike (digits, aligned scans).

    The usual rule was measured on photographs. Where it makes one cluster of more than 30 pictures and 3 % of all, what the set has in
    common, its mean, is taken away first: re-saved, resized and brightened copies among 300 scans of four sets then correlate by 0.97 to
    1.00, different scans by 0.87 at most. Where that still leaves a cluster of more than 30 (upright ones among digits), the rule is tightened as
    long as the next one leaves less than half of the pairs: copies stay pairs when it is tightened, different pictures do not.
    """
    found = _candidates(frame, fitting)
    first, usual = 0, None
    if found is not None:
        first, pairs = len(found[0]), np.unique(found[0], axis=0)
        touched = len(np.unique(pairs))
        if _largest(pairs, frame.height) <= max(LARGE, SHARE * frame.height):
            usual = Near(pairs=pairs, first=first)
            if touched <= CROWDED * frame.height or len(pairs) <= 2 * touched:
                return usual
    held = _candidates(frame, fitting, alone=True)
    assert held is not None
    level = _gap(held[3], frame.height)
    if usual is not None and level is not None:
        return usual
    held = tuple(part[held[3] >= (level or REST)] for part in held)
    for i, (bits, alike) in enumerate(RULES):
        pairs = _within(held, bits, alike)
        if i + 1 == len(RULES) or _largest(pairs, frame.height) <= LARGE or len(_within(held, *RULES[i + 1])) * 2 > len(pairs):
            break
    if level is None and len(np.unique(pairs)) > CROWDED * frame.height:
        pairs = _within(tuple(part[held[3] >= STRICTEST] for part in held), *RULES[-1])
        return Near(pairs=np.unique(pairs, axis=0), bits=RULES[-1][0], alike=RULES[-1][1], first=first, rest=STRICTEST, gapless=True)
    return Near(pairs=np.unique(pairs, axis=0), bits=bits, alike=alike, first=first, rest=level or REST)


def _gap(own: np.ndarray, count: int) -> float | None:
    """The least correlation (`REST` or higher) above which there are more than twice the pairs of a band of the same width below it; None where likeness has no gap."""
    if (own >= REST).sum() <= FEW * count:
        return REST
    return next((level for level in (REST, 0.97, STRICTEST) if (own >= level).sum() > 2 * ((own < level) & (own >= 2 * level - 1)).sum()), None)


def _largest(pairs: np.ndarray, count: int) -> int:
    """Pictures of the largest cluster."""
    return int(np.bincount(join(count, [pairs])).max(initial=0))


def near_pairs(frame: pl.DataFrame, fitting: Fitting) -> np.ndarray:
    """Pairs [m, 2] of near copies (not exact ones), the mirrored counted too; none for pictures without hashes (IDX)."""
    return near(frame, fitting).pairs


def _within(found: Candidates, bits: int, alike: float) -> np.ndarray:
    pairs, distance, same = found[:3]
    return pairs[(distance <= bits) & (same >= alike)]


def _candidates(frame: pl.DataFrame, fitting: Fitting, *, alone: bool = False) -> Candidates | None:
    """Pairs [m, 2] by the loosest rule with their distances in bits, correlations, and correlations without the mean of the set; a pair may stand twice, plain and mirrored.

    None where there are more than `CROWD` a picture. `alone` asks besides for `BELOW` of the last (else nan).
    """
    none = (np.zeros((0, 2), np.int64), np.zeros(0, np.uint8), np.zeros(0, np.float32), np.zeros(0, np.float32))
    if "phash" not in frame.columns or frame.height < 2:
        return none
    hashes, mirrored = frame["phash"].to_numpy(), frame["phash_mirrored"].to_numpy()
    usable = np.flatnonzero(frame["contrast"].to_numpy() > FLAT)
    small = thumbnails(frame, fitting)
    flipped = small.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(len(small), -1)
    middle = small[usable].mean(0) if alone and len(usable) else np.float32(0)
    exact = keys(frame)
    bits, alike = RULES[0]
    found, total = [none], 0
    for start in range(0, len(usable), BLOCK):
        here, rest = usable[start : start + BLOCK], usable[start:]
        for other, pictures in ((hashes, small), (mirrored, flipped)):
            left = np.zeros(0)
            distance = np.bitwise_count(hashes[here][:, None] ^ other[rest][None])
            close = distance <= bits
            if alone:
                left = _own(small[here], middle) @ _own(pictures[rest], middle).T
                close &= left >= BELOW
            elif np.count_nonzero(close) > CROWD * len(here):  # many pairs: one product of matrices, instead of two rows for each of them
                close &= small[here] @ pictures[rest].T >= alike
            i, j = np.nonzero(close)
            a, b = here[i], rest[j]
            keep = (a < b) & (exact[a] != exact[b])
            a, b, away = a[keep], b[keep], distance[i, j][keep]
            total += len(a)
            if total > max(CROWD * len(usable), MANY) and not alone:
                return None
            same = np.einsum("nd,nd->n", small[a], pictures[b])
            close = same >= alike
            apart = left[i, j][keep] if alone else np.full(len(a), np.nan, np.float32)
            found.append((np.stack([a[close], b[close]], 1), away[close], same[close], apart[close]))
    return tuple(np.concatenate([f[k] for f in found]) for k in range(4))


def like(frame: pl.DataFrame, others: pl.DataFrame, fitting: Fitting) -> np.ndarray:
    """Mask [n] of pictures that are nearly one of `others`, plain or mirrored, by the second of the rules."""
    bits, alike = RULES[1]
    out = np.zeros(frame.height, bool)
    mine, theirs = (np.flatnonzero(f["contrast"].fill_null(0.0).to_numpy() > FLAT) for f in (frame, others))
    if not len(mine) or not len(theirs):
        return out
    small, known = thumbnails(frame, fitting), thumbnails(others, fitting)
    flipped = small.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(len(small), -1)
    hashes = others["phash"].to_numpy()[theirs]
    for own, pictures in ((frame["phash"].to_numpy(), small), (frame["phash_mirrored"].to_numpy(), flipped)):
        for start in range(0, len(mine), BLOCK):
            here = mine[start : start + BLOCK]
            i, j = np.nonzero(np.bitwise_count(own[here][:, None] ^ hashes[None]) <= bits)
            same = np.einsum("nd,nd->n", pictures[here[i]], known[theirs[j]]) >= alike
            out[here[i[same]]] = True
    return out


def _own(small: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """What is left of thumbnails [n, d] without the mean of the set, of norm 1."""
    left = small - middle
    return left / np.maximum(np.linalg.norm(left, axis=1, keepdims=True), 1e-6)


def clusters(frame: pl.DataFrame, found: Near, group: np.ndarray | None = None) -> Clusters:
    """Exact and near copies are one cluster, and so are pictures of one `group` [n] (a negative number is none)."""
    exact, links, groups = chain(keys(frame)), [], 0
    if group is not None:
        known = np.flatnonzero(group >= 0)
        links, groups = [known[chain(group[known].astype(np.uint64))]], len(np.unique(group[known]))
    return Clusters(label=join(frame.height, [exact, found.pairs, *links]), copies=len(exact), near=len(found.pairs), groups=groups, notes=[found.note] if found.note else [])
