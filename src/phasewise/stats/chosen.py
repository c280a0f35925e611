"""What the best of a few models is worth when it was picked on the very rows it is judged on (checks.md 7.7, 8.3)."""

from collections.abc import Sequence

import numpy as np

from phasewise.records.metrics import metric
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import score


def best_left_out(metric_id: str, y: np.ndarray, models: Sequence[Predictions], groups: np.ndarray | None = None, *, times: int = 200, seed: int = 0) -> float | None:
    """The metric of "pick the best" in its own unit: picked on resampled rows (or whole groups), judged on those left out, averaged.

    The bootstrap of Tsamardinos et al. 2018 (BBC) with the metric itself in place of mean row losses; None for one model, or
    where no resample can be judged.
    """
    if len(models) < 2:
        return None
    rng, maximize = np.random.default_rng(seed), metric(metric_id).maximize
    index = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(index.max()) + 1
    found = []
    for _ in range(times):
        drawn = np.bincount(rng.integers(0, count, count), minlength=count)[index]
        inside, left = np.repeat(np.arange(len(y)), drawn), np.flatnonzero(drawn == 0)
        if not len(left):
            continue
        values = [score(metric_id, y[inside], p.take(inside)) for p in models]
        if not np.isfinite(values).all():
            continue
        best = models[int(np.argmax(values) if maximize else np.argmin(values))]
        value = score(metric_id, y[left], best.take(left))
        if np.isfinite(value):
            found.append(value)
    return float(np.mean(found)) if found else None
