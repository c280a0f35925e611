"""Are probabilities what they say: reliability bins, ECE with its noise floor, temperature scaling (E06)."""

from dataclasses import dataclass

import numpy as np

from phasewise.stats.predictions import Predictions, encode


@dataclass(frozen=True, kw_only=True)
class Bin:
    """One bin of the reliability curve: rows, mean confidence, share right."""

    rows: int
    confidence: float
    accuracy: float


def _confidence(y: np.ndarray, predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    truth = encode(y, predictions.classes)
    return predictions.proba.max(axis=1), (predictions.labels() == truth).astype(float)


def reliability(y: np.ndarray, predictions: Predictions, bins: int = 15) -> list[Bin]:
    """Equal-width bins of the largest probability; empty bins are left out."""
    confidence, right = _confidence(y, predictions)
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        Bin(rows=int((at == b).sum()), confidence=float(confidence[at == b].mean()), accuracy=float(right[at == b].mean()))
        for b in range(bins) if (at == b).any()
    ]


def _ece(confidence: np.ndarray, right: np.ndarray, bins: int) -> float:
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(at, weights=right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(confidence))


def ece(y: np.ndarray, predictions: Predictions, bins: int = 15) -> float:
    """Expected calibration error of the largest probability (Guo et al. 2017), equal-width bins."""
    return _ece(*_confidence(y, predictions), bins)


def ece_floor(predictions: Predictions, bins: int = 15, *, share: float = 0.95, times: int = 300, seed: int = 0) -> float:
    """What a perfectly calibrated model with the same confidences shows by chance: its `share` quantile (parametric bootstrap)."""
    rng = np.random.default_rng(seed)
    confidence = predictions.proba.max(axis=1)
    draws = [_ece(confidence, (rng.random(len(confidence)) < confidence).astype(float), bins) for _ in range(times)]
    return float(np.quantile(draws, share))


def tempered(predictions: Predictions, temperature: float) -> Predictions:
    """Probabilities p^(1/T), renormalised: the logits divided by T."""
    logits = np.log(np.clip(predictions.proba, 1e-12, 1)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    raised = np.exp(logits)
    return Predictions(task=predictions.task, classes=predictions.classes, proba=raised / raised.sum(axis=1, keepdims=True))


def temperature(y: np.ndarray, predictions: Predictions) -> float:
    """The temperature in [0.05, 20] with the least log loss on these rows (Guo et al. 2017); fit on validation only."""
    from scipy.optimize import minimize_scalar

    truth = encode(y, predictions.classes)
    rows = np.arange(len(truth))
    logits = np.log(np.clip(predictions.proba, 1e-12, 1))

    def loss(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        top = scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled - top).sum(axis=1)) + top[:, 0] - scaled[rows, truth]).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The calibration picture of one model on one part."""

    bins: list[Bin]
    ece: float
    floor: float
    """The 95th percentile of ECE under perfect calibration on as many rows."""
    miscalibrated: bool
    temperature: float
    ece_after: float


def calibration(y: np.ndarray, predictions: Predictions, *, bins: int = 15, seed: int = 0) -> Calibration:
    """Reliability, ECE against its floor, and what temperature scaling would make of it (judged by two-fold cross-fitting)."""
    seen, floor = ece(y, predictions, bins), ece_floor(predictions, bins, seed=seed)
    rng = np.random.default_rng(seed)
    half = rng.permutation(len(predictions)) % 2 == 0
    truth = encode(y, predictions.classes)
    after = np.empty_like(predictions.proba, dtype=float)
    for part in (half, ~half):
        if part.any() and (~part).any():
            after[part] = tempered(predictions.take(part), temperature(truth[~part], predictions.take(~part))).proba
        else:
            after[part] = predictions.proba[part]
    crossed = Predictions(task=predictions.task, classes=predictions.classes, proba=after)
    return Calibration(
        bins=reliability(y, predictions, bins), ece=seen, floor=floor, miscalibrated=seen > floor,
        temperature=temperature(truth, predictions), ece_after=ece(y, crossed, bins),
    )
