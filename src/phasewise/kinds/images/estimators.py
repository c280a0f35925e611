"""The ordinary models that a picture network must beat, and what each is given (G02)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from phasewise.kinds.images import hog
from phasewise.kinds.images.fitting import Fitting, refit

SIDE = 32
"""Side of the pixels for linear models, as in the yardsticks."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One baseline: `matrix` is what it is given."""

    name: str
    title: str
    family: str
    matrix: str
    make: Callable[[int], Any]
    max_rows: int | None = None
    needs_weights: bool = False


def _dummy(seed: int) -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


def _logistic(c: float) -> Callable[[int], Any]:
    def make(seed: int) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=200, random_state=seed))

    return make


def _trees(seed: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline

    return make_pipeline(PCA(n_components=0.9, svd_solver="full", random_state=seed), HistGradientBoostingClassifier(max_iter=100, random_state=seed))


BASELINES: dict[str, Baseline] = {
    b.name: b
    for b in (
        Baseline(name="dummy", title="constant guess", family="dummy", matrix="none", make=_dummy),
        Baseline(name="pixels", title="logistic regression on pixels", family="linear", matrix="pixels", make=_logistic(0.01), max_rows=10_000),
        Baseline(name="hog", title="logistic regression on edge directions", family="linear", matrix="hog", make=_logistic(0.1), max_rows=20_000),
        Baseline(name="features", title="logistic regression on frozen pretrained features", family="linear", matrix="features", make=_logistic(0.01), needs_weights=True),
        Baseline(name="trees", title="gradient boosting on principal components", family="trees", matrix="pixels", make=_trees, max_rows=5_000),
    )
}


def matrix(name: str, preparing: Any, images: np.ndarray) -> np.ndarray:
    """What a baseline is given: float32 (n, d) of pixels uint8 (n, size, size, channels) fitted as its preparation says."""
    if name == "none":
        return np.zeros((len(images), 1), np.float32)
    if name == "features":
        return preparing.arrays(images)["num"]
    small = refit(images, Fitting(size=min(SIDE, images.shape[1]), channels=images.shape[3], resize="squash")) if name == "pixels" else images
    return small.reshape(len(small), -1).astype(np.float32) / 255 if name == "pixels" else hog.features(images)
