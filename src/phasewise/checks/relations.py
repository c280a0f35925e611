"""Columns that say the same (T18, T19) and redundant inputs (T28)."""

import numpy as np

from phasewise.checks import reduced
from phasewise.checks.coding import partition, same_order
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding


@check("duplicate-columns", source="T18", cost="pairs", rows=20_000)
def duplicate_columns(table: CheckTable) -> list[Finding]:
    """Columns that split the rows in the same way, whatever their coding."""
    facts = table.facts
    groups: dict[bytes, list[str]] = {}
    for c, values in facts.coded.items():
        head = values[:2000]
        codes = partition(head)
        if codes.max() == 0:
            continue
        # Where nearly all values differ the partition is trivial and only the order can tell.
        unique = codes.max() + 1 > 0.5 * len(head) and not facts.is_level[c]
        key = np.argsort(head, kind="stable")[:200].tobytes() if unique else codes.tobytes()
        groups.setdefault((b"o" if unique else b"p") + key, []).append(c)
        if unique:
            groups.setdefault(b"o" + np.argsort(-head, kind="stable")[:200].tobytes(), []).append(c)
    out, told = [], set()
    for key, names in groups.items():
        if len(names) < 2:
            continue
        first = names[0]
        if key[:1] == b"o":
            same = [n for n in names[1:] if n != first and same_order(facts.coded[first], facts.coded[n])]
        else:
            whole = partition(facts.coded[first])
            same = [n for n in names[1:] if n != first and np.array_equal(whole, partition(facts.coded[n]))]
        names = [first, *dict.fromkeys(same)]
        if len(names) < 2 or frozenset(names) in told:
            continue
        told.add(frozenset(names))
        drop = _worse(table, names)
        out.append(finding("duplicate-columns", "warn", f"{' and '.join(q(n) for n in names[:3])} say the same", f"{len(names)} columns split the rows in exactly the same way.", place="=".join(names[:4]), columns=names, harm=0.1, remedies=[remedy("drop-column", recommended=True, columns=drop), remedy("accept")]))
    return out


def _worse(table: CheckTable, names: list[str]) -> list[str]:
    """The columns to leave out: a number is kept before text, the first before the later."""
    ranked = sorted(names, key=lambda n: (table.facts.is_level.get(n, True), names.index(n)))
    return [n for n in names if n != ranked[0]]


@check("correlated-columns", source="T19", cost="pairs", rows=20_000)
def correlated_columns(table: CheckTable) -> list[Finding]:
    """Number columns with |Spearman| >= 0.95, category columns with Cramer's V >= 0.95."""
    from scipy.stats import rankdata

    facts, out = table.facts, []
    numbers = [c for c in facts.coded if not facts.is_level[c] and facts.distinct(c) > 2][:300]
    rows = slice(0, 20_000)
    if len(numbers) >= 2:
        ranks = np.stack([rankdata(np.nan_to_num(facts.coded[c][rows], nan=np.nanmedian(facts.coded[c][rows]) if np.isfinite(facts.coded[c][rows]).any() else 0.0)) for c in numbers])
        with np.errstate(invalid="ignore", divide="ignore"):
            matrix = np.corrcoef(ranks)
        for i, j in np.argwhere(np.triu(np.abs(np.nan_to_num(matrix)) >= 0.95, 1)):
            out.append(_pair(numbers[i], numbers[j], f"Spearman correlation {matrix[i, j]:.3f}", abs(float(matrix[i, j]))))
    levels = [c for c in facts.coded if facts.is_level[c] and 2 <= facts.distinct(c) <= 100][:40]
    codes = {c: partition(facts.coded[c][rows]) for c in levels}
    for a, first in enumerate(levels):
        for second in levels[a + 1 :]:
            v = _cramer(codes[first], codes[second])
            if v >= 0.95:
                out.append(_pair(first, second, f"Cramer's V {v:.3f}", v))
    out.sort(key=lambda f: -f.numbers["strength"])
    return out[:20]


def _pair(a: str, b: str, seen: str, strength: float) -> Finding:
    return finding("correlated-columns", "info", f"{q(a)} and {q(b)} carry almost the same information", f"{seen}.", place=f"{a}~{b}", columns=[a, b], numbers={"strength": strength}, remedies=[remedy("drop-column", columns=[b]), remedy("accept", recommended=True)])


def _cramer(a: np.ndarray, b: np.ndarray) -> float:
    width = int(b.max()) + 1
    counts = np.bincount(a * width + b, minlength=(int(a.max()) + 1) * width).reshape(-1, width).astype(float)
    n, smaller = counts.sum(), min(counts.shape) - 1
    if smaller < 1 or n == 0:
        return 0.0
    expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / n
    chi2 = ((counts - expected) ** 2 / np.maximum(expected, 1e-12)).sum()
    return float(np.sqrt(chi2 / (n * smaller)))


@check("dimensionality", source="T28, D10", cost="model", rows=20_000)
def dimensionality(table: CheckTable) -> list[Finding]:
    """How many principal components hold 90, 95 and 99 % of the variance of the number columns (train rows), and what a linear model loses or gains."""
    facts = table.facts
    numbers = [c for c in facts.coded if not facts.is_level[c] and facts.distinct(c) > 2]
    if len(numbers) < 8:
        raise Skip("fewer than 8 number columns")
    inside = np.isin(facts.leak_rows, table.train) if table.train is not None and len(table.train) else np.ones(len(facts.leak_rows), bool)
    matrix = np.stack([facts.coded[c][inside] for c in numbers], 1)
    matrix = np.where(np.isnan(matrix), np.nanmean(np.where(np.isnan(matrix).all(0), 0.0, matrix), axis=0), matrix)
    spread = matrix.std(0)
    matrix = (matrix - matrix.mean(0))[:, spread > 0] / spread[spread > 0]
    if matrix.shape[1] < 8 or len(matrix) < 20:
        raise Skip("too few varying number columns")
    # Rows and columns share their non-zero eigenvalues: the smaller of the two products is enough.
    product = matrix @ matrix.T if len(matrix) < matrix.shape[1] else matrix.T @ matrix
    values = np.clip(np.linalg.eigvalsh(product)[::-1], 0, None)
    kept = np.cumsum(values) / values.sum()
    need = {p: int(np.searchsorted(kept, p) + 1) for p in (0.90, 0.95, 0.99)}
    # Fewer rows than columns span no more directions than rows: that alone is no redundancy.
    if need[0.95] > 0.5 * min(matrix.shape[1], len(matrix) - 1):
        return []
    seen = reduced.effect(table, matrix, facts.leak_rows[inside])
    numbers = {"components": {str(k): v for k, v in need.items()}, "columns": matrix.shape[1], "metric": reduced.metric_of(table), "effect": seen or []}
    effect = reduced.told(reduced.metric_of(table), seen) if seen else ""
    return [finding("dimensionality", "info", f"{need[0.95]} principal components hold 95 % of the variance of {matrix.shape[1]} number columns", f"90 %: {need[0.90]}, 99 %: {need[0.99]} components; {percent(1 - float(kept[need[0.95] - 1]))} would be lost at 95 %.{effect}", numbers=numbers, remedies=[remedy("pca", share=0.95), remedy("accept", recommended=True)])]
