"""Baselines on the same pictures and folds as the networks (G02)."""

from typing import Any

import numpy as np

from phasewise.kinds.images import preparing as preparations
from phasewise.kinds.images.development import Development
from phasewise.kinds.images.estimators import BASELINES, Baseline, matrix
from phasewise.kinds.images.preparing import Preparing
from phasewise.kinds.shared import fitted as shared
from phasewise.kinds.shared.fitted import Fitted, answer, sampled
from phasewise.records.jobs import DataView
from phasewise.stats.predictions import Predictions

NAMES = tuple(BASELINES)
ALIASES = {"linear": "pixels", "logistic": "pixels", "boosting": "trees", "frozen": "features"}


def known(name: str) -> Baseline:
    """The baseline of a name; a `UsageError` lists the names."""
    return shared.named(name, BASELINES, ALIASES)


def why_skipped(name: str, dev: Development) -> str:
    """Why a baseline is left out, or an empty string."""
    return "no pretrained weights are given (approach.weights_file)" if known(name).needs_weights and not dev.weights else ""


def fit(name: str, dev: Development, view: DataView, seed: int = 0, threads: int = 1) -> Fitted:
    """One baseline, per fold or on the holdout; deterministic for a seed."""
    chosen = known(name)
    options = {"features": True} if chosen.needs_weights else {}
    kept: dict[str, np.ndarray] = {}

    def given(prepared: Preparing, rows: np.ndarray) -> np.ndarray:
        if chosen.needs_weights:
            from phasewise.kinds.images import transfer

            return prepared.scaled(transfer.of_development(dev, prepared)[rows])
        if "all" not in kept and dev.folds is not None:
            kept["all"] = matrix(chosen.matrix, prepared, dev.pixels())
        return kept["all"][rows] if "all" in kept else matrix(chosen.matrix, prepared, dev.pixels()[rows])

    def learn(rows: np.ndarray) -> tuple[Any, Preparing, np.ndarray]:
        prepared = preparations.fit(dev, rows, view, options)
        used = sampled(rows, dev, chosen.max_rows, seed)
        estimator = chosen.make(seed)
        estimator.fit(given(prepared, used), dev.y[used])
        return estimator, prepared, used

    def say(estimator: Any, prepared: Preparing, rows: np.ndarray) -> Predictions:
        return answer(estimator, given(prepared, rows), prepared.target)

    found = shared.fit(dev, name=chosen.name, family=chosen.family, matrix=chosen.matrix, learn=learn, say=say)
    if found.preparing.features:
        from phasewise.kinds.images.networks import pretrained

        found.notes.append(pretrained.described(found.preparing.backbone))
    return found
