"""Decision thresholds of binary models, where the metric depends on one: chosen on validation, scored as if they were not (cross-fitted)."""

import numpy as np

from phasewise.records.results import Score
from phasewise.stats.intervals import judged
from phasewise.stats.predictions import Predictions, encode

TUNED = ("balanced_accuracy", "f1_macro", "f1_weighted")
"""Metrics whose best threshold lies far from 0.5 on uneven classes; accuracy's lies at 0.5 for honest probabilities."""


def tuned(metric_id: str, predictions: Predictions) -> bool:
    """Whether a threshold is chosen for this metric and task."""
    return predictions.task == "binary" and metric_id in TUNED and predictions.proba is not None and predictions.proba.shape[1] == 2


def _values(metric_id: str, tp: np.ndarray, fp: np.ndarray, positives: float, negatives: float) -> np.ndarray:
    """The metric for cumulative counts of rows called positive."""
    fn, tn = positives - tp, negatives - fp
    if metric_id == "balanced_accuracy":
        return (tp / positives + tn / negatives) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = np.where(2 * tp + fp + fn > 0, 2 * tp / (2 * tp + fp + fn), 0.0)
        f0 = np.where(2 * tn + fp + fn > 0, 2 * tn / (2 * tn + fp + fn), 0.0)
    share = 0.5 if metric_id == "f1_macro" else positives / (positives + negatives)
    return share * f1 + (1 - share) * f0


def best_threshold(metric_id: str, y: np.ndarray, positive: np.ndarray) -> float:
    """The threshold on `positive` [n] (probability of class 1) that is best on these rows; half-way between neighbouring scores, 0.5 with one class."""
    truth = np.asarray(y) == 1
    positives, negatives = float(truth.sum()), float((~truth).sum())
    if positives == 0 or negatives == 0:
        return 0.5
    order = np.argsort(-positive, kind="stable")
    ranked = positive[order]
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    values = _values(metric_id, np.cumsum(truth[order])[ends], np.cumsum(~truth[order])[ends], positives, negatives)
    # Flat tops are common on few rows: the middle of the best stretch generalises better than its end.
    best = np.flatnonzero(values >= values.max() - 1e-12)
    at = int(best[len(best) // 2])
    upper = ranked[ends[at]]
    lower = ranked[ends[at] + 1] if ends[at] + 1 < len(ranked) else 0.0
    return float((upper + lower) / 2)


def shifted(predictions: Predictions, thresholds: np.ndarray | float) -> Predictions:
    """Probabilities with their odds moved so that the threshold becomes 0.5 (the order of rows under one threshold stays)."""
    t = np.clip(np.broadcast_to(np.asarray(thresholds, float), (len(predictions),)), 1e-9, 1 - 1e-9)
    positive = predictions.proba[:, 1]
    raised = positive * (1 - t)
    moved = raised / (raised + (1 - positive) * t)
    # Exactly at the threshold means positive; argmax would say class 0 at a tie.
    moved = np.where(positive >= t, np.maximum(moved, 0.5 + 1e-9), np.minimum(moved, 0.5 - 1e-9))
    return Predictions(task=predictions.task, classes=predictions.classes, proba=np.stack([1 - moved, moved], axis=1))


def crossfitted(metric_id: str, y: np.ndarray, predictions: Predictions, seed: int = 0) -> Predictions:
    """Predictions whose rows are decided by a threshold chosen on the other half; unchanged where no threshold is chosen."""
    if not tuned(metric_id, predictions) or len(predictions) < 20:
        return predictions
    truth = encode(y, predictions.classes)
    half = np.random.default_rng(seed).permutation(len(truth)) % 2 == 0
    at = np.empty(len(truth))
    for fit_on, use_on in ((half, ~half), (~half, half)):
        at[use_on] = best_threshold(metric_id, truth[fit_on], predictions.proba[fit_on, 1])
    return shifted(predictions, at)


def decided(metric_id: str, y: np.ndarray, predictions: Predictions, groups: np.ndarray | None = None, *, level: float = 0.95, seed: int = 0) -> tuple[Score, float | None]:
    """The score with interval, and the threshold that ships (chosen on all rows), or None where none is chosen."""
    if not tuned(metric_id, predictions) or len(predictions) < 20:
        return judged(metric_id, y, predictions, groups, level=level, seed=seed), None
    found = judged(metric_id, y, crossfitted(metric_id, y, predictions, seed), groups, level=level, seed=seed)
    chosen = best_threshold(metric_id, encode(y, predictions.classes), predictions.proba[:, 1])
    return found.model_copy(update={"method": f"{found.method}, cross-fitted threshold"}), chosen
