"""Rows that lie closer together than rows of different cases do: repeated measurements, augmented copies, recordings (T16, G08)."""

import numpy as np
import polars as pl

from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding

MOST, ASKED = 20_000, 2_000
"""Rows searched (a sample of more would part what belongs together) and rows whose neighbours are looked up."""
NEAR, FAR = 1, 30
"""Ranks of the neighbours whose distances are compared."""
EXPECTED, FOUND = 0.01, 0.20
"""Share of rows that may have so near a neighbour where cases are independent, and the share from which they are not."""
CLOSE = 0.3
"""The largest share of that distance that counts as near in any dimension: where density varies much, nearest neighbours of many dimensions come nearer than even density has them."""
LAG = 0.8
"""Rank correlation of a column with itself one row on, within equal targets, from which rows follow each other."""


@check("tight-clusters", source="T16", cost="pairs", rows=MOST)
def tight_clusters(table: CheckTable) -> list[Finding]:
    """Many rows have a neighbour far nearer than the spread of the others allows.

    In m dimensions the nearest of 30 neighbours lies within the share r of the distance of the thirtieth with probability about 30 r^m
    (uniform density around a row); m is estimated from the outer neighbours (Levina & Bickel 2004).
    """
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    facts = table.facts
    if table.rows > MOST:
        raise Skip(f"more than {MOST:,} rows: a sample would part what belongs together")
    if table.groups is not None:
        raise Skip("groups are declared")
    names = [c for c in facts.coded if not facts.is_level[c] and facts.distinct(c) > 0.1 * table.rows and facts.nulls[c] == 0 and not table.schema[c].is_temporal()][:50]
    if len(names) < 3 or table.rows < 300:
        raise Skip("fewer than three number columns that tell rows apart, or 300 rows")
    matrix = np.unique(np.stack([_spread(table.frame[c].cast(pl.Float64).to_numpy()) for c in names], 1), axis=0)
    if len(matrix) < 300 or not np.isfinite(matrix).all():
        raise Skip("too few different rows")
    asked = np.sort(facts.rng(31).permutation(len(matrix))[:ASKED])
    with threadpool_limits(1):
        away = NearestNeighbors(n_neighbors=FAR + 1, algorithm="brute" if len(names) > 10 else "auto").fit(matrix).kneighbors(matrix[asked])[0][:, 1:]
    far = np.maximum(away[:, FAR - 1], 1e-12)
    outer = np.log(far[:, None] / np.maximum(away[:, FAR // 2 : FAR - 1], 1e-12)).mean(axis=1)
    m = min(1 / max(float(np.mean(outer)), 1e-6), float(len(names)))
    limit = min((EXPECTED / FAR) ** (1 / m), CLOSE)
    share = float((away[:, 0] / far < limit).mean())
    if share < FOUND:
        return []
    seen = f"{percent(share)} of the rows have a neighbour within {limit:.2f} of the distance to their thirtieth; independent cases of this spread have one in about {percent(EXPECTED)}. Copies with noise, or several rows of one case?"
    return [finding("tight-clusters", "warn", "Rows lie in tight clusters", seen, rows=round(share * table.rows), columns=[], numbers={"share": share, "dimension": m, "limit": limit}, harm=3, remedies=[remedy("note", recommended=True, title="name the column that tells which case a row belongs to (data.group), or leave the copies out"), remedy("accept")])]


def _spread(values: np.ndarray) -> np.ndarray:
    """Robustly scaled, with far values drawn in so that one of them does not decide every distance."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    scale = (high - low) / 1.349 or float(values.std()) or 1.0
    return np.clip((values - middle) / scale, -5, 5)


@check("row-neighbours", source="G08", cost="pairs", rows=MOST)
def row_neighbours(table: CheckTable) -> list[Finding]:
    """Rows that follow each other in the file resemble each other, as those of a recording do, and nothing names the time."""
    facts = table.facts
    if table.groups is not None or table.time or table.options.get("policy") in ("time", "grouped") or any(t.is_temporal() for t in table.schema.values()):
        raise Skip("a time or a group is named")
    names = [c for c in facts.numbers() if table.role(c) == "number" and facts.distinct(c) > 20][:50]
    if len(names) < 3 or table.rows < 300:
        raise Skip("fewer than three number columns, or 300 rows")
    head = table.frame.head(MOST)
    y = facts.y[: head.height].astype(float)
    bins = np.searchsorted(np.unique(np.nanquantile(y, np.linspace(0, 1, 21))), y) if not table.classification else y.astype(int)
    follow = [c for c in names if _lagged(head[c], bins) >= LAG]
    if len(follow) < max(3, 2 * len(names) / 3):
        return []
    return [finding("row-neighbours", "warn", "Neighbouring rows resemble each other", f"{len(follow)} of {len(names)} number columns hardly change from one row to the next ({', '.join(q(c) for c in follow[:4])}{' ...' if len(follow) > 4 else ''}), as in a recording: a random split knows the neighbours of every test row.", columns=follow[:20], numbers={"columns": len(follow)}, harm=5, remedies=[remedy("note", recommended=True, title="give each row its time or recording and split by it"), remedy("accept")])]


def _lagged(column: pl.Series, bins: np.ndarray) -> float:
    """Correlation of a column's ranks with those one row on, each without the mean of its target's bin."""
    ranks = column.cast(pl.Float64).rank().to_numpy().astype(float)
    known = np.isfinite(ranks)
    if known.sum() < 200:
        return 0.0
    ranks, codes = ranks[known], np.unique(bins[known], return_inverse=True)[1]
    rest = ranks - (np.bincount(codes, weights=ranks) / np.bincount(codes))[codes]
    if rest.std() < 0.05 * ranks.std() or rest.std() == 0:
        return 0.0
    return float(np.corrcoef(rest[:-1], rest[1:])[0, 1])
