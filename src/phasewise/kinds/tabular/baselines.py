"""Baselines on the same rows and folds as the networks; every preparation is fitted inside its own training rows (G02)."""

from typing import Any

import numpy as np

from phasewise.kinds.shared import fitted as shared
from phasewise.kinds.shared.fitted import Fitted, answer, sampled
from phasewise.kinds.tabular import preparing as preparations
from phasewise.kinds.tabular.development import Development
from phasewise.kinds.tabular.estimators import ALIASES, BASELINES, Baseline, matrix
from phasewise.kinds.tabular.preparing import Preparing
from phasewise.records.jobs import DataView
from phasewise.stats.predictions import Predictions

NAMES = tuple(BASELINES)


def known(name: str) -> Baseline:
    """The baseline of a name; a `UsageError` lists the names."""
    return shared.named(name, BASELINES, ALIASES)


def why_skipped(name: str, dev: Development) -> str:
    """Why a baseline is left out on these rows, or an empty string."""
    return known(name).skip(len(dev.rounds()[0][0]))


def fit(name: str, dev: Development, view: DataView, seed: int = 0, threads: int = 1) -> Fitted:
    """One baseline, per fold or on the holdout; deterministic for a seed."""
    chosen = known(name)
    options = {k: v for k, v in view.options.items() if k in ("features",)}

    def learn(rows: np.ndarray) -> tuple[Any, Preparing, np.ndarray]:
        prepared = preparations.fit(dev, rows, view, options)
        used = sampled(rows, dev, chosen.max_rows, seed)
        estimator = chosen.make(prepared, dev.task, seed, threads)
        estimator.fit(matrix(chosen.matrix, prepared, dev.table[used]), dev.y[used])
        return estimator, prepared, used

    def say(estimator: Any, prepared: Preparing, rows: np.ndarray) -> Predictions:
        return answer(estimator, matrix(chosen.matrix, prepared, dev.table[rows]), prepared.target)

    return shared.fit(dev, name=chosen.name, family=chosen.family, matrix=chosen.matrix, learn=learn, say=say)
