"""A small out-of-fold model, the yardstick of several checks."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Quick:
    """Out-of-fold predictions on `rows` (row numbers of the table), the folds and the mean score over folds.

    `score`: macro one-vs-rest AUC (classes) or R2 (values); `se` its standard error over folds.
    """

    rows: np.ndarray
    y: np.ndarray
    proba: np.ndarray | None
    values: np.ndarray | None
    fold: np.ndarray
    score: float
    se: float
    per_fold: np.ndarray

    @property
    def gini(self) -> float:
        """The score on the leak scale: 2 AUC - 1, or R2."""
        return self.score if self.proba is None else 2 * self.score - 1


def _filled(matrix: np.ndarray) -> np.ndarray:
    """Missing cells below all others, within reach of a float32."""
    return np.clip(np.nan_to_num(matrix, nan=-1e9), -1e30, 1e30)


def folds_of(y: np.ndarray, classes: int, count: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Fold number per row: whole groups where given, else shuffled within classes."""
    rng = np.random.default_rng(seed)
    if groups is not None:
        _, index = np.unique(groups, return_inverse=True)
        return (rng.permutation(int(index.max()) + 1) % count)[index]
    fold = np.empty(len(y), dtype=np.int64)
    parts = [np.flatnonzero(y == c) for c in range(classes)] if classes else [np.arange(len(y))]
    for rows in parts:
        fold[rows] = (rng.permutation(len(rows)) + rng.integers(count)) % count
    return fold


def _forest(n: int, classes: int) -> bool:
    """Few rows or many classes: averaged trees instead of boosting."""
    return n < 700 or classes > 8


def _model(n: int, classes: int, seed: int):
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        ExtraTreesRegressor,
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    if _forest(n, classes):
        kind = ExtraTreesClassifier if classes else ExtraTreesRegressor
        return kind(n_estimators=60, min_samples_leaf=2, random_state=seed, n_jobs=1)
    leaf = 20 if n > 1000 else 5
    # Without damping (XGBoost's lambda) a class of a few rows drives single leaves to certainty.
    shape = dict(max_iter=40, learning_rate=0.15, max_leaf_nodes=15, min_samples_leaf=leaf, l2_regularization=1.0, early_stopping=False, random_state=seed, max_bins=64)
    if classes == 0:
        return HistGradientBoostingRegressor(**shape)
    if classes > 2:
        shape["max_iter"] = 25
    return HistGradientBoostingClassifier(**shape)


def out_of_fold(
    matrix: np.ndarray, y: np.ndarray, classes: int, *, rows: np.ndarray, names: tuple[str, ...] = (), seed: int = 0,
    count: int = 3, groups: np.ndarray | None = None,
) -> Quick:
    """Cross-fitted predictions of a small boosting model on floats [n, d] with nan for missing, one thread."""
    from threadpoolctl import threadpool_limits

    fold = folds_of(y, classes, count, seed, groups)
    # A column that is empty on some fold breaks the binning of the boosting model.
    matrix = matrix[:, np.isfinite(matrix).sum(axis=0) >= 0.001 * len(matrix) + 10] if len(matrix) else matrix
    if matrix.shape[1] == 0:
        matrix = np.zeros((len(y), 1))
    proba = np.zeros((len(y), classes)) if classes else None
    values = None if classes else np.zeros(len(y))
    per_fold = []
    with threadpool_limits(1):
        for f in range(count):
            held, fit = fold == f, fold != f
            if not held.any() or not fit.any():
                continue
            data = _filled(matrix) if _forest(int(fit.sum()), classes) else matrix
            if classes and len(np.unique(y[fit])) < 2:
                proba[held, y[fit][0]] = 1
                continue
            model = _model(int(fit.sum()), classes, seed).fit(data[fit], y[fit])
            if classes:
                proba[np.ix_(np.flatnonzero(held), model.classes_.astype(int))] = model.predict_proba(data[held])
            else:
                values[held] = model.predict(data[held])
            per_fold.append(_score(y[held], None if proba is None else proba[held], None if values is None else values[held]))
    scores = np.array([s for s in per_fold if np.isfinite(s)] or [np.nan])
    se = float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else float("nan")
    return Quick(rows=rows, y=y, proba=proba, values=values, fold=fold, score=float(scores.mean()), se=se, per_fold=scores)


def _score(y: np.ndarray, proba: np.ndarray | None, values: np.ndarray | None) -> float:
    from phasewise.stats.predictions import Predictions
    from phasewise.stats.scores import score

    if proba is None:
        return score("r2", y, Predictions(task="regression", values=values))
    k = proba.shape[1]
    task = "binary" if k == 2 else "multiclass"
    return score("roc_auc", y, Predictions(task=task, classes=tuple(str(i) for i in range(k)), proba=proba))


def second_opinion(matrix: np.ndarray, quick: Quick) -> np.ndarray:
    """Out-of-fold probabilities [n, k] of averaged random trees on the folds of `quick`: a model that errs in another way."""
    from sklearn.ensemble import ExtraTreesClassifier

    proba, data = np.zeros_like(quick.proba), _filled(matrix)
    for f in np.unique(quick.fold):
        held, fit = np.flatnonzero(quick.fold == f), quick.fold != f
        model = ExtraTreesClassifier(n_estimators=60, min_samples_leaf=5, random_state=0, n_jobs=1).fit(data[fit], quick.y[fit])
        proba[np.ix_(held, model.classes_.astype(int))] = model.predict_proba(data[held])
    return proba
