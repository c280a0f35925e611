"""Rows to look at by eye: worst, best, least sure, random; ids lead back to the raw rows (V05)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from phasewise.records.text import safe_text
from phasewise.stats.predictions import Predictions, encode
from phasewise.stats.scores import row_losses

SAMPLE = 100
"""Mistakes to look at by hand (ML Yearning, ch. 14)."""


def mistakes(y: np.ndarray, predictions: Predictions, losses: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """Positions of wrong predictions; for a regression of the fifth of rows with the largest error."""
    if predictions.proba is None:
        return np.argsort(losses, kind="stable")[::-1][: max(1, len(losses) // 5)]
    return np.flatnonzero(predictions.labels(threshold) != encode(y, predictions.classes))


def pick(y: np.ndarray, predictions: Predictions, *, count: int = 8, seed: int = 0, sample: int = SAMPLE, threshold: float | None = None) -> dict[str, np.ndarray]:
    """Positions by kind: `worst` and `best` are argsort of the row loss, `unsure` the smallest margin between the two first classes.

    `errors` is a random sample of the mistakes, the ones to tag: shares counted on the worst cases alone would be biased (V09a).
    """
    losses = row_losses("log_loss" if predictions.task != "regression" else "mae", y, predictions)
    order = np.argsort(losses, kind="stable")
    rng = np.random.default_rng(seed)
    out = {"worst": order[::-1][:count], "best": order[:count], "random": rng.permutation(len(losses))[:count]}
    out["errors"] = rng.permutation(mistakes(y, predictions, losses, threshold))[:sample]
    if predictions.proba is not None:
        top = np.sort(predictions.proba, axis=1)
        out["unsure"] = np.argsort(top[:, -1] - top[:, -2], kind="stable")[:count]
    return out


def rows(y: np.ndarray, predictions: Predictions, ids: np.ndarray, show: Callable[[int], Sequence[str]], *, count: int = 8, seed: int = 0, sample: int = SAMPLE, threshold: float | None = None) -> dict[str, list[dict[str, Any]]]:
    """The gallery as plain data; `ids` [n] are row numbers of the development table and `show(id)` its values as text."""
    losses = row_losses("log_loss" if predictions.task != "regression" else "mae", y, predictions)
    truth = encode(y, predictions.classes) if predictions.proba is not None else np.asarray(y, float)
    said = predictions.labels(threshold) if predictions.proba is not None else predictions.values
    out: dict[str, list[dict[str, Any]]] = {}
    for name, positions in pick(y, predictions, count=count, seed=seed, sample=sample, threshold=threshold).items():
        out[name] = []
        for i in positions:
            i = int(i)
            item: dict[str, Any] = {"row": int(ids[i]), "loss": float(losses[i]), "shown": [safe_text(s, 120) for s in show(int(ids[i]))]}
            if predictions.proba is not None:
                item |= {"truth": safe_text(predictions.classes[truth[i]], 60), "prediction": safe_text(predictions.classes[said[i]], 60), "confidence": float(predictions.proba[i].max())}
            else:
                item |= {"truth": float(truth[i]), "prediction": float(said[i])}
            out[name].append(item)
    return out
