"""Are equal rows copies, or would chance make them? Decided per row, from how common its values are."""

import numpy as np

from phasewise.checks.table import CheckTable

LIMIT = 20_000
"""Repeated rows judged; more are judged on a sample."""


def improbable(table: CheckTable, rows: np.ndarray, columns: list[str]) -> np.ndarray:
    """Mask [m] of rows that chance would not repeat: expected number of equal rows below 1e-3 if columns were independent.

    Values are counted on at most 100,000 rows, equal rows once: copies must not make their own values common. How often a value is met again
    that was met once follows from how many were met twice (Good 1953). Strong dependence between columns makes chance repeats likelier than
    this says, which the small limit allows for.
    """
    sample = table.facts.distinct_rows
    logs = np.full(len(rows), np.log(max(table.rows, 2)))
    for c in columns:
        if c not in sample.columns:
            continue
        counts = sample[c].alias("value").value_counts(name="rows")
        here = table.frame[c][rows].alias("value").to_frame().join(counts, on="value", how="left", nulls_equal=True, maintain_order="left")["rows"]
        once, twice = int((counts["rows"] == 1).sum()), int((counts["rows"] == 2).sum())
        least = max(2 * twice / max(once, 1), 1 / max(once, 1)) if once else 1.0
        again = np.maximum(here.fill_null(1).to_numpy().astype(float) - 1, min(least, 1.0))
        logs += np.log(again / sample.height)
    return logs < np.log(1e-3)


def copied(table: CheckTable, keys: np.ndarray, repeated: np.ndarray) -> int:
    """Rows beyond the first of their key that are copies and no coincidence (estimated on a sample when there are many)."""
    chosen = repeated
    if len(repeated) > LIMIT:
        chosen = np.sort(table.facts.rng(5).choice(repeated, LIMIT, replace=False))
    odd = improbable(table, chosen, table.features)
    share_rows = len(repeated) / len(chosen)
    picked = keys[chosen[odd]]
    kept = len(picked) * share_rows
    return round(kept - len(np.unique(picked)) * (share_rows if share_rows == 1 else 1))
