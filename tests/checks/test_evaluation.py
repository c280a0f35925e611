"""Checks of validation results: said when true, silent when not (E rows)."""

import numpy as np

from phasewise.checks.evaluation import Evaluation, evaluation_findings
from phasewise.records.results.tune import SliceRow
from phasewise.stats.predictions import Predictions


def made(n: int, quality: float, seed: int, temperature: float = 1.0) -> tuple[np.ndarray, Predictions]:
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, quality, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    p = 1 / (1 + np.exp(-logit * temperature))
    return y, Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - p, p], 1))


def ids(**more) -> dict[str, str]:
    y, p = made(1000, 2.5, 0)
    found, coverage = evaluation_findings(Evaluation(**{"metric": "accuracy", "y": y, "predictions": p, **more}))
    assert [c for c in coverage if c.state == "failed"] == []
    return {f.check: f.severity for f in found}


def test_a_sound_model_gets_no_warning():
    y, weak = made(1000, 2.5, 0)
    noise = Predictions(task="binary", classes=("a", "b"), proba=np.tile([0.5, 0.5], (1000, 1)))
    t, train = made(1000, 2.5, 1)
    found = ids(train_y=t, train=train, baseline=noise, seeds=[0.9, 0.91, 0.9, 0.91, 0.9], base_seeds=[0.8, 0.81, 0.81, 0.8, 0.8], claimed_gain=0.1, evaluations=5)
    assert set(found.values()) == {"info"} and {"worst-errors", "prediction-sets", "selection-luck"} <= set(found)


def test_every_warning_is_given_when_it_is_due():
    y, hot = made(1000, 1.0, 2, temperature=4)
    t, train = made(2000, 8.0, 3)
    rows = [SliceRow(name="sex = f", rows=300, value=0.6, low=0.55, high=0.65, rest=0.8, p=1e-6, q=1e-5, harm=0.06, significant=True), SliceRow(name="x", rows=300, value=0.78, low=0.7, high=0.8, rest=0.8, p=0.4, q=0.6)]
    found = ids(y=y, predictions=hot, train_y=t, train=train, baseline=hot, seeds=[0.80, 0.83, 0.79], base_seeds=[0.80, 0.80, 0.81], claimed_gain=0.005, slices=rows, importance={"a": 0.3, "b": 0.01})
    for name in ("miscalibrated", "overfit", "no-better-than-baseline", "gain-is-noise", "seed-spread", "weak-slice"):
        assert found[name] == "warn", name
    assert found["shortcut"] == "info"
