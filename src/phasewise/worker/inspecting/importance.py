"""Permutation importance on validation rows: what the metric loses when one column is shuffled (R16)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from phasewise.records.metrics import metric
from phasewise.records.text import safe_text
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import score, statistic

Z95 = 1.959963984540054
RESAMPLES = 80
"""Bootstrap samples of rows behind the standard error of a drop; its own error is then 8 %."""


def permutation_importance(
    metric_id: str, y: np.ndarray, base: Predictions, columns: Sequence[str], predict: Callable[[str, np.ndarray], Predictions], *,
    repeats: int = 5, least: int = 2, seed: int = 0, tick: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Drop per column, largest first: mean over shuffles, 95 % interval from rows and shuffles together, `keep` when it excludes 0.

    `predict(column, order)` gives predictions with the column's values re-ordered by `order` [n]; the drop is positive when shuffling hurts.
    A column whose interval is far from 0 after `least` shuffles, or that changes no prediction at all, is shuffled no further.
    """
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(base)) for _ in range(repeats)]
    weights = rng.multinomial(len(base), np.full(len(base), 1 / len(base)), size=RESAMPLES).astype(float)
    out = []
    for i, column in enumerate(columns):
        drops, row_se, mean, half = [], 0.0, 0.0, 0.0
        for k, order in enumerate(orders):
            shuffled = predict(column, order)
            if k == 0 and _same(base, shuffled):
                drops = [0.0]
                break
            drops.append(_gap(metric_id, y, base, shuffled))
            if k == 0:
                row_se = _row_error(metric_id, y, base, shuffled, weights)
            mean = float(np.mean(drops))
            between = np.var(drops, ddof=1) / len(drops) if len(drops) > 1 else 0.0
            half = Z95 * float(np.sqrt(row_se**2 + between))
            if k + 1 >= least and abs(mean) > 2 * half:
                break
        out.append({"column": safe_text(column, 80), "drop": mean, "low": mean - half, "high": mean + half, "keep": bool(mean - half > 0)})
        if tick is not None:
            tick(i + 1, len(columns))
    return sorted(out, key=lambda d: -d["drop"])


def _gap(metric_id: str, y: np.ndarray, base: Predictions, shuffled: Predictions) -> float:
    """What shuffling cost, in the direction of better."""
    sign = 1 if metric(metric_id).maximize else -1
    return float(sign * (score(metric_id, y, base) - score(metric_id, y, shuffled)))


def _row_error(metric_id: str, y: np.ndarray, base: Predictions, shuffled: Predictions, weights: np.ndarray) -> float:
    """Standard error of the drop over rows; both predictions are weighted alike, so it is that of the difference."""
    gaps = statistic(metric_id, y, base).values(weights) - statistic(metric_id, y, shuffled).values(weights)
    gaps = gaps[np.isfinite(gaps)]
    return float(gaps.std(ddof=1)) if len(gaps) > 2 else 0.0


def _same(a: Predictions, b: Predictions) -> bool:
    return bool(np.array_equal(a.values, b.values) if a.proba is None else np.array_equal(a.proba, b.proba))
