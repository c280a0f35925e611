"""A table that is one series in time, from the file to the verdict (T25), and the objective gate on data that hold the answer (T24)."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, small_config, write_csv  # noqa: E402

DATA = Path(os.environ.get("PHASEWISE_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")
LAGS = 12


def lagged(path, values):
    """Every value with those before it, as a table with a day for each row."""
    n = len(values)
    columns = {"day": np.arange(n - LAGS)} | {f"lag{i + 1}": np.round(values[LAGS - i - 1 : n - i - 1], 5) for i in range(LAGS)}
    return write_csv(path, {**columns, "value": np.round(values[LAGS:], 5)})


def project(tmp_path, values):
    jobs = Jobs(tmp_path / "p", lagged(tmp_path / "s.csv", values), "value", "mae", task="regression", roles={"day": "ignore"})
    jobs.split(policy="time", time="day", test_share=0.2, validation_share=0.25)
    return jobs


def test_a_random_walk_is_called_noise_by_baseline_fit_and_ladder(tmp_path):
    jobs = project(tmp_path, np.cumsum(np.random.default_rng(0).normal(size=700)))
    base = jobs.run("baselines", models=["linear"])
    assert any("repeating the last value" in n and "random walk" in n and "fitted noise" in n for n in base.notes)
    fit = jobs.run("fit", config=small_config("mlp", epochs=30).model_dump(), seeds=[0])
    assert any("fitted noise" in n for n in fit.notes)
    climbed = jobs.run("ladder", config=small_config(epochs=5).model_dump(), goal=0.001, rungs=["objective"])
    assert "may not hold the answer" in climbed.advice and "MASE" in climbed.advice


def test_a_season_on_the_walk_is_knowledge(tmp_path):
    t = np.arange(700)
    jobs = project(tmp_path, np.cumsum(np.random.default_rng(0).normal(size=700)) + 6 * np.sin(t * 2 * np.pi / 12))
    base = jobs.run("baselines", models=["linear"])
    assert any("knows more than the last value" in n for n in base.notes) and not any("fitted noise" in n for n in base.notes)


@pytest.mark.skipif(not (DATA / "airline-passengers").is_dir(), reason="the shared data sets are not here (PHASEWISE_DATA)")
def test_airline_passengers_can_be_forecast(tmp_path):
    file = next((DATA / "airline-passengers").glob("*.csv"))
    values = np.array([float(line.rpartition(",")[2]) for line in file.read_text().splitlines()[1:] if line.strip()])
    base = project(tmp_path, values).run("baselines", models=["linear"])
    assert any("knows more than the last value" in n for n in base.notes), base.notes


def test_tables_without_time_hear_nothing_of_series(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    jobs = Jobs(tmp_path / "p", write_csv(tmp_path / "t.csv", {"x": x.round(4), "value": (x + rng.normal(size=400)).round(4)}), "value", "mae", task="regression")
    jobs.split(policy="random", folds=3)
    assert not any("last value" in n for n in jobs.run("baselines", models=["linear"]).notes)


def test_the_objective_gate_is_silent_on_digits(tmp_path):
    from sklearn.datasets import load_digits

    data = load_digits()
    pick = np.random.default_rng(0).permutation(len(data.target))[:600]
    columns = {f"p{i}": data.data[pick, i].astype(int) for i in range(64)} | {"digit": np.array(list("abcdefghij"))[data.target[pick]]}
    jobs = Jobs(tmp_path / "p", write_csv(tmp_path / "d.csv", columns), "digit", "accuracy", task="multiclass")
    jobs.split()
    found = jobs.run("ladder", config=small_config(epochs=3).model_dump(), goal=1.0, rungs=["objective"])
    assert "do hold information" in found.advice and "permutation p 0.001" in found.advice
