"""Looking at one model from many sides: slices, gallery, importance, learning curve, threshold (V04-V09, R16, D16)."""

from typing import Any

import numpy as np

from phasewise.records.text import safe_text
from phasewise.stats.calibration import calibration
from phasewise.stats.predictions import Predictions, encode


def columns_of(table: Any, dev: Any, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Input columns as arrays [n] for slicing: a table's features, or what an image set offers as `properties()`."""
    if hasattr(table, "properties"):
        found = {k: np.asarray(v) for k, v in table.properties().items()}
        return found if rows is None else {k: v[rows] for k, v in found.items()}
    out = {}
    for name in getattr(dev, "slicing", None) or getattr(dev, "features", []):
        if name not in table.columns:
            continue
        series = table[name] if rows is None else table[name][rows]
        if series.dtype.is_temporal():
            series = series.dt.year()
        out[name] = series.to_numpy() if series.dtype.is_numeric() else np.array(series.cast(str).to_list(), dtype=object)
    return out


def confusion(y: np.ndarray, predictions: Predictions, threshold: float | None = None, most: int = 30) -> dict[str, Any]:
    """`labels` and `counts` (row = truth); the classes beyond `most` by frequency are left out and said in `note`."""
    if predictions.proba is None:
        return {}
    truth, said = encode(y, predictions.classes), predictions.labels(threshold)
    k = len(predictions.classes)
    counts = np.bincount(truth * k + said, minlength=k * k).reshape(k, k)
    kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:most])
    out = {"labels": [safe_text(predictions.classes[i], 40) for i in kept], "counts": counts[np.ix_(kept, kept)].tolist()}
    if k > most:
        out["note"] = f"{k - most} rarer classes are left out"
    return out


def calibration_of(y: np.ndarray, predictions: Predictions) -> dict[str, Any]:
    """Reliability bins, ECE with its floor, temperature and what it would change."""
    if predictions.proba is None or len(predictions) < 20:
        return {}
    found = calibration(y, predictions)
    return {
        "bins": [{"mean": b.confidence, "observed": b.accuracy, "rows": b.rows} for b in found.bins], "ece": found.ece, "floor": found.floor,
        "miscalibrated": found.miscalibrated, "temperature": found.temperature, "ece_after": found.ece_after,
    }


def pictures(y: np.ndarray, predictions: Predictions, threshold: float | None = None) -> dict[str, dict[str, Any]]:
    """Confusion and calibration together."""
    return {"confusion": confusion(y, predictions, threshold), "calibration": calibration_of(y, predictions)}
