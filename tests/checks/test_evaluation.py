"""Checks of validation results: said when true, silent when not (E rows)."""

import numpy as np

from phasewise.checks.evaluation import Evaluation, evaluation_findings
from phasewise.records.results.common import Score, Versus
from phasewise.records.results.tune import SliceRow
from phasewise.stats.intervals import judged
from phasewise.stats.predictions import Predictions

METRIC = "accuracy"


def made(n: int, quality: float, seed: int, temperature: float = 1.0) -> tuple[np.ndarray, Predictions]:
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, quality, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    p = 1 / (1 + np.exp(-logit * temperature))
    return y, Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - p, p], 1))


def scored(n: int, quality: float, seed: int) -> Score:
    y, p = made(n, quality, seed)
    return judged(METRIC, y, p)


def over(gain: float, half: float = 0.02) -> Versus:
    return Versus(ref="run/trees", name="trees", gain=gain, low=gain - half, high=gain + half)


def found(**more):
    y, p = made(1000, 2.5, 0)
    asked = {"metric": METRIC, "y": y, "predictions": p, **more}
    findings, coverage = evaluation_findings(Evaluation(score=judged(METRIC, asked["y"], asked["predictions"]), **asked))
    assert [c for c in coverage if c.state == "failed"] == []
    return findings, coverage


def ids(**more) -> dict[str, str]:
    return {f.check: f.severity for f in found(**more)[0]}


def test_a_sound_model_gets_no_warning():
    said = ids(fit=scored(1000, 2.5, 1), versus=over(0.1), seeds=[0.9, 0.91, 0.9, 0.91, 0.9], base_seeds=[0.8, 0.81, 0.81, 0.8, 0.8], evaluations=5)
    assert set(said.values()) == {"info"} and {"worst-errors", "prediction-sets", "selection-luck"} <= set(said)


def test_every_warning_is_given_when_it_is_due():
    y, hot = made(1000, 1.0, 2, temperature=4)
    rows = [SliceRow(name="sex = f", rows=300, value=0.6, low=0.55, high=0.65, rest=0.8, p=1e-6, q=1e-5, harm=0.06, significant=True), SliceRow(name="x", rows=300, value=0.78, low=0.7, high=0.8, rest=0.8, p=0.4, q=0.6)]
    said = ids(y=y, predictions=hot, fit=scored(2000, 8.0, 3), versus=over(0.005), seeds=[0.80, 0.83, 0.79], base_seeds=[0.80, 0.80, 0.81], slices=rows, importance={"a": 0.3, "b": 0.01})
    for name in ("miscalibrated", "overfit", "no-better-than-baseline", "gain-is-noise", "seed-spread", "weak-slice"):
        assert said[name] == "warn", name
    assert said["shortcut"] == "info"


def test_what_is_missing_is_said_in_the_coverage():
    why = {c.check: c.why for c in found()[1] if c.state == "skipped"}
    assert {"overfit", "no-better-than-baseline", "gain-is-noise", "seed-spread", "selection-luck", "weak-slice", "shortcut"} == set(why)
    assert all(why.values())


def test_luck_shrinks_with_what_candidates_share():
    luck = {shared: next(f.numbers["luck"] for f in found(evaluations=50, shared=shared)[0] if f.check == "selection-luck") for shared in (0.0, 0.75)}
    assert 0 < luck[0.75] == luck[0.0] / 2


def test_worst_errors_name_the_rows_they_are_about():
    y, p = made(1000, 2.5, 0)
    names = np.arange(1000) + 5000
    worst = next(f for f in found(rows=names)[0] if f.check == "worst-errors")
    losses = -np.log(p.proba[np.arange(1000), y])
    assert worst.numbers["rows"][0] == 5000 + int(np.argmax(losses)) and worst.examples[0] == f"row {worst.numbers['rows'][0]}"


def test_prediction_sets_cover_what_they_promise():
    for n in (200, 2000):
        covered = []
        for seed in range(8):
            y, p = made(n, 1.5, seed)
            covered.append(next(f.numbers["covered"] for f in found(y=y, predictions=p)[0] if f.check == "prediction-sets"))
        se = float(np.sqrt(0.09 * (2 / n + 2 / n) / 8))  # of the half that judges and of the half that sets the limit
        assert 0.9 - 3 * se <= np.mean(covered) <= 0.9 + 3 * se + 2 / n


def test_regression_runs_too():
    rng = np.random.default_rng(0)
    y = rng.normal(size=500)
    values = Predictions(task="regression", classes=(), values=y + rng.normal(0, 0.3, 500))
    findings, coverage = evaluation_findings(Evaluation(metric="rmse", y=y, predictions=values, score=judged("rmse", y, values)))
    assert {f.check for f in findings} == {"worst-errors", "prediction-sets"}
    assert {c.check for c in coverage if c.state == "skipped"} >= {"miscalibrated", "overfit"}
