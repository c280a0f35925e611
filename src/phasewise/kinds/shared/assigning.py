"""Which row goes to which part: pure functions of content keys, strata, clusters, policy and seed (checks.md 7.1)."""

from dataclasses import dataclass

import numpy as np

from phasewise.kinds.shared.clusters import shuffled

TRAIN, VALIDATION, TEST, DROPPED = 0, 1, 2, 3
PARTS = ("train", "validation", "test", "dropped")
SMALL = 1000
"""Below this many rows: 20 % sealed and cross-validation instead of one validation part (checks.md 7.2)."""
REDRAWS = 20


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Rows wanted in test and validation, and folds (0: one validation part)."""

    test: int
    validation: int
    folds: int = 0


def sizes(n: int, *, accuracy: float = 0.85, rarest: float = 0.5, test_share: float | None = None, validation_share: float | None = None, folds: int | None = None) -> Sizes:
    """Default sizes of checks.md 7.2: test for a half width of 2 points within 10-25 %, validation equal to it; wishes win."""
    from phasewise.stats import power

    small = n < SMALL
    if test_share is not None:
        test = round(test_share * n)
    else:
        test = round(0.2 * n) if small else power.sealed_rows(n, accuracy, rarest_share=rarest)
    test = max(test, 1)
    if folds is None:
        folds = 5 if small and validation_share is None else 0
    if folds:
        return Sizes(test=test, validation=round((n - test) / folds), folds=folds)
    validation = round(validation_share * n) if validation_share is not None else min(test, (n - test) // 2)
    return Sizes(test=test, validation=max(validation, 1))


def strata(y: np.ndarray, task: str, bins: int = 10) -> np.ndarray:
    """Stratum of each row: its class, or one of ten quantile bins of the target; int64 [n]."""
    if task != "regression":
        return y.astype(np.int64)
    edges = np.unique(np.quantile(y, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, y, side="right").astype(np.int64)


def by_strata(keys: np.ndarray, stratum: np.ndarray, cluster: np.ndarray, wanted: dict[int, int], seed: int) -> np.ndarray:
    """Part of each row, int8 [n]: `wanted` rows per part code, the rest is code 0; whole clusters, alike in strata.

    A cluster counts in the stratum of its row with the smallest key; large clusters are placed first.
    """
    n = len(keys)
    order = shuffled(keys, seed)
    first = np.full(int(cluster.max()) + 1 if n else 0, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(first, cluster, order)
    size = np.bincount(cluster, minlength=len(first))
    leader = np.full(len(first), -1)
    lead_rows = np.flatnonzero(order == first[cluster])
    leader[cluster[lead_rows]] = lead_rows
    cluster_stratum = stratum[leader]
    part = np.zeros(len(first), np.int8)
    levels, rows_in = np.unique(cluster_stratum, return_inverse=True)
    mass = np.bincount(rows_in, weights=size, minlength=len(levels))
    quota = {code: _apportion(mass, count) for code, count in wanted.items()}
    for place in range(len(levels)):
        members = np.flatnonzero(rows_in == place)
        members = members[np.lexsort((first[members], -size[members]))]
        left = {code: float(quota[code][place]) for code in wanted}
        part[members] = _fill(size[members], left, float(mass[place]))
    return part[cluster]


def _apportion(mass: np.ndarray, count: int) -> np.ndarray:
    """`count` rows over strata by largest remainder; every stratum of 3 and more rows gets at least one."""
    exact = mass * count / max(mass.sum(), 1)
    base = np.floor(exact)
    missing = int(round(count - base.sum()))
    if missing > 0:
        base[np.argsort(-(exact - base), kind="stable")[:missing]] += 1
    return np.maximum(base, np.where(mass >= 3, 1, 0))


def _fill(size: np.ndarray, left: dict[int, float], mass: float) -> np.ndarray:
    """Codes for clusters in order: multi-row clusters go where most is missing relative to the quota, single rows in runs."""
    out = np.zeros(len(size), np.int8)
    total = {code: max(rows, 1e-9) for code, rows in left.items()}
    total[0] = max(mass - sum(left.values()), 1e-9)
    left = {0: total[0], **left}
    many = int((size > 1).sum())
    for place in range(many):
        fitting = [c for c in left if left[c] >= size[place]]
        code = max(fitting, key=lambda c: (left[c] / total[c], -c)) if fitting else 0
        out[place] = code
        left[code] -= float(size[place])
    start = many
    for code in sorted((c for c in left if c), reverse=True):
        take = int(round(max(left[code], 0)))
        out[start : start + take] = code
        start += take
    return out


def by_time(order: np.ndarray, wanted: Sizes, gap: float) -> np.ndarray:
    """Part of each row by time, int8 [n]: train < gap < validation < gap < test; equal times stay together; rows in gaps and without a time are dropped.

    `order` float [n], NaN where the time is missing; `gap` in the same unit.
    """
    part = np.full(len(order), DROPPED, np.int8)
    known = np.isfinite(order)
    times = np.sort(order[known])
    n = len(times)
    if n < 3:
        return part
    test_from = times[max(n - wanted.test, 1)]
    before = times[times < test_from - gap]
    part[known & (order >= test_from)] = TEST
    if len(before) < 2:
        part[known & (order < test_from - gap)] = TRAIN
        return part
    validation_from = before[max(len(before) - wanted.validation, 1)]
    part[known & (order >= validation_from) & (order < test_from - gap)] = VALIDATION
    part[known & (order < validation_from - gap)] = TRAIN
    return part


def folds_of(keys: np.ndarray, stratum: np.ndarray, cluster: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold of each row, int64 [n]: whole clusters, each stratum dealt evenly (single rows within one), the same for the same contents."""
    order = shuffled(keys, seed)
    compact = np.unique(cluster, return_inverse=True)[1]
    count = int(compact.max()) + 1 if len(keys) else 0
    first = np.full(count, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(first, compact, order)
    leader = np.zeros(count, np.int64)
    lead_rows = np.flatnonzero(order == first[compact])
    leader[compact[lead_rows]] = lead_rows
    size, level = np.bincount(compact, minlength=count), stratum[leader]
    fold = np.zeros(count, np.int64)
    held = np.zeros(folds)
    for value in np.unique(level):
        members = np.flatnonzero(level == value)
        members = members[np.lexsort((first[members], -size[members]))]
        here = np.zeros(folds)
        for member in members:
            place = min(range(folds), key=lambda f: (here[f], held[f], f))
            fold[member] = place
            here[place] += size[member]
            held[place] += size[member]
    return fold[compact]


def total_variation(stratum: np.ndarray, part: np.ndarray, a: int, b: int) -> float:
    """Total variation distance between the strata shares of two parts, in [0, 1]."""
    k = int(stratum.max()) + 1
    p, q = (np.bincount(stratum[part == code], minlength=k) / max((part == code).sum(), 1) for code in (a, b))
    return float(np.abs(p - q).sum() / 2)


def noise(stratum: np.ndarray, part: np.ndarray, a: int, b: int) -> float:
    """Total variation that two random parts of these sizes reach by chance (mean plus two standard deviations, roughly)."""
    shares = np.bincount(stratum) / len(stratum)
    scale = 1 / max((part == a).sum(), 1) + 1 / max((part == b).sum(), 1)
    each = np.sqrt(shares * (1 - shares) * scale)
    return float(0.5 * (0.8 * each.sum() + 2 * 0.6 * np.sqrt((each**2).sum())))


def problems(stratum: np.ndarray, part: np.ndarray) -> list[str]:
    """What is wrong with a drawn split: `empty:<part>`, `missing:<stratum>:<part>`, `shift:<part>`."""
    out = []
    present = [c for c in (TRAIN, VALIDATION, TEST)]
    for code in present:
        rows = part == code
        if not rows.any():
            out.append(f"empty:{PARTS[code]}")
            continue
        held = np.bincount(stratum[rows], minlength=int(stratum.max()) + 1)
        total = np.bincount(stratum, minlength=len(held))
        out.extend(f"missing:{s}:{PARTS[code]}" for s in np.flatnonzero((held == 0) & (total >= 3)))
        if code != TRAIN and total_variation(stratum, part, TRAIN, code) > max(0.02, noise(stratum, part, TRAIN, code)):
            out.append(f"shift:{PARTS[code]}")
    return out


def drawn(keys: np.ndarray, stratum: np.ndarray, cluster: np.ndarray, wanted: Sizes, seed: int) -> tuple[np.ndarray, int, list[str]]:
    """A verified draw: part of each row, number of re-draws, and the problems that 20 re-draws did not mend."""
    best: tuple[int, np.ndarray, int, list[str]] | None = None
    for again in range(REDRAWS + 1):
        part = by_strata(keys, stratum, cluster, {TEST: wanted.test, VALIDATION: wanted.validation}, seed + 1_000_003 * again)
        found = problems(stratum, part)
        if best is None or len(found) < best[0]:
            best = (len(found), part, again, found)
        if not found:
            break
    assert best is not None
    return best[1], best[2], best[3]
