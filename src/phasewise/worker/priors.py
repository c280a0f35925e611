"""Other shares of classes: estimated from unlabelled rows, and used as weights (D04, D05; Saerens et al. 2002)."""

import numpy as np

from phasewise.stats.predictions import Predictions


def label_shift(y: np.ndarray, held: Predictions, new: Predictions, *, rounds: int = 200) -> dict[str, float]:
    """Class shares of new rows by expectation-maximisation on the model's probabilities; empty for a regression.

    `y` [n] are validation labels whose shares stand for the training prior; probabilities are those of the model on validation and new rows.
    """
    if held.proba is None or new.proba is None:
        return {}
    k = len(held.classes)
    prior = np.bincount(y.astype(int), minlength=k) / max(len(y), 1)
    prior = np.clip(prior, 1e-6, None) / np.clip(prior, 1e-6, None).sum()
    # Probabilities that are off on average would be taken for a shift: the model's own mean on validation is the reference.
    reference = np.clip(held.proba.mean(axis=0), 1e-6, None)
    estimate = prior.copy()
    for _ in range(rounds):
        posterior = new.proba * (estimate / reference)
        posterior /= posterior.sum(axis=1, keepdims=True)
        updated = posterior.mean(axis=0)
        if np.abs(updated - estimate).max() < 1e-8:
            estimate = updated
            break
        estimate = updated
    return {c: float(p) for c, p in zip(held.classes, estimate, strict=True)}


def mix_weights(reference: np.ndarray, new: np.ndarray, task: str) -> np.ndarray:
    """Row weights [n] that give the reference labels the new labels' mix of classes, or of fifths of the value."""
    if task == "regression":
        edges = np.quantile(reference, [0.2, 0.4, 0.6, 0.8])
        a, b = np.searchsorted(edges, reference), np.searchsorted(edges, new)
        k = 5
    else:
        a, b = reference.astype(int), new.astype(int)
        k = int(max(a.max(), b.max())) + 1
    old, now = np.bincount(a, minlength=k) / len(a), np.bincount(b, minlength=k) / len(b)
    ratio = np.divide(now, old, out=np.zeros(k), where=old > 0)
    return ratio[a]
