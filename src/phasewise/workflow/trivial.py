"""What a constant reaches on each metric, from class counts or target spread alone (G03)."""

import math
from typing import Any

from phasewise.records.metrics import METRICS


def constant_value(metric: str, profile: Any) -> float | None:
    """The value a constant prediction reaches, or None where the profile cannot tell."""
    if profile is None or metric not in METRICS:
        return None
    if profile.task == "regression":
        return _regression(metric, profile)
    counts = [b.count for b in profile.classes if b.count > 0]
    total = sum(counts)
    if not total or len(counts) < 2:
        return None
    shares = [c / total for c in counts]
    most = max(shares)
    f1 = 2 * most / (1 + most)
    values = {
        "accuracy": most,
        "balanced_accuracy": 1 / len(shares),
        "f1_macro": f1 / len(shares),
        "f1_weighted": most * f1,
        "roc_auc": 0.5,
        "average_precision": min(shares) if len(shares) == 2 else 1 / len(shares),
        "log_loss": -sum(s * math.log(s) for s in shares),
        "brier": shares[0] * shares[1] if len(shares) == 2 else sum(s * (1 - s) for s in shares),
    }
    return values.get(metric)


def _regression(metric: str, profile: Any) -> float | None:
    column = next((c for c in profile.columns if c.name == profile.target), None)
    if metric == "r2":
        return 0.0
    if column is None or column.std is None:
        return None
    if metric == "rmse":
        return column.std
    if metric == "mae" and len(column.quantiles) == 5:
        # Mean absolute deviation of a symmetric bell from its quartiles: (q75 - q25) / 1.349 * 0.798.
        return (column.quantiles[3] - column.quantiles[1]) * 0.5916
    return None


def perfect_value(metric: str) -> float:
    """The best value a metric can take."""
    return 1.0 if METRICS[metric].maximize else 0.0


def between(metric: str, profile: Any, share: float) -> float | None:
    """The value `share` of the way from a constant to perfect, rounded to what a person would write."""
    start = constant_value(metric, profile)
    if start is None:
        return None
    return _round(start + share * (perfect_value(metric) - start))


def _round(value: float) -> float:
    if value == 0 or not math.isfinite(value):
        return value
    digits = 2 if abs(value) < 1 else max(0, 2 - int(math.floor(math.log10(abs(value)))))
    return round(value, digits) if round(value, digits) != 0 else float(f"{value:.2g}")
