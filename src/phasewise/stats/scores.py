"""Metric values; every id of `records.metrics.METRICS`, equal to scikit-learn's function of that name (G04)."""

from dataclasses import dataclass, field

import numpy as np

from phasewise.records.errors import UsageError
from phasewise.records.metrics import METRICS, metric
from phasewise.stats.predictions import Predictions, encode
from phasewise.stats.statistic import Additive, Cells, Ranked, Statistic

_EPS = float(np.finfo(np.float64).eps)


def _confusion(metric_id: str, k: int):
    """A function of confusion counts [b, k*k] (row = truth)."""

    def value(counts: np.ndarray) -> np.ndarray:
        matrix = counts.reshape(len(counts), k, k)
        right = np.einsum("bii->bi", matrix)
        truth, said = matrix.sum(axis=2), matrix.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            if metric_id == "accuracy":
                return right.sum(axis=1) / truth.sum(axis=1)
            if metric_id == "balanced_accuracy":
                recall = np.where(truth > 0, right / truth, 0.0)
                return recall.sum(axis=1) / (truth > 0).sum(axis=1)
            either = truth + said
            f1 = np.where(either > 0, 2 * right / either, 0.0)
            if metric_id == "f1_weighted":
                return (f1 * truth).sum(axis=1) / truth.sum(axis=1)
            return f1.sum(axis=1) / (either > 0).sum(axis=1)

    return value


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[:, 0] / sums[:, 1]


def row_losses(metric_id: str, y: np.ndarray, predictions: Predictions, *, threshold: float | None = None) -> np.ndarray:
    """Loss of each row [n] behind a metric: 0/1 errors for label metrics, log loss, squared or absolute errors else."""
    if predictions.task == "regression":
        error = np.asarray(y, float) - predictions.values
        return error**2 if metric_id in ("rmse", "r2") else np.abs(error)
    truth = encode(y, predictions.classes)
    if metric_id in ("log_loss", "roc_auc", "average_precision"):
        chosen = predictions.proba[np.arange(len(truth)), truth].astype(float)
        return -np.log(np.clip(chosen, _EPS, 1 - _EPS))
    if metric_id == "brier":
        hot = np.eye(predictions.proba.shape[1])[truth]
        squared = ((predictions.proba - hot) ** 2).sum(axis=1)
        return squared / 2 if predictions.proba.shape[1] == 2 else squared
    return (predictions.labels(threshold) != truth).astype(float)


def statistic(
    metric_id: str, y: np.ndarray, predictions: Predictions, *, threshold: float | None = None, scale: float | None = None
) -> Statistic:
    """The metric of these rows as a function of row weights.

    `y` [n] holds class indices (or names) or values; `scale` is MASE's naive error on the training rows
    (Hyndman & Koehler 2006; without it the one-step naive error of `y` itself).
    """
    found = metric(metric_id)
    if predictions.task not in found.tasks:
        raise UsageError(f"{found.title} is not a metric of a {predictions.task} task", "", f"Choose one of {', '.join(m for m in METRICS if predictions.task in METRICS[m].tasks)}.")
    ones = np.ones(len(predictions))
    if predictions.task == "regression":
        truth = np.asarray(y, float)
        error = truth - np.asarray(predictions.values, float)
        if metric_id == "rmse":
            return Additive(parts=np.stack([error**2, ones], 1), function=lambda s: np.sqrt(s[:, 0] / s[:, 1]))
        if metric_id == "r2":
            # Sums about the mean keep the digits that y**2 would lose.
            middle = truth - truth.mean()
            return Additive(parts=np.stack([error**2, middle**2, middle, ones], 1), function=_r2)
        losses = np.abs(error)
        if metric_id == "mape":
            losses = losses / np.maximum(np.abs(truth), _EPS)
        if metric_id == "mase":
            naive = scale if scale is not None else float(np.abs(np.diff(truth)).mean()) if len(truth) > 1 else np.nan
            losses = losses / naive if naive else losses * np.nan
        return Additive(parts=np.stack([losses, ones], 1), function=_mean)
    truth = encode(y, predictions.classes)
    k = predictions.proba.shape[1]
    if found.needs == "labels":
        return Cells(ids=truth * k + predictions.labels(threshold), count=k * k, function=_confusion(metric_id, k))
    if metric_id in ("roc_auc", "average_precision"):
        if k == 2:
            hot, scores = (truth == 1).astype(float)[:, None], predictions.proba[:, 1:2]
        else:
            hot, scores = np.eye(k)[truth], predictions.proba
        return Ranked(truth=hot, scores=np.asarray(scores, float), precision=metric_id == "average_precision")
    losses = row_losses(metric_id, truth, predictions)
    return Additive(parts=np.stack([losses, ones], 1), function=_mean)


def _r2(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = sums[:, 1] - sums[:, 2] ** 2 / sums[:, 3]
        perfect = np.where(sums[:, 0] == 0, 1.0, 0.0)
        return np.where(spread > 0, 1 - sums[:, 0] / np.where(spread > 0, spread, 1), perfect)


def score(
    metric_id: str, y: np.ndarray, predictions: Predictions, weights: np.ndarray | None = None, *,
    threshold: float | None = None, scale: float | None = None,
) -> float:
    """The metric's value; `weights` [n] as scikit-learn's `sample_weight`; nan where it is undefined.

    Macro averages of ROC AUC and average precision go over the classes that occur.
    """
    used = np.ones(len(predictions)) if weights is None else np.asarray(weights, float)
    return float(statistic(metric_id, y, predictions, threshold=threshold, scale=scale).values(used[None])[0])


def all_scores(
    y: np.ndarray, predictions: Predictions, weights: np.ndarray | None = None, *, threshold: float | None = None,
    scale: float | None = None,
) -> dict[str, float]:
    """Every metric of the task that is defined on these rows."""
    out = {}
    for m in METRICS.values():
        if predictions.task not in m.tasks or (m.id == "mase" and scale is None):
            continue
        value = score(m.id, y, predictions, weights, threshold=threshold, scale=scale)
        if np.isfinite(value):
            out[m.id] = value
    return out


@dataclass(kw_only=True)
class Accumulator:
    """Batches in, the one-shot value out (a mean of batch means is not it)."""

    metric_id: str
    truths: list[np.ndarray] = field(default_factory=list)
    batches: list[Predictions] = field(default_factory=list)

    def update(self, y: np.ndarray, predictions: Predictions) -> None:
        """Adds one batch of any size."""
        self.truths.append(np.asarray(y))
        self.batches.append(predictions)

    def value(self) -> float:
        """The metric over all batches."""
        return score(self.metric_id, np.concatenate(self.truths), joined(self.batches))


def joined(batches: list[Predictions]) -> Predictions:
    """Several predictions of one model as one."""
    first = batches[0]
    return Predictions(
        task=first.task,
        classes=first.classes,
        proba=None if first.proba is None else np.concatenate([b.proba for b in batches]),
        values=None if first.values is None else np.concatenate([b.values for b in batches]),
    )
