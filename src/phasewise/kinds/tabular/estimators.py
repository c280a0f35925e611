"""The scikit-learn models that a network must beat: what each is, what it eats, what it costs (G02)."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from phasewise.kinds.tabular.preparing import Preparing

HGB_LEVELS = 254
"""Boosting takes at most this many levels as categories; columns with more are target-encoded (cross-fitted inside fit)."""
SVM_ROWS = 5_000
_TARGETS = {"regression": "continuous", "binary": "binary", "multiclass": "multiclass"}


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One baseline: `matrix` is `scaled` (numbers scaled and filled, then category codes) or `raw` (NaN and codes)."""

    name: str
    title: str
    family: str
    matrix: str
    make: Callable[[Preparing, str, int, int], Any]
    max_rows: int | None = None
    """Training rows used at most (a stratified sample, said in the notes)."""
    skip: Callable[[int], str] = lambda rows: ""
    """Why it is left out for this number of training rows, or nothing."""


def _columns(preparing: Preparing) -> tuple[int, int]:
    return len(preparing.number_names), len(preparing.category_names)


def _one_hot(preparing: Preparing, *, most: int | None = None, dense: bool = False) -> Any:
    """Numbers pass, codes become one-hot columns; levels unseen in training give zeros."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder

    d, c = _columns(preparing)
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist" if most else "ignore", max_categories=most, sparse_output=not dense, dtype=np.float32)
    return ColumnTransformer([("numbers", "passthrough", list(range(d))), ("levels", encoder, list(range(d, d + c)))], sparse_threshold=0.0 if dense else 0.3)


def _dummy(preparing: Preparing, task: str, seed: int, threads: int) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyRegressor(strategy="mean") if task == "regression" else DummyClassifier(strategy="prior")


def _linear(preparing: Preparing, task: str, seed: int, threads: int) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    model = Ridge(alpha=1.0, random_state=seed) if task == "regression" else LogisticRegression(max_iter=300, random_state=seed)
    return make_pipeline(_one_hot(preparing), model)


def _knn(preparing: Preparing, task: str, seed: int, threads: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline

    kind = KNeighborsRegressor if task == "regression" else KNeighborsClassifier
    return make_pipeline(_one_hot(preparing, most=20, dense=True), kind(n_neighbors=15, weights="distance", algorithm="brute", n_jobs=threads))


def _forest(preparing: Preparing, task: str, seed: int, threads: int) -> Any:
    from sklearn import ensemble

    # Extra trees for many rows (no search for cuts: about a third of the time), a random forest for few.
    shape = {"n_estimators": 100, "random_state": seed, "n_jobs": threads, "min_samples_leaf": max(1, min(preparing.rows, 50_000) // 5_000)}
    if preparing.rows < 5_000:
        return ensemble.RandomForestRegressor(**shape, max_features=0.5) if task == "regression" else ensemble.RandomForestClassifier(**shape)
    return ensemble.ExtraTreesRegressor(**shape, max_features=0.5) if task == "regression" else ensemble.ExtraTreesClassifier(**shape)


def _boosting(preparing: Preparing, task: str, seed: int, threads: int) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import TargetEncoder

    d = len(preparing.numbers.names)
    codes = list(range(d, d + len(preparing.levels)))
    high = [d + i for i, k in enumerate(preparing.cardinalities) if k > HGB_LEVELS]
    low = [c for c in codes if c not in high]
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    if not high:
        return kind(random_state=seed, categorical_features=low or None)
    # The type is named because whole-number values would be taken for hundreds of classes.
    folds = (KFold if task == "regression" else StratifiedKFold)(5, shuffle=True, random_state=seed)
    keep = ColumnTransformer([("keep", "passthrough", list(range(d)) + low), ("many", TargetEncoder(target_type=_TARGETS[task], cv=folds), high)])
    return make_pipeline(keep, kind(random_state=seed, categorical_features=list(range(d, d + len(low))) or None))


def _svm(preparing: Preparing, task: str, seed: int, threads: int) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC, SVR

    if task == "regression":
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(_one_hot(preparing, dense=True), TransformedTargetRegressor(SVR(), transformer=StandardScaler()))
    from sklearn.calibration import CalibratedClassifierCV

    return make_pipeline(_one_hot(preparing, dense=True), CalibratedClassifierCV(SVC(random_state=seed), ensemble=False, cv=3))


def _lightgbm(preparing: Preparing, task: str, seed: int, threads: int) -> Any:
    from phasewise.kinds.tabular.lightgbm import Booster

    d = len(preparing.numbers.names)
    return Booster(task=task, seed=seed, threads=threads, categories=list(range(d, d + len(preparing.levels))))


BASELINES: dict[str, Baseline] = {
    b.name: b
    for b in (
        Baseline(name="dummy", title="constant guess", family="dummy", matrix="raw", make=_dummy),
        Baseline(name="linear", title="linear model", family="linear", matrix="scaled", make=_linear),
        Baseline(name="knn", title="nearest neighbours", family="knn", matrix="scaled", make=_knn, max_rows=20_000),
        Baseline(name="trees", title="gradient boosting", family="trees", matrix="raw", make=_boosting),
        Baseline(name="forest", title="random forest", family="trees", matrix="scaled", make=_forest, max_rows=50_000),
        Baseline(name="svm", title="support vectors", family="svm", matrix="scaled", make=_svm, skip=lambda n: f"{n:,} training rows (at most {SVM_ROWS:,})" if n > SVM_ROWS else ""),
        Baseline(name="lightgbm", title="LightGBM", family="trees", matrix="raw", make=_lightgbm, skip=lambda n: "" if find_spec("lightgbm") else "LightGBM is not installed"),
    )
}
ALIASES = {"boosting": "trees", "hgb": "trees", "random_forest": "forest", "extra_trees": "forest", "svc": "svm", "logistic": "linear", "ridge": "linear"}


def matrix(baseline_matrix: str, preparing: Preparing, table: Any) -> np.ndarray:
    """The matrix a baseline eats, float [n, d + c]."""
    if baseline_matrix == "raw":
        return preparing.raw_matrix(table)
    arrays = preparing.transform(table)
    return np.concatenate([arrays["num"], arrays["cat"].astype(np.float32)], axis=1)
