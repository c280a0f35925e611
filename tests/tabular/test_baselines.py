"""Baselines equal hand-written pipelines, the job stores and ranks them, and the need-DL verdict says no where it must (G01, G02)."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from phasewise.kinds import need
from phasewise.kinds.tabular import baselines, development, predictor
from phasewise.records.errors import UsageError
from phasewise.records.jobs import BaselinesJob, SplitJob
from phasewise.records.results.common import Score
from phasewise.worker import arrays
from phasewise.worker.jobs import baselines as job_room
from tabular.helpers import developed, mixed, project, view


def context(made: object) -> SimpleNamespace:
    """The few things the handler uses of a run context."""
    folder = made.path / "runs" / "0001-baselines"

    def model_dir(name: str) -> Path:
        path = folder / "models" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    return SimpleNamespace(
        project=made, run=SimpleNamespace(id="0001-baselines", arrays_dir=folder / "arrays", models_dir=folder / "models"), threads=1,
        control=SimpleNamespace(poll=lambda: None, stop=None), progress=lambda *a, **k: None, log=lambda *a, **k: None, model_dir=model_dir,
    )


def table_of(loaded: object) -> pl.DataFrame:
    """A scikit-learn set as a table with its target last."""
    frame = pl.DataFrame(loaded.data, schema=[f"f{i}" for i in range(loaded.data.shape[1])], orient="row")
    return frame.with_columns(pl.Series("target", loaded.target))


def run(tmp_path: Path, frame: pl.DataFrame, models: list[str], metric: str, target: float | None = None, task: str | None = None, **job: object):
    made, wished = project(tmp_path, frame, **job)
    wished = wished.model_copy(update={"metric": metric, "task": task})
    return job_room.run(context(made), BaselinesJob(phase="baseline", data=wished, models=models, target=target)), made, wished


def test_linear_equals_a_hand_written_pipeline(tmp_path: Path) -> None:
    loaded = datasets.load_breast_cancer()
    dev, wished = developed(tmp_path, table_of(loaded))
    found = baselines.fit("linear", dev, wished)
    x = dev.table.select(dev.features).to_numpy()
    for train, held in dev.rounds():
        mine = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(x[train], dev.y[train]).predict_proba(x[held])
        place = {int(r): i for i, r in enumerate(found.rows)}
        assert np.allclose(found.predictions.proba[[place[int(r)] for r in held]], mine, atol=1e-3)
    assert (found.predictions.labels() == dev.y[found.rows]).mean() > 0.965


def test_ridge_equals_a_hand_written_pipeline(tmp_path: Path) -> None:
    dev, wished = developed(tmp_path, table_of(datasets.load_diabetes()).drop("f1"))
    assert set(dev.roles.values()) == {"number"}
    found = baselines.fit("linear", dev, wished)
    x = dev.table.select(dev.features).to_numpy()
    train, held = dev.rounds()[0]
    mine = make_pipeline(StandardScaler(), Ridge(alpha=1.0)).fit(x[train], dev.y[train]).predict(x[held])
    assert np.allclose(found.predictions.values[: len(held)], mine, rtol=1e-4)
    assert 50 < np.sqrt(np.mean((found.predictions.values - dev.y[found.rows]) ** 2)) < 60


def test_every_baseline_sees_only_its_training_rows(tmp_path: Path) -> None:
    dev, wished = developed(tmp_path, mixed(1300))
    from dataclasses import replace

    labels = dev.y.copy()
    labels[dev.validation] = 1 - labels[dev.validation]
    flipped = replace(dev, y=labels)
    for name in ("linear", "trees", "knn"):
        assert np.array_equal(baselines.fit(name, dev, wished).predictions.proba, baselines.fit(name, flipped, wished).predictions.proba)


def test_shuffled_labels_give_no_skill(tmp_path: Path) -> None:
    frame = mixed(1500)
    frame = frame.with_columns(frame["target"].shuffle(seed=1))
    result, _, _ = run(tmp_path, frame, ["linear", "trees"], "roc_auc")
    assert all(m.validation.low < 0.5 < m.validation.high or m.validation.value < 0.56 for m in result.models)
    assert result.need.verdict == "no"


def test_job_ranks_stores_and_reloads(tmp_path: Path) -> None:
    result, made, wished = run(tmp_path, mixed(1500), list(baselines.NAMES), "roc_auc", target=0.999)
    names = [m.name for m in result.models]
    values = [m.validation.value for m in result.models]
    assert values == sorted(values, reverse=True) and names[-1] == "dummy" and values[-1] == 0.5
    assert set(names) | set(result.skipped) == set(baselines.NAMES)
    dev = development.load(made, wished)
    for m in result.models:
        folder = made.path / "runs" / m.ref.replace("/", "/models/")
        held = arrays.load(made.path / "runs" / "0001-baselines" / "arrays", m.name)
        again = predictor.load(folder).predict(dev.table[held.rows])
        assert np.allclose(again.proba, held.predictions.proba, atol=1e-6)
        assert len(m.digest) == 64 and m.validation.method == "delong" and m.others["accuracy"] > 0.4 and m.size_mb > 0 and m.latency_ms > 0


def test_folds_are_scored_out_of_fold(tmp_path: Path) -> None:
    result, made, wished = run(tmp_path, mixed(400), ["linear"], "accuracy")
    best = result.models[0]
    assert len(best.validation.folds) == 5 and best.validation.n == 320
    assert any("out of fold on 5 folds" in n for n in result.notes)


def test_unknown_baseline_lists_the_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown baseline") as caught:
        baselines.known("magic")
    assert "linear" in caught.value.remedy
    assert baselines.known("boosting").name == "trees"


def _german_credit_like() -> pl.DataFrame:
    """1,000 rows, 7 numbers and 13 categories, 30 % positives, AUC about 0.78: the shape of German credit."""
    rng = np.random.default_rng(4)
    n = 1000
    numbers = rng.normal(size=(n, 7))
    categories = rng.integers(0, 4, size=(n, 13))
    effects = rng.normal(0, 0.35, size=(13, 4))
    score = numbers @ rng.normal(0, 0.3, 7) + effects[np.arange(13), categories].sum(1) + rng.logistic(0, 1, n)
    frame = pl.DataFrame({f"n{i}": numbers[:, i].round(4) for i in range(7)} | {f"c{i}": np.array(list("wxyz"))[categories[:, i]] for i in range(13)})
    return frame.with_columns(pl.Series("target", np.where(score > np.quantile(score, 0.7), "bad", "good")))


@pytest.mark.parametrize(("name", "metric", "low", "high"), [("wine", "accuracy", 0.95, 1.0), ("iris", "accuracy", 0.9, 1.0), ("diabetes", "rmse", 50, 60), ("german-credit-like", "roc_auc", 0.68, 0.88)])
def test_verdict_is_no_on_small_tables(tmp_path: Path, name: str, metric: str, low: float, high: float) -> None:
    frame = _german_credit_like() if name == "german-credit-like" else table_of(getattr(datasets, f"load_{name}")())
    result, _, _ = run(tmp_path, frame, ["dummy", "linear", "knn", "trees"], metric)
    assert result.need.verdict == "no" and result.need.best
    best = result.models[0].validation.value
    assert low <= best <= high and f"{best:.4g}" in result.need.reason


def contender(value: float, half: float = 0.01, family: str = "trees", metric: str = "accuracy") -> need.Contender:
    return need.Contender(ref=f"r/{family}", name=family, family=family, score=Score(metric=metric, value=value, low=value - half, high=value + half, n=2000))


@pytest.mark.parametrize(("best", "target", "rows", "kind", "word"), [
    (0.91, 0.90, 50_000, "tabular", "no"), (0.90, 0.90, 50_000, "tabular", "no"), (0.895, 0.90, 50_000, "tabular", "maybe"), (0.80, 0.90, 50_000, "tabular", "yes"),
    (0.80, 0.90, 5_000, "tabular", "maybe"), (0.80, 0.90, 900, "tabular", "no"), (0.60, 0.90, 50_000, "images", "yes"), (0.55, 0.90, 240, "images", "yes"),
    (0.80, None, 50_000, "tabular", "maybe"), (0.996, 0.999, 50_000, "tabular", "no"), (0.505, 0.90, 50_000, "tabular", "no"),
])
def test_verdict_cases(best: float, target: float | None, rows: int, kind: str, word: str) -> None:
    found = need.verdict([contender(0.5, family="dummy"), contender(best), contender(best - 0.02, family="linear")], target=target, rows=rows, kind=kind)
    assert found.verdict == word and found.best == "r/trees"
    assert found.gap == (None if target is None else pytest.approx(target - best)) and found.numbers["best"] == best


def test_verdict_minimises_errors() -> None:
    found = need.verdict([contender(50.0, 2, metric="rmse"), contender(70.0, 2, "dummy", "rmse")], target=45.0, rows=50_000)
    assert found.verdict == "yes" and found.gap == pytest.approx(5.0)
    assert need.verdict([contender(44.0, 2, metric="rmse")], target=45.0, rows=50_000).verdict == "no"
    assert need.verdict([], target=None, rows=0).verdict == "maybe"


@pytest.mark.parametrize(("proposed", "rows", "word"), [(True, 13_000, "maybe"), (False, 13_000, "no"), (True, 5_000, "no")])
def test_a_met_goal_that_nobody_chose_shuts_no_network_out_where_many_rows_would_show_a_gain(proposed, rows, word) -> None:
    found = need.verdict([contender(0.5, family="dummy"), contender(0.85, 0.002)], target=0.83, rows=rows, proposed=proposed)
    assert found.verdict == word and ("Nobody chose that goal" in found.reason) is (word == "maybe")
    spent = need.verdict([contender(0.5, family="dummy"), contender(0.997, 0.002)], target=0.83, rows=rows, proposed=proposed)
    assert spent.verdict == "no"  # nothing is left to gain


def test_a_goal_that_the_constant_meets_asks_nothing() -> None:
    found = need.verdict([contender(70.0, 2, "dummy", "rmse"), contender(50.0, 2, metric="rmse")], target=90.0, rows=50_000)
    assert found.verdict == "no" and "asks nothing" in found.reason


def test_the_four_of_adult(tmp_path: Path, shared_data: Path) -> None:
    from phasewise.kinds.tabular import splitting
    from phasewise.project.folder import Project

    made = Project.create(tmp_path / "p")
    wished = view(shared_data / "adult/train.csv.gz", "income", metric="roc_auc")
    splitting.split(made, SplitJob(phase="data", data=wished, policy="stratified", test_file=str(shared_data / "adult/test.csv")), lambda *a, **k: None)
    result = job_room.run(context(made), BaselinesJob(phase="baseline", data=wished, models=["dummy", "linear", "knn", "trees"]))
    assert result.models[0].name == "trees" and result.models[0].validation.value > 0.92
    assert any("sample of 20,000" in n for n in result.notes)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_many_levels_are_encoded_inside_the_fit_and_saved(tmp_path: Path, task: str) -> None:
    rng = np.random.default_rng(0)
    n = 3000
    effect, town = rng.normal(size=400), rng.integers(0, 400, n)
    value = effect[town] * 20 + rng.normal(0, 5, n)
    target = np.round(value).astype(int).tolist() if task == "regression" else np.where(value > 0, "yes", "no").tolist()
    dev, wished = developed(tmp_path, pl.DataFrame({"town": [f"t{t}" for t in town], "x": rng.normal(size=n).round(4), "target": target}))
    assert dev.task == task and dev.roles["town"] == "category"
    found = baselines.fit("trees", dev, wished)
    assert found.estimator[0].transformers_[1][1].target_type_ == ("continuous" if task == "regression" else "binary")
    predictor.save_sklearn(tmp_path / "m", estimator=found.estimator, preparing=found.preparing, matrix=found.matrix, card={"name": "m"})
    again = predictor.load(tmp_path / "m").predict(dev.table[dev.validation])
    if task == "regression":
        assert np.array_equal(again.values, found.predictions.values)
        assert np.corrcoef(again.values, dev.y[dev.validation])[0, 1] > 0.9
    else:
        assert np.array_equal(again.proba, found.predictions.proba) and (again.labels() == dev.y[dev.validation]).mean() > 0.85
