"""Baselines on the same rows and folds as the networks; every preparation is fitted inside its own training rows (G02)."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from phasewise.kinds.tabular import preparing as preparations
from phasewise.kinds.tabular.development import Development
from phasewise.kinds.tabular.estimators import ALIASES, BASELINES, Baseline, matrix
from phasewise.kinds.tabular.preparing import Preparing
from phasewise.records.errors import UsageError
from phasewise.records.jobs import DataView
from phasewise.stats.predictions import Predictions

NAMES = tuple(BASELINES)


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted baseline: out-of-fold or holdout predictions on `rows`, and the model that is kept.

    `rows` [m] are positions in the development table; `fold` [m] the fold each was predicted in (0 for a holdout). The kept
    model learned from the training rows, or from all development rows under cross-validation.
    """

    name: str
    family: str
    estimator: Any
    preparing: Preparing
    matrix: str
    rows: np.ndarray
    fold: np.ndarray
    predictions: Predictions
    train_predictions: Predictions
    train_rows: np.ndarray
    seconds: float
    notes: list[str] = field(default_factory=list)


def known(name: str) -> Baseline:
    """The baseline of a name; a `UsageError` lists the names."""
    found = BASELINES.get(ALIASES.get(name, name))
    if found is None:
        raise UsageError(f"unknown baseline {name!r}", "", f"Valid: {', '.join(NAMES)}.")
    return found


def why_skipped(name: str, dev: Development) -> str:
    """Why a baseline is left out on these rows, or an empty string."""
    return known(name).skip(len(dev.rounds()[0][0]))


def fit(name: str, dev: Development, view: DataView, seed: int = 0, threads: int = 1) -> Fitted:
    """One baseline, per fold or on the holdout; deterministic for a seed."""
    chosen = known(name)
    began = time.perf_counter()
    notes: list[str] = []
    options = {k: v for k, v in view.options.items() if k in ("features",)}
    places, folds, parts = [], [], []
    kept: tuple[Any, Preparing, np.ndarray] | None = None
    for fold, (train, validation) in enumerate(dev.rounds()):
        estimator, prepared, used = _learn(chosen, dev, view, options, train, seed, threads)
        parts.append(answer(estimator, matrix(chosen.matrix, prepared, dev.table[validation]), prepared))
        places.append(validation)
        folds.append(np.full(len(validation), fold))
        kept = (estimator, prepared, used)
    if dev.folds is not None:
        kept = _learn(chosen, dev, view, options, np.arange(dev.table.height), seed, threads)
    assert kept is not None
    estimator, prepared, used = kept
    if len(used) < (len(dev.train) if dev.folds is None else dev.table.height):
        notes.append(f"learned from a sample of {len(used):,} rows")
    look = used[:: max(len(used) // 5000, 1)]
    seen = answer(estimator, matrix(chosen.matrix, prepared, dev.table[look]), prepared)
    return Fitted(
        name=chosen.name, family=chosen.family, estimator=estimator, preparing=prepared, matrix=chosen.matrix, rows=np.concatenate(places), fold=np.concatenate(folds),
        predictions=joined(parts), train_predictions=seen, train_rows=look, seconds=time.perf_counter() - began, notes=notes,
    )


def _learn(chosen: Baseline, dev: Development, view: DataView, options: dict[str, Any], rows: np.ndarray, seed: int, threads: int) -> tuple[Any, Preparing, np.ndarray]:
    prepared = preparations.fit(dev, rows, view, options)
    used = _sampled(rows, dev, chosen.max_rows, seed)
    estimator = chosen.make(prepared, dev.task, seed, threads)
    estimator.fit(matrix(chosen.matrix, prepared, dev.table[used]), dev.y[used])
    return estimator, prepared, used


def _sampled(rows: np.ndarray, dev: Development, most: int | None, seed: int) -> np.ndarray:
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


def answer(estimator: Any, x: np.ndarray, prepared: Preparing) -> Predictions:
    """What a scikit-learn model says about a matrix; a class absent from its training rows gets probability 0."""
    target = prepared.target
    if target.task == "regression":
        return Predictions(task="regression", values=np.asarray(estimator.predict(x), np.float64))
    raw = np.asarray(estimator.predict_proba(x), np.float64)
    seen = np.asarray(getattr(estimator, "classes_", np.arange(len(target.classes))), np.int64)
    proba = np.zeros((len(raw), len(target.classes)))
    proba[:, seen] = raw
    return Predictions(task=target.task, classes=tuple(target.classes), proba=proba)


def joined(parts: list[Predictions]) -> Predictions:
    """Predictions of several sets of rows one after another."""
    first = parts[0]
    return Predictions(
        task=first.task, classes=first.classes, proba=None if first.proba is None else np.concatenate([p.proba for p in parts]),
        values=None if first.values is None else np.concatenate([p.values for p in parts]),
    )
