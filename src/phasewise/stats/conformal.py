"""Prediction sets with a promised coverage from held-out rows (split conformal; Vovk et al. 2005)."""

import math

import numpy as np

from phasewise.stats.predictions import Predictions, encode

LEVEL, LEAST = 0.9, 100
"""Coverage that sets promise, and the held-out rows it takes."""


def quantile(y: np.ndarray, predictions: Predictions, *, level: float = 0.9) -> float:
    """The score below which the truth lies in `level` of new rows: 1 - p(truth) for classes, |error| for values."""
    if predictions.task == "regression":
        scores = np.abs(np.asarray(y, float) - predictions.values)
    else:
        truth = encode(y, predictions.classes)
        scores = 1 - predictions.proba[np.arange(len(truth)), truth]
    rank = math.ceil((len(scores) + 1) * level)
    return float("inf") if rank > len(scores) else float(np.sort(scores)[rank - 1])


def sets(predictions: Predictions, limit: float) -> np.ndarray:
    """Membership [n, k] of classes in each row's prediction set; the likeliest class is always in it, which can only raise the coverage."""
    inside = predictions.proba >= 1 - limit
    inside[np.arange(len(inside)), predictions.proba.argmax(1)] = True
    return inside


def ends(predictions: Predictions, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends [n] of each row's prediction interval (regression)."""
    return predictions.values - limit, predictions.values + limit


def promise(y: np.ndarray, predictions: Predictions) -> dict[str, float] | None:
    """What a model's card keeps for its sets: `level`, `limit`, `rows`; None with fewer than 100 held-out rows, which promise too little."""
    if len(predictions) < LEAST:
        return None
    limit = quantile(y, predictions, level=LEVEL)
    return {"level": LEVEL, "limit": limit, "rows": len(predictions)} if math.isfinite(limit) else None


def covered(y: np.ndarray, predictions: Predictions, limit: float) -> float:
    """Share of rows whose truth lies in their set or interval."""
    if predictions.task == "regression":
        low, high = ends(predictions, limit)
        truth = np.asarray(y, float)
        return float(((truth >= low) & (truth <= high)).mean())
    truth = encode(y, predictions.classes)
    return float(sets(predictions, limit)[np.arange(len(truth)), truth].mean())
