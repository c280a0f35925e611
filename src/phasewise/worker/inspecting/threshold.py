"""Decision threshold of a binary model chosen on validation (issue 4: imbalance tools)."""

from typing import Any

import numpy as np

from phasewise.records.metrics import metric
from phasewise.stats.predictions import Predictions, encode
from phasewise.stats.scores import score


def candidates(proba: np.ndarray, most: int = 200) -> np.ndarray:
    """Thresholds between neighbouring scores, at most `most` of them, and 0.5."""
    levels = np.unique(proba)
    middle = (levels[1:] + levels[:-1]) / 2
    if len(middle) > most:
        middle = np.quantile(middle, np.linspace(0, 1, most))
    return np.unique(np.append(middle, 0.5))


def choose(metric_id: str, y: np.ndarray, predictions: Predictions) -> dict[str, Any]:
    """The threshold that is best for a label metric (balanced accuracy when the goal is a ranking or a probability).

    `gain` over 0.5 is cross-fitted (chosen on one half, measured on the other, both ways), so that it is not the luck of choosing.
    """
    if predictions.task != "binary":
        return {}
    label_metric = metric_id if metric(metric_id).needs == "labels" else "balanced_accuracy"
    truth = encode(y, predictions.classes)

    def best(rows: np.ndarray) -> float:
        part = predictions.take(rows)
        values = [(score(label_metric, truth[rows], part, threshold=float(t)), -abs(float(t) - 0.5), float(t)) for t in candidates(part.proba[:, 1])]
        return max(v for v in values if np.isfinite(v[0]))[2]

    rng = np.random.default_rng(0)
    half = rng.permutation(len(truth)) % 2 == 0
    gains = []
    for fit_on, judge_on in ((half, ~half), (~half, half)):
        if len(np.unique(truth[fit_on])) < 2 or len(np.unique(truth[judge_on])) < 2:
            continue
        chosen, part = best(fit_on), predictions.take(judge_on)
        gains.append(score(label_metric, truth[judge_on], part, threshold=chosen) - score(label_metric, truth[judge_on], part, threshold=0.5))
    if not gains:
        return {}
    threshold = best(np.ones(len(truth), bool))
    return {
        "metric": label_metric, "threshold": threshold, "at_half": score(label_metric, truth, predictions, threshold=0.5),
        "at_threshold": score(label_metric, truth, predictions, threshold=threshold), "gain": float(np.mean(gains)),
    }
