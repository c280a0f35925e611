"""The project's own file as field data: nothing is judged on sealed rows, and nothing is learned from them."""

import sys
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed")
    jobs = Jobs(folder / "p", moons_csv(folder / "data.csv", rows=700), "label", "accuracy", "binary")
    jobs.split(folds=0, test_share=0.25, validation_share=0.2)
    model = next(m.ref for m in jobs.run("baselines", phase="baseline", models=["linear"]).models if m.name == "linear")
    return jobs, folder, model


def test_sealed_rows_are_counted_and_left_out_of_the_score(made):
    jobs, folder, model = made
    pl.concat([pl.read_csv(folder / "data.csv"), pl.read_csv(moons_csv(folder / "other.csv", rows=90, noise=0.3))]).write_csv(folder / "both.csv")
    found = jobs.run("field", phase="field", model=model, file=str(folder / "both.csv"), name="both")
    told = {f.id: f for f in found.findings}
    assert told["sealed-rows-seen"].rows == 175 and "look at the test set" in told["sealed-rows-seen"].seen
    assert told["rows-seen-before"].rows == found.overlap == 525 and found.judged == 90


def test_sealed_rows_are_not_learned_from(made, capsys):
    jobs, folder, model = made
    jobs.run("feed", code=2, phase="field", model=model, file=str(folder / "data.csv"), name="own")
    assert "0 rows of" in capsys.readouterr().err, "every row is a development row or a sealed one"
