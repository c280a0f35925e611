"""Scikit-learn baselines over holdout or folds: one loop for every wing (G02)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from phasewise.records.errors import UsageError
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import joined


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted baseline: out-of-fold or holdout predictions on `rows`, and the model that is kept.

    `rows` [m] are positions in the development table; `fold` [m] the fold each was predicted in (0 for a holdout). The kept
    model learned from the training rows, or from all development rows under cross-validation.
    """

    name: str
    family: str
    estimator: Any
    preparing: Any
    matrix: str
    rows: np.ndarray
    fold: np.ndarray
    predictions: Predictions
    train_predictions: Predictions
    train_rows: np.ndarray
    seconds: float
    notes: list[str] = field(default_factory=list)


def named(name: str, baselines: Mapping[str, Any], aliases: Mapping[str, str]) -> Any:
    """The baseline of a name or alias; a `UsageError` lists the names."""
    found = baselines.get(aliases.get(name, name))
    if found is None:
        raise UsageError(f"unknown baseline {name!r}", "", f"Valid: {', '.join(baselines)}.")
    return found


def fit(
    dev: Any, *, name: str, family: str, matrix: str, learn: Callable[[np.ndarray], tuple[Any, Any, np.ndarray]], say: Callable[[Any, Any, np.ndarray], Predictions],
) -> Fitted:
    """One baseline, per fold or on the holdout.

    `learn(rows)` gives estimator, preparation and the rows it used; `say(estimator, preparation, rows)` its predictions.
    """
    began = time.perf_counter()
    notes: list[str] = []
    places, folds, parts = [], [], []
    kept: tuple[Any, Any, np.ndarray] | None = None
    for number, (train, validation) in enumerate(dev.rounds()):
        kept = learn(train)
        parts.append(say(kept[0], kept[1], validation))
        places.append(validation)
        folds.append(np.full(len(validation), number))
    if dev.folds is not None:
        kept = learn(np.arange(len(dev.y)))
    assert kept is not None
    estimator, prepared, used = kept
    if len(used) < (len(dev.train) if dev.folds is None else len(dev.y)):
        notes.append(f"learned from a sample of {len(used):,} rows")
    look = used[:: max(len(used) // 5000, 1)]
    return Fitted(
        name=name, family=family, estimator=estimator, preparing=prepared, matrix=matrix, rows=np.concatenate(places), fold=np.concatenate(folds),
        predictions=joined(parts), train_predictions=say(estimator, prepared, look), train_rows=look, seconds=time.perf_counter() - began, notes=notes,
    )


def sampled(rows: np.ndarray, dev: Any, most: int | None, seed: int) -> np.ndarray:
    """At most `most` rows, every class kept in its share (and at least one row of each)."""
    if most is None or len(rows) <= most:
        return rows
    rng = np.random.default_rng(seed)
    order = rng.permutation(rows)
    if dev.task == "regression":
        return np.sort(order[:most])
    share = most / len(rows)
    picked = [own[: max(1, round(share * len(own)))] for c in range(len(dev.classes)) if len(own := order[dev.y[order] == c])]
    return np.sort(np.concatenate(picked))


def answer(estimator: Any, x: np.ndarray, target: Any) -> Predictions:
    """What a scikit-learn model says about a matrix; a class absent from its training rows gets probability 0."""
    if target.task == "regression":
        return Predictions(task="regression", values=np.asarray(estimator.predict(x), np.float64))
    raw = np.asarray(estimator.predict_proba(x), np.float64)
    seen = np.asarray(getattr(estimator, "classes_", np.arange(len(target.classes))), np.int64)
    proba = np.zeros((len(raw), len(target.classes)))
    proba[:, seen] = raw
    return Predictions(task=target.task, classes=tuple(target.classes), proba=proba)
