"""New rows: silent on the same population, clear on another (D rows, E06)."""

import numpy as np
import polars as pl
import pytest

from phasewise.checks.newdata import NewData, field_report
from phasewise.records.results.common import Score
from phasewise.stats.drift import compare_columns
from phasewise.stats.predictions import Predictions

RNG = np.random.default_rng(0)


def population(n: int, seed: int, shift: float = 0.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    return pl.DataFrame({
        "a": a + shift, "b": rng.exponential(size=n), "c": rng.integers(0, 30, n), "d": a + rng.normal(size=n),
        "e": np.array(["u", "v", "w"])[rng.choice(3, n, p=[0.6, 0.3, 0.1])], "f": np.where(rng.random(n) < 0.1, None, rng.normal(size=n)).astype(float),
    }).with_columns(pl.col("f").fill_nan(None))


REFERENCE = population(5000, 1)


def loud(new: pl.DataFrame, **more) -> list[str]:
    return [f.id for f in field_report(NewData(reference=REFERENCE, new=new, **more)).findings if f.severity in ("block", "warn")]


def test_false_alarms_of_columns_are_rare():
    cols = {c: (REFERENCE[c].cast(pl.Float64).to_numpy(), False) for c in "abcd"}
    for n, limit in ((100, 1), (300, 0)):
        alarms = 0
        for seed in range(60):
            new = population(n, 1000 + seed)
            alarms += any(d.drifted for d in compare_columns(cols, {c: new[c].cast(pl.Float64).to_numpy() for c in "abcd"}))
        assert alarms <= limit, n


def test_same_population_is_silent_and_a_shift_is_not():
    assert loud(population(400, 2)) == []
    found = field_report(NewData(reference=REFERENCE, new=population(400, 3, shift=0.6)))
    assert {"column-drift:a", "joint-drift"} <= {f.id for f in found.findings}
    assert next(d for d in found.drift if d.column == "a").drifted
    assert "a" in next(f for f in found.findings if f.check == "joint-drift").columns
    assert found.domain_low > 0.5


def test_brightness_like_shift_is_another_population():
    new = population(600, 4).with_columns(pl.col("a") + 3, pl.col("d") + 3)
    found = field_report(NewData(reference=REFERENCE, new=new))
    assert found.domain_auc > 0.9 and found.other_population
    assert any(f.severity == "block" for f in found.findings if f.check == "joint-drift")


def test_few_rows_get_no_verdict():
    found = field_report(NewData(reference=REFERENCE, new=population(60, 5, shift=3)))
    assert [f.id for f in found.findings if f.check == "few-rows"] and found.drift == [] and found.domain_auc is None


def test_contract_levels_ranges_overlap():
    new = population(300, 6).drop("b").rename({"c": "C "}).with_columns(pl.lit("9").alias("d"), pl.lit(1).alias("extra"))
    found = {f.id: f for f in field_report(NewData(reference=REFERENCE, new=new)).findings}
    assert found["field-contract:missing"].columns == ["b", "c"] and "renamed" in found["field-contract:missing"].seen
    assert found["field-contract:d"].severity == "block" and "field-contract:extra" in found
    odd = population(300, 7).with_columns(pl.when(pl.int_range(300) < 20).then(pl.lit("new")).otherwise(pl.col("e")).alias("e"), pl.when(pl.int_range(300) < 30).then(99.0).otherwise(pl.col("b")).alias("b"))
    found = field_report(NewData(reference=REFERENCE, new=odd))
    assert {"unseen-levels:e", "out-of-range:b"} <= {f.id for f in found.findings} and len(found.do_not_trust) >= 2
    seen = pl.concat([population(200, 8), REFERENCE[:100]])[RNG.permutation(300)]
    found = field_report(NewData(reference=REFERENCE, new=seen.select(reversed(seen.columns))))
    assert found.overlap.sum() == 100 and any(f.id == "rows-seen-before" for f in found.findings)


def test_missing_cells_are_noticed():
    emptier = population(400, 9).with_columns([pl.when(pl.int_range(400) % 3 == 0).then(None).otherwise(pl.col(c)).alias(c) for c in "abcd"])
    assert {"input-quality", "column-drift:a"} <= set(loud(emptier))


def test_label_shift_and_concept_drift():
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.7).astype(int)
    odds = np.exp(2 * rng.normal(2 * y - 1, 1))
    p = odds / (1 + odds)
    made = lambda q: Predictions(task="binary", classes=("no", "yes"), proba=np.stack([1 - q, q], 1))  # noqa: E731
    before = (rng.random(4000) < 0.5).astype(int)
    q = np.exp(2 * rng.normal(2 * before - 1, 1))
    report = field_report(NewData(
        reference=REFERENCE, new=population(4000, 10), outputs=made(p), reference_outputs=made(q / (1 + q)), prior=np.array([0.5, 0.5]),
        reference_score=Score(metric="accuracy", value=0.9, low=0.89, high=0.91, n=4000), score=Score(metric="accuracy", value=0.8, low=0.77, high=0.83, n=500),
    ))
    assert {"label-shift", "concept-drift", "output-drift"} <= {f.check for f in report.findings}
    assert report.prior["yes"] == pytest.approx(0.7, abs=0.03)
