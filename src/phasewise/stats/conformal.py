"""Prediction sets with a promised coverage from held-out rows (split conformal; Vovk et al. 2005)."""

import math

import numpy as np

from phasewise.stats.predictions import Predictions, encode


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
    """Membership [n, k] of classes in each row's prediction set."""
    return predictions.proba >= 1 - limit


def ends(predictions: Predictions, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends [n] of each row's prediction interval (regression)."""
    return predictions.values - limit, predictions.values + limit
