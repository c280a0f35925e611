"""Pipeline error analysis (V09b), settings a network ignores, and what an inspection samples."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv, small_config  # noqa: E402

from phasewise.stats.predictions import Predictions  # noqa: E402
from phasewise.worker.inspecting import gallery, neighbours, pipeline  # noqa: E402


@pytest.mark.parametrize("worst", [0, 1, 2])
def test_gains_of_a_digit_reader_add_up_and_the_worst_stage_comes_first(worst):
    """Three stages (cut the picture, classify the digits, add them up), one of them planted to be bad."""
    rng = np.random.default_rng(worst)
    numbers = rng.integers(0, 10, (400, 3))
    share = [0.25 if s == worst else 0.05 for s in range(3)]

    def cut(x):
        return np.where(rng.random((len(x), 1)) < share[0], np.roll(x, 1, axis=1) + 3, x)

    def classify(x):
        return np.where(rng.random((len(x), 1)) < share[1], (x + 1) % 10, x)

    def add(x):
        return x.sum(axis=1) + (rng.random(len(x)) < share[2])

    truth = numbers.sum(axis=1)
    scores = pipeline.replaced([cut, classify, add], [numbers, numbers, truth], numbers, lambda said: float(np.mean(said == truth)))
    gains = pipeline.gains(["cut", "classify", "add"], scores)
    assert sum(gains.values()) == pytest.approx(1 - scores[0]) and scores[-1] == 1.0
    assert max(gains, key=gains.get) == ["cut", "classify", "add"][worst]


def answers(x: np.ndarray) -> Predictions:
    p = 1 / (1 + np.exp(-3 * np.nan_to_num(x, nan=0.0)))
    return Predictions(task="binary", classes=("no", "yes"), proba=np.stack([1 - p, p], axis=1))


def test_missing_values_cost_what_holes_in_whole_rows_cost():
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    y = (rng.random(2000) < 1 / (1 + np.exp(-3 * x))).astype(int)
    holed = np.where(rng.random(2000) < 0.3, np.nan, x)
    table = pl.DataFrame({"x": [None if np.isnan(v) else float(v) for v in holed], "free": rng.normal(size=2000)})

    def predict(t):
        return answers(t["x"].to_numpy().astype(float))

    found = pipeline.analyse("accuracy", y, predict(table), table, ["x", "free"], {}, predict)
    stages = {s["stage"]: s for s in found["stages"]}
    whole = ~np.isnan(holed)
    true_cost = np.mean(answers(x).labels() == y) - np.mean(predict(table).labels() == y)
    assert set(stages) == {"missing values", "model"} and stages["missing values"]["low"] <= true_cost <= stages["missing values"]["high"]
    assert stages["missing values"]["low"] > 0 and found["error"] == pytest.approx(sum(s["gain"] for s in found["stages"]))
    clean = pipeline.analyse("accuracy", y[whole], predict(table.filter(pl.Series(whole))), table.filter(pl.Series(whole)), ["x", "free"], {}, predict)
    assert [s["stage"] for s in clean["stages"]] == ["model"] and "no input is missing" in clean["notes"][0]


def test_unknown_levels_and_corrected_labels_are_stages():
    rng = np.random.default_rng(1)
    town = rng.choice(["a", "b"], 1000)
    y = np.where(rng.random(1000) < 0.9, town == "a", town != "a").astype(int)
    fold = np.repeat([0, 1], 500)
    named = np.where((fold == 1) & (rng.random(1000) < 0.2), "new-town", town)
    strange = pipeline.unseen_levels(pl.Series(named), fold)
    assert strange.sum() == (named == "new-town").sum() and not strange[fold == 0].any()
    held = fold == 1
    table = pl.DataFrame({"town": named[held]})

    def predict(t):
        v = t["town"].to_numpy()
        p = np.where(v == "a", 0.9, np.where(v == "b", 0.1, 0.45))
        return Predictions(task="binary", classes=("no", "yes"), proba=np.stack([1 - p, p], axis=1))

    raw = y[held].copy()
    raw[:40] = 1 - raw[:40]
    found = pipeline.analyse("accuracy", y[held], predict(table), table, ["town"], {"town": strange[held]}, predict, raw_y=raw)
    stages = {s["stage"]: s["gain"] for s in found["stages"]}
    assert set(stages) == {"unknown levels", "labels", "model"} and stages["unknown levels"] > 0.02 and stages["labels"] > 0.03


def test_the_sample_to_tag_holds_mistakes_only_and_repeats():
    rng = np.random.default_rng(2)
    x = rng.normal(size=900)
    y = (x + rng.normal(0, 0.7, 900) > 0).astype(int)
    said = answers(x)
    first, again = (gallery.pick(y, said, seed=5) for _ in range(2))
    assert (said.labels()[first["errors"]] != y[first["errors"]]).all() and len(first["errors"]) == 100 == len(set(first["errors"].tolist()))
    assert np.array_equal(first["errors"], again["errors"])
    values = Predictions(task="regression", values=x)
    picked = gallery.pick(x + rng.normal(size=900), values, seed=5)["errors"]
    assert len(picked) == 100


def test_nearest_rows_equal_scikit_learn_and_a_copy_is_its_own_nearest():
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(3)
    train = {"num": rng.uniform(-1, 1, (300, 4)).astype(np.float32), "cat": np.zeros((300, 0), np.int32)}
    new = {"num": np.concatenate([rng.uniform(-1, 1, (20, 4)).astype(np.float32), train["num"][7:8]]), "cat": np.zeros((21, 0), np.int32)}
    places, far = neighbours.nearest(train, new)
    distances, wanted = NearestNeighbors(n_neighbors=3, metric="manhattan").fit(train["num"]).kneighbors(new["num"])
    assert np.array_equal(places, wanted) and np.allclose(far * 4, distances, atol=1e-5) and places[-1, 0] == 7 and far[-1, 0] == 0
    coded = {"num": np.zeros((2, 1), np.float32), "cat": np.array([[1, 2], [1, 3]], np.int32)}
    assert neighbours.nearest(coded, {"num": np.zeros((1, 1), np.float32), "cat": np.array([[1, 3]], np.int32)}, 2)[0].tolist() == [[1, 0]]
    assert neighbours.least_sure(np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]]), 2).tolist() == [1, 2]


@pytest.fixture(scope="module")
def moons(tmp_path_factory) -> Jobs:
    folder = tmp_path_factory.mktemp("moons")
    made = Jobs(folder / "p", moons_csv(folder / "moons.csv", rows=600), "label", "accuracy", task="binary", positive="yes")
    made.split()
    return made


def test_a_setting_the_network_ignores_is_not_run_and_says_so(moons):
    config = small_config("tabm", epochs=2)
    ideas = [{"id": "norm", "title": "batch norm", "change": {"network.batch_norm": True}}, {"id": "width", "title": "wider", "change": {"network.hidden": "*2"}}]
    found = {i.id: i for i in moons.run("try_ideas", phase="tune", config=config.model_dump(), ideas=ideas, seeds=[0, 1, 2]).ideas}
    assert found["norm"].note.startswith("Not run: tabm does not use") and found["norm"].gain == 0 and found["norm"].verdict == "noise"
    assert not found["width"].note.startswith("Not run")
    parts = [{"id": "norm", "title": "without norm", "change": {"network.batch_norm": True}}, {"id": "decay", "title": "with decay", "change": {"train.weight_decay": 0.3}}]
    taken = {c.id: c for c in moons.run("ablate", phase="tune", config=config.model_dump(), components=parts, seeds=[0, 1, 2]).components}
    assert "not run" in taken["norm"].note and "not run" not in taken["decay"].note
    dense = moons.run("try_ideas", phase="tune", config=small_config(epochs=2).model_dump(), ideas=ideas[:1], seeds=[0, 1, 2])
    assert not dense.ideas[0].note.startswith("Not run")
