"""Copies: equal rows, nearly equal rows, equal inputs with another target (T15-T17)."""

import numpy as np
import polars as pl

from phasewise.checks.coincidence import LIMIT, copied, improbable
from phasewise.checks.hashing import column_hash, text_hash
from phasewise.checks.jitter import jittered
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding


def _extra(keys: np.ndarray) -> tuple[int, np.ndarray]:
    """Rows beyond the first of their key, and the row numbers of all rows with a repeated key."""
    counted = pl.DataFrame({"key": keys}).with_columns(pl.len().over("key").alias("n"))
    repeated = np.flatnonzero((counted["n"] > 1).to_numpy())
    return len(repeated) - int(counted["key"].filter(counted["n"] > 1).n_unique()), repeated


@check("duplicate-rows", source="T15", cost="pass")
def duplicate_rows(table: CheckTable) -> list[Finding]:
    """Rows equal in every input and in the target."""
    keys = table.facts.row_hash + text_hash(table.frame[table.target])
    extra, repeated = _extra(keys)
    if extra == 0:
        return []
    # Verified on collision: the repeated rows have as many distinct rows as distinct hashes.
    subset = table.frame[repeated].select([*table.features, table.target])
    extra = len(repeated) - subset.n_unique()
    if extra <= 0:
        return []
    share = extra / table.rows
    real = min(extra, copied(table, keys, repeated))
    severity = "warn" if real > 0.01 * table.rows else "info"
    why = "" if real > 0.5 * extra else f" Their values are so common that about {extra - real:,} may be different cases."
    clusters = _together(table, keys[repeated], repeated)
    offers = [remedy("keep-together", recommended=True), remedy("drop-exact-duplicates"), remedy("accept")]
    return [finding("duplicate-rows", severity, f"{extra:,} rows are copies of earlier rows", f"{percent(share)} of the rows, in {len(clusters):,} clusters.{why}", rows=extra, examples=[_rows(c) for c in clusters[:5]], numbers={"share": share, "copies": real, "clusters": len(clusters), "largest": len(clusters[0])}, harm=min(5.0, 20 * share), remedies=offers)]


def _together(table: CheckTable, keys: np.ndarray, rows: np.ndarray) -> list[list[int]]:
    """Clusters of rows with equal keys, largest first, as row numbers of the file from 1."""
    order = np.argsort(keys, kind="stable")
    cuts = np.flatnonzero(np.diff(keys[order].astype(np.uint64))) + 1
    found = [[table.number(int(r)) + 1 for r in sorted(c)] for c in np.split(rows[order], cuts)]
    return sorted((c for c in found if len(c) > 1), key=lambda c: (-len(c), c[0]))


def _rows(cluster: list[int]) -> str:
    return f"rows {', '.join(f'{r:,}' for r in cluster[:6])}{f' and {len(cluster) - 6} more' if len(cluster) > 6 else ''}"


@check("near-duplicates", source="T16", cost="pairs")
def near_duplicates(table: CheckTable) -> list[Finding]:
    """Rows equal but for one or several number columns that differ by less than 0.1 % of their spread."""
    facts = table.facts
    if not facts.fine or len(table.features) < 3 or table.rows < 50:
        return []
    candidates = [c for c in facts.numbers() if facts.distinct(c) > 0.05 * max(facts.filled(c), 1)]
    candidates = candidates[: max(3, int(2e7 / max(table.rows, 1)))]
    best: dict[str, int] = {}
    touched: set[int] = set()
    pairs: list[str] = []
    positions = {c: i for i, c in enumerate(table.features)}
    for c in candidates:
        position = positions[c]
        rest = facts.row_hash - column_hash(table.frame[c], position)
        repeated = _extra(rest)[1]
        if len(repeated) == 0:
            continue
        values = table.frame[c].cast(pl.Float64).to_numpy()[repeated]
        keys = rest[repeated]
        order = np.lexsort((values, keys))
        keys, values = keys[order], values[order]
        spread = _spread(facts.cells(c))
        gap = np.diff(values)
        close = (keys[1:] == keys[:-1]) & (gap > 0) & (gap < 0.001 * spread)
        if close.any():
            best[c] = int(close.sum())
            touched.update(repeated[order[1:][close]].tolist())
            pairs += [_pair(table, c, repeated[order[i]], repeated[order[i + 1]]) for i in np.flatnonzero(close)[: 5 - len(pairs)]]
    noisy = jittered(table.frame, table.features)
    several = len(np.unique(noisy[:, 1])) > len(touched)
    if several:
        touched.update(noisy[:, 1].tolist())
        pairs = [f"rows {table.number(int(a)) + 1:,} and {table.number(int(b)) + 1:,}" for a, b in noisy[:5]]
    count = len(touched)
    if count == 0:
        return []
    share = count / table.rows
    severity = "warn" if count >= max(5, 0.002 * table.rows) else "info"
    names = ", ".join(q(c) for c in best)
    seen = "They differ in several number columns, in each by less than 0.1 % of its spread." if several else f"They differ in one column only ({names}), by less than 0.1 % of its spread."
    return [finding("near-duplicates", severity, f"{count:,} row{'s are' if count > 1 else ' is'} nearly equal to another row", seen, columns=list(best), rows=count, examples=pairs, numbers={"share": share}, harm=min(5.0, 20 * share), remedies=[remedy("keep-together", recommended=True), remedy("accept")])]


def _pair(table: CheckTable, column: str, first: int, second: int) -> str:
    """Two near copies by their row numbers in the file, and the one value that differs."""
    (a, x), (b, z) = sorted((table.number(int(r)) + 1, table.frame[column][int(r)]) for r in (first, second))
    return f"rows {a:,} and {b:,}: {q(column)} {x} and {z}"


def _spread(cells: np.ndarray) -> float:
    if len(cells) < 2:
        return 0.0
    iqr = float(np.subtract(*np.quantile(cells, [0.75, 0.25])))
    return iqr if iqr > 0 else float(cells.std())


@check("conflicting-labels", source="T17", cost="pass", tasks=("binary", "multiclass"))
def conflicting_labels(table: CheckTable) -> list[Finding]:
    """Rows with equal inputs and different classes."""
    facts = table.facts
    pair = pl.DataFrame({"key": facts.row_hash, "y": facts.y}).filter(pl.col("y") >= 0)
    clash = pair.with_columns(pl.col("y").n_unique().over("key").alias("kinds"), pl.len().over("key").alias("n"))
    mixed = clash.filter(pl.col("kinds") > 1)
    if mixed.height == 0:
        return []
    known = np.flatnonzero(facts.y >= 0)
    rows = known[(clash["kinds"] > 1).to_numpy()]
    # The best any model can do on these rows is their majority: the rest is lost, and as many agree with the lost ones.
    lost = len(rows) - int(mixed.group_by("key", "y").len().group_by("key").agg(pl.col("len").max())["len"].sum())
    touched = min(len(rows), 2 * lost)
    odd = improbable(table, rows[:LIMIT], table.features)
    real = touched * float(odd.mean())
    share = touched / table.rows
    severity = "block" if real > 0.05 * table.rows else "warn" if real >= 3 and real >= 0.01 * table.rows else "info"
    why = "" if odd.mean() > 0.5 else " Their values are so common that this may be plain chance."
    offers = [remedy("review-labels", recommended=severity != "info"), remedy("majority-label"), remedy("drop-conflicts"), remedy("accept", recommended=severity == "info")]
    return [finding("conflicting-labels", severity, f"{touched:,} rows contradict each other: equal inputs, different classes", f"{percent(share)} of the rows; at least {lost:,} of them must be answered wrongly.{why}", rows=touched, numbers={"share": share, "lost": lost}, harm=100 * lost / table.rows, remedies=offers)]


@check("copies-across-parts", source="P01", cost="pass")
def copies_across_parts(table: CheckTable) -> list[Finding]:
    """Rows of train that come again in validation."""
    from phasewise.checks.table import Skip

    if table.train is None or table.validation is None or len(table.validation) == 0:
        raise Skip("no separate validation part")
    keys = table.facts.row_hash + text_hash(table.frame[table.target])
    shared = np.isin(keys[table.validation], keys[table.train])
    count = int(shared.sum())
    if count == 0:
        return []
    share = count / len(table.validation)
    rows = table.validation[shared]
    real = float(improbable(table, rows[:LIMIT], table.features).mean()) * count
    severity = "block" if real >= 1 and real >= 0.001 * len(table.validation) else "warn" if share > 0.01 and real > 0 and table.facts.fine else "info"
    chance = "" if real > 0.5 * count else " Their values are so common that they may be different cases: nothing is gained by keeping them together."
    offers = [remedy("keep-together", recommended=severity != "info"), remedy("drop-exact-duplicates"), remedy("accept", recommended=severity == "info")]
    return [finding("copies-across-parts", severity, f"{count:,} validation rows are copies of train rows", f"{percent(share)} of the validation part.{chance}", rows=count, numbers={"share": share}, harm=100 * share * 0.3, remedies=offers)]
