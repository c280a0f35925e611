"""Permutation importance on validation rows: what the metric loses when one column is shuffled (R16)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from phasewise.records.text import safe_text
from phasewise.stats.paired import difference
from phasewise.stats.predictions import Predictions

Z95 = 1.959963984540054


def permutation_importance(
    metric_id: str, y: np.ndarray, base: Predictions, columns: Sequence[str], predict: Callable[[str, np.ndarray], Predictions], *,
    repeats: int = 5, seed: int = 0, tick: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Drop per column, largest first: mean over shuffles, 95 % interval from rows and shuffles together, `keep` when it excludes 0.

    `predict(column, order)` gives predictions with the column's values re-ordered by `order` [n]; the drop is positive when shuffling hurts.
    """
    rng = np.random.default_rng(seed)
    n = len(base)
    out = []
    for i, column in enumerate(columns):
        drops, row_se = [], 0.0
        for k in range(repeats):
            shuffled = predict(column, rng.permutation(n))
            if k == 0:
                found = difference(metric_id, y, base, shuffled, resamples=400)
                drops.append(found.value)
                row_se = (found.high - found.low) / (2 * Z95) if np.isfinite(found.high - found.low) else 0.0
            else:
                drops.append(difference(metric_id, y, base, shuffled, resamples=2).value)
        mean = float(np.mean(drops))
        half = Z95 * float(np.sqrt(row_se**2 + np.var(drops, ddof=1) / repeats)) if repeats > 1 else Z95 * row_se
        out.append({"column": safe_text(column, 80), "drop": mean, "low": mean - half, "high": mean + half, "keep": bool(mean - half > 0)})
        if tick is not None:
            tick(i + 1, len(columns))
    return sorted(out, key=lambda d: -d["drop"])
