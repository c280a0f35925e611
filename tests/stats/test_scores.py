"""Metrics equal scikit-learn's (G04)."""

import numpy as np
import pytest
from sklearn import metrics as M

from phasewise.records.errors import UsageError
from phasewise.records.metrics import METRICS
from phasewise.stats.predictions import Predictions, encode
from phasewise.stats.scores import Accumulator, all_scores, row_losses, score


def classified(k: int, n: int = 200, seed: int = 0, absent: bool = False) -> tuple[np.ndarray, Predictions, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    if absent:
        y[y == k - 1] = 0
    proba = np.round(rng.dirichlet(np.ones(k), n), 2) + 1e-3  # rounding makes ties
    proba /= proba.sum(axis=1, keepdims=True)
    task = "binary" if k == 2 else "multiclass"
    return y, Predictions(task=task, classes=tuple(f"c{i}" for i in range(k)), proba=proba), rng.integers(1, 4, n).astype(float)


@pytest.mark.parametrize("k", [2, 3, 6])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("absent", [False, True])
def test_classification_metrics_equal_sklearn(k, weighted, absent):
    if absent and k == 2:
        pytest.skip("one class has no ranking")
    y, p, w = classified(k, absent=absent)
    w = w if weighted else None
    said, proba = p.labels(), p.proba
    with np.errstate(all="ignore"):
        expected = {
            "accuracy": M.accuracy_score(y, said, sample_weight=w),
            "f1_macro": M.f1_score(y, said, average="macro", sample_weight=w),
            "f1_weighted": M.f1_score(y, said, average="weighted", sample_weight=w),
            "log_loss": M.log_loss(y, proba, labels=range(k), sample_weight=w),
            "brier": M.brier_score_loss(y, proba[:, 1], sample_weight=w) if k == 2 else M.brier_score_loss(y, proba, labels=range(k), sample_weight=w),
        }
        if not absent:
            expected["balanced_accuracy"] = M.balanced_accuracy_score(y, said, sample_weight=w)
            expected["roc_auc"] = M.roc_auc_score(y, proba[:, 1] if k == 2 else proba, multi_class="ovr", sample_weight=w)
            expected["average_precision"] = M.average_precision_score(y if k == 2 else np.eye(k)[y], proba[:, 1] if k == 2 else proba, sample_weight=w)
        else:
            ovr = [M.roc_auc_score(y == c, proba[:, c], sample_weight=w) for c in range(k - 1)]
            expected["roc_auc"] = float(np.mean(ovr))
    for name, value in expected.items():
        assert score(name, y, p, w) == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("weighted", [False, True])
def test_regression_metrics_equal_sklearn(weighted):
    rng = np.random.default_rng(3)
    y = rng.normal(100, 5, 300)
    p = Predictions(task="regression", values=y + rng.normal(0, 2, 300))
    w = rng.random(300) if weighted else None
    assert score("rmse", y, p, w) == pytest.approx(M.root_mean_squared_error(y, p.values, sample_weight=w), abs=1e-12)
    assert score("mae", y, p, w) == pytest.approx(M.mean_absolute_error(y, p.values, sample_weight=w), abs=1e-12)
    assert score("mape", y, p, w) == pytest.approx(M.mean_absolute_percentage_error(y, p.values, sample_weight=w), abs=1e-12)
    assert score("r2", y, p, w) == pytest.approx(M.r2_score(y, p.values, sample_weight=w), abs=1e-10)
    naive = float(np.abs(np.diff(y)).mean())
    assert score("mase", y, p, scale=naive) == pytest.approx(M.mean_absolute_error(y, p.values) / naive)


@pytest.mark.parametrize("metric_id", [m for m in METRICS if "binary" in METRICS[m].tasks])
def test_streaming_over_uneven_batches_equals_one_shot(metric_id):
    y, p, _ = classified(2, n=203)
    streamed = Accumulator(metric_id=metric_id)
    for start in range(0, 203, 64):
        rows = np.arange(start, min(start + 64, 203))
        streamed.update(y[rows], p.take(rows))
    assert streamed.value() == pytest.approx(score(metric_id, y, p), abs=1e-14)


def test_a_mean_of_batch_means_would_be_wrong():
    y, p, _ = classified(2, n=203)
    batches = [np.arange(s, min(s + 64, 203)) for s in range(0, 203, 64)]
    mean = np.mean([score("accuracy", y[b], p.take(b)) for b in batches])
    assert abs(mean - score("accuracy", y, p)) > 1e-4


def test_undefined_scores_are_nan_and_left_out():
    p = Predictions(task="binary", classes=("a", "b"), proba=np.tile([0.4, 0.6], (5, 1)))
    assert np.isnan(score("roc_auc", np.ones(5, int), p))
    assert "roc_auc" not in all_scores(np.ones(5, int), p)


def test_names_and_thresholds():
    p = Predictions(task="binary", classes=("no", "yes"), proba=np.array([[0.7, 0.3], [0.2, 0.8]]))
    assert p.names() == ["no", "yes"] and p.names(0.25) == ["yes", "yes"]
    assert encode(["yes", "no"], p.classes).tolist() == [1, 0]
    with pytest.raises(ValueError, match="maybe"):
        encode(["maybe"], p.classes)
    with pytest.raises(UsageError, match="not a metric"):
        score("rmse", np.array([0, 1]), p)


def test_row_losses_average_to_the_metric():
    y, p, _ = classified(3)
    assert row_losses("log_loss", y, p).mean() == pytest.approx(score("log_loss", y, p))
    assert 1 - row_losses("accuracy", y, p).mean() == pytest.approx(score("accuracy", y, p))
    assert row_losses("brier", y, p).mean() == pytest.approx(score("brier", y, p))
