"""Rows that are never parted, and a random order that depends on content and seed only."""

from dataclasses import dataclass, field

import numpy as np


def shuffled(keys: np.ndarray, seed: int) -> np.ndarray:
    """Keys put through splitmix64 with a seed, uint64 [n]: a random order that depends on content and seed only."""
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & (2**64 - 1))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """`label` int64 [n]: rows with the same label are never parted; the counts say why."""

    label: np.ndarray
    copies: int = 0
    """Rows that are an exact copy of an earlier one."""
    near: int = 0
    """Rows joined to another because one number differs by almost nothing."""
    groups: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.label.max()) + 1 if len(self.label) else 0

    @property
    def largest(self) -> int:
        """Rows of the largest cluster."""
        return int(np.bincount(self.label).max()) if len(self.label) else 0


def chain(keys: np.ndarray) -> np.ndarray:
    """Pairs [m, 2] of row numbers with equal keys, each row linked to the one before it in key order."""
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)


def join(n: int, links: list[np.ndarray]) -> np.ndarray:
    """Cluster number of each of n rows, int64 [n]: connected components of the pairs [m, 2]."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.concatenate(links) if links else np.zeros((0, 2), np.int64)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)
