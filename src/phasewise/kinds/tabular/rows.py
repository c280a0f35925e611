"""Identity of rows by content, and which rows belong together: exact copies, near copies, a group key."""

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from phasewise.checks.jitter import jittered
from phasewise.kinds.shared.clusters import Clusters, chain, join, shuffled

NEAR_SHARE = 0.001
"""Near copies differ in one number by less than this share of its interquartile range (check T16)."""
NEAR_DISTINCT = 0.05
NEAR_COLUMNS = 30


def content_hashes(frame: pl.DataFrame, columns: Sequence[str], key: bytes = b"") -> np.ndarray:
    """Stable 64-bit hash (BLAKE2b, with a key where given) of each row's cells, uint64 [n]; the same for the same text on any machine."""
    if not columns:
        return np.zeros(frame.height, np.uint64)
    cells = frame.select(pl.concat_str([pl.col(c).cast(pl.String).fill_null("\0") for c in columns], separator="\x1f").alias("row"))["row"]
    blake = hashlib.blake2b
    joined = b"".join([blake(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest() for text in cells.to_list()])
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def clusters(frame: pl.DataFrame, features: Sequence[str], group: str | None = None) -> Clusters:
    """Union of exact copies (all features equal), near copies and the group key, over the rows of a frame."""
    n = frame.height
    links: list[np.ndarray] = []
    notes: list[str] = []
    copies = near = groups = 0
    if features and _can_tell_rows_apart(frame, features):
        parts = _column_hashes(frame, features)
        total = _total(parts)
        links.append(chain(total))
        copies = len(links[-1])
        for links_of_column in _near_links(frame, parts, total):
            links.append(links_of_column)
            near += len(links_of_column)
        links.append(jittered(frame, features))
        near += len(links[-1])
    elif features:
        notes.append("equal rows are not kept together: the columns have so few values that rows repeat by chance")
    if group is not None:
        groups = _by_group(frame[group], links)
    return Clusters(label=join(n, links), copies=copies, near=near, groups=groups, notes=notes)


def totals(frame: pl.DataFrame, features: Sequence[str]) -> np.ndarray:
    """In-memory hash of each row's features, uint64 [n]: equal for equal rows, in whatever block they are read."""
    return _total(_column_hashes(frame, features))


def copies_alone(total: np.ndarray, few: pl.DataFrame, features: Sequence[str], group: pl.Series | None) -> Clusters:
    """Clusters of a table that is not in memory whole, from the `totals` of its rows: exact copies and the group key; `few` rows tell whether rows can be told apart."""
    links, notes, copies, groups = [], ["near copies were not searched for: the table is larger than the allowed memory"], 0, 0
    if features and _can_tell_rows_apart(few, features):
        links.append(chain(total))
        copies = len(links[0])
    if group is not None:
        groups = _by_group(group, links)
    return Clusters(label=join(len(total), links), copies=copies, groups=groups, notes=notes)


def _by_group(group: pl.Series, links: list[np.ndarray]) -> int:
    """Links the rows of each group; the number of groups."""
    codes = group.rank("dense").fill_null(0).to_numpy().astype(np.uint64)
    known = np.flatnonzero(codes > 0)
    links.append(known[chain(codes[known])])
    return int(len(np.unique(codes[known])))


def _total(parts: dict[str, np.ndarray]) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.sum(list(parts.values()), axis=0, dtype=np.uint64)


def _can_tell_rows_apart(frame: pl.DataFrame, features: Sequence[str]) -> bool:
    few = frame.head(20_000).select(features)
    distinct = few.unique().height
    return distinct >= 0.5 * few.height


def _column_hashes(frame: pl.DataFrame, features: Sequence[str]) -> dict[str, np.ndarray]:
    """In-memory hash of every cell (not stable across versions; used for equality only), uint64 [n] each."""
    return {c: shuffled(frame[c].hash(seed=7).to_numpy(), place) for place, c in enumerate(features)}


def _near_links(frame: pl.DataFrame, parts: dict[str, np.ndarray], total: np.ndarray) -> list[np.ndarray]:
    tried = []
    for name in parts:
        if frame[name].dtype.is_numeric():
            distinct = frame[name].approx_n_unique()
            if distinct > max(NEAR_DISTINCT * frame.height, 20):
                tried.append((distinct, name))
    out = []
    if len(parts) < 3:
        return out
    for _, name in sorted(tried, reverse=True)[:NEAR_COLUMNS]:
        values = frame[name].cast(pl.Float64).to_numpy()
        finite = values[np.isfinite(values)]
        low, high = np.quantile(finite, (0.25, 0.75)) if len(finite) else (0.0, 0.0)
        tolerance = NEAR_SHARE * (high - low)
        if tolerance <= 0:
            continue
        with np.errstate(over="ignore"):
            rest = total - parts[name]
        order = np.lexsort((values, rest))
        key, number = rest[order], values[order]
        gap = np.abs(np.diff(number))
        hit = (key[1:] == key[:-1]) & (gap < tolerance) & (gap > 0)
        out.append(np.stack([order[:-1][hit], order[1:][hit]], axis=1))
    return out
