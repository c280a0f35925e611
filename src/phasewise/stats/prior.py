"""Class shares: correct probabilities to the real ones, and estimate the shares of unlabelled rows (D04, check D05)."""

from collections.abc import Sequence

import numpy as np

from phasewise.stats.predictions import Predictions


def corrected(predictions: Predictions, train: Sequence[float], real: Sequence[float]) -> Predictions:
    """Probabilities for real class shares [k] of a model trained at shares `train` [k]: p * real / train, renormalised (Elkan 2001)."""
    train, real = np.asarray(train, float), np.asarray(real, float)
    ratio = np.divide(real, train, out=np.zeros_like(real), where=train > 0)
    raised = predictions.proba * ratio
    total = raised.sum(axis=1, keepdims=True)
    proba = np.divide(raised, total, out=np.full_like(raised, 1 / len(real)), where=total > 0)
    return Predictions(task=predictions.task, classes=predictions.classes, proba=proba)


def estimated(predictions: Predictions, train: Sequence[float], *, rounds: int = 200, tolerance: float = 1e-6) -> np.ndarray:
    """Class shares [k] of unlabelled rows by expectation maximisation (Saerens et al. 2002); needs calibrated probabilities."""
    train = np.asarray(train, float)
    shares = train.copy()
    for _ in range(rounds):
        new = corrected(predictions, train, shares).proba.mean(axis=0)
        if np.abs(new - shares).max() < tolerance:
            return new
        shares = new
    return shares
