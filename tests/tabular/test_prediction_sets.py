"""Prediction sets (check:E07): the limit on the card, the columns `--sets` adds, what may promise none, and the coverage on the sealed rows."""

import csv
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "worker_jobs"))
from bench_project import Jobs, moons_csv  # noqa: E402

from phasewise.kinds.shared.answers import limit_of, to_csv
from phasewise.kinds.tabular import predictor
from phasewise.records.errors import UsageError
from phasewise.stats import conformal
from phasewise.stats.predictions import Predictions

CLASSES = Predictions(task="multiclass", classes=("a", "=b", "c"), proba=np.array([[0.5, 0.45, 0.05], [0.98, 0.01, 0.01], [0.3, 0.3, 0.4]]))


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_lines_end_with_the_classes_or_the_interval():
    told = rows(to_csv(CLASSES, None, sets=0.6))
    assert told[0][-1] == "set_90" and [r[-1] for r in told[1:]] == ["a | =b", "a", "c"]
    assert rows(to_csv(CLASSES.take([0]), None, sets=0.01))[1][-1] == "a", "no set is empty: the likeliest class is in it"
    only = Predictions(task="multiclass", classes=("=x", "y"), proba=np.array([[0.9, 0.1]]))
    assert rows(to_csv(only, None, sets=0.5))[1][-1] == "'=x", "a class that looks like a formula stays harmless"
    values = Predictions(task="regression", classes=(), values=np.array([1.0, -2.0]))
    assert rows(to_csv(values, None, sets=0.5)) == [["row", "prediction", "low_90", "high_90"], ["1", "1.0", "0.5", "1.5"], ["2", "-2.0", "-2.5", "-1.5"]]
    assert rows(to_csv(values, None)) == [["row", "prediction"], ["1", "1.0"], ["2", "-2.0"]] and len(rows(to_csv(CLASSES, None))[0]) == 5


def test_few_rows_and_changed_class_shares_promise_nothing():
    rng = np.random.default_rng(0)
    values = Predictions(task="regression", classes=(), values=rng.normal(size=150))
    kept = conformal.promise(values.values + rng.normal(size=150), values)
    assert kept is not None and kept["rows"] == 150 and kept["level"] == 0.9 and 1.2 < kept["limit"] < 2.2
    assert conformal.promise(np.zeros(99), values.take(np.arange(99))) is None
    with pytest.raises(UsageError, match="promises no prediction sets"):
        limit_of(SimpleNamespace(sets=None), True)
    assert limit_of(SimpleNamespace(sets=0.5), False) is None and limit_of(SimpleNamespace(sets=0.5), True) == 0.5


def test_the_limit_travels_with_the_model_and_the_opening_measures_it(tmp_path):
    jobs = Jobs(tmp_path / "p", moons_csv(tmp_path / "data.csv", rows=1500), "label", "accuracy", "binary")
    jobs.split(folds=0, test_share=0.4, validation_share=0.3)
    base = {m.name: m for m in jobs.run("baselines", phase="baseline", models=["dummy", "linear"]).models}
    run, name = base["linear"].ref.split("/")
    model = predictor.load(jobs.folder / "runs" / run / "models" / name)
    assert model.card["sets"]["rows"] > 200 and 0 < model.sets < 1
    look = jobs.run("open_vault", phase="verify", model=base["linear"].ref, freeze="f", baselines=[base["dummy"].ref], claim="better_than_baseline", evaluations=2)
    assert look.others["coverage of 90 % sets"] == pytest.approx(0.9, abs=0.05)
    shifted = predictor.Predictor(card=model.card | {"prior_ratio": [1.0, 2.0]}, preparing=model.preparing, answer=model.answer)
    assert shifted.sets is None
