"""Handlers beyond the thin slice: search, ideas, ablation, ladder, inspection, field data, on folds and on a holdout."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, cancer_csv, diabetes_csv, moons_csv, small_config, write_csv  # noqa: E402


@pytest.fixture(scope="module")
def moons(tmp_path_factory) -> Jobs:
    folder = tmp_path_factory.mktemp("moons")
    made = Jobs(folder / "p", moons_csv(folder / "moons.csv"), "label", "accuracy", task="binary", positive="yes")
    made.split()
    return made


@pytest.fixture(scope="module")
def cancer(tmp_path_factory) -> Jobs:
    folder = tmp_path_factory.mktemp("cancer")
    made = Jobs(folder / "p", cancer_csv(folder / "cancer.csv"), "outcome", "roc_auc", task="binary", positive="malignant", folds=4)
    made.split(folds=4)
    return made


@pytest.fixture(scope="module")
def model(moons):
    return moons.run("fit", config=small_config(epochs=20).model_dump(), seeds=[0]).model


def test_folds_are_one_population_and_the_score_is_out_of_fold(cancer):
    from phasewise.kinds.tabular import predictor
    from phasewise.worker import arrays

    found = cancer.run("fit", config=small_config().model_dump(), seeds=[0])
    score = found.model.validation
    assert len(score.folds) == 4 and "out-of-fold" in score.method and found.plan["members"] == 4
    run, name = found.model.ref.split("/")
    held = arrays.load(cancer.folder / "runs" / run / "arrays", name)
    assert len(np.unique(held.rows)) == len(held.rows) == score.n
    shipped = predictor.load(cancer.folder / "runs" / run / "models" / name)
    assert shipped.card["type"] == "ensemble" and len(shipped.members) == 4
    assert not list((cancer.folder / "runs" / run / "models").glob(".*"))


def test_networks_that_look_at_fold_statistics_train_fold_by_fold(cancer):
    config = small_config("tabm", epochs=3)
    found = cancer.run("fit", config=config.model_dump(), seeds=[0])
    assert len(found.model.validation.folds) == 4 and found.plan["members"] == 1


def test_search_halves_ships_the_best_and_says_the_luck(moons):
    space = {"train.lr": {"kind": "log", "low": 1e-4, "high": 3e-2}, "network.hidden": {"kind": "widths", "low": 4, "high": 32, "depth": [1]}}
    found = moons.run("search", phase="tune", config=small_config(epochs=9).model_dump(), space=space, trials=9, seed=3)
    assert len(found.trials) == 9 and {t.state for t in found.trials} == {"finished", "halved"}
    finished = [t.value for t in found.trials if t.state == "finished"]
    assert found.best.validation.value == pytest.approx(max(finished)) and found.evaluations == 9
    assert 0 < found.optimism < 0.05 and found.trials[0].config == {}
    again = moons.run("search", phase="tune", config=small_config(epochs=9).model_dump(), space=space, trials=9, seed=3)
    assert [t.value for t in again.trials] == [t.value for t in found.trials]


def test_a_learned_search_starts_as_the_random_one_and_then_goes_where_it_was_better(moons):
    space = {"train.lr": {"kind": "log", "low": 1e-6, "high": 1e-1}, "network.hidden": {"kind": "widths", "low": 4, "high": 32, "depth": [1]}}
    fields = {"phase": "tune", "config": small_config(epochs=6).model_dump(), "space": space, "seed": 3}
    found = moons.run("search", **fields, trials=24, mode="learned")
    chance = moons.run("search", **fields, trials=8)
    first, later = found.trials[:8], found.trials[8:]
    assert found.generations == [8, 8, 8] and [t.config for t in first] == [t.config for t in chance.trials]
    assert len({str(t.config) for t in found.trials}) == 24 and {t.id for t in later} == {f"t{i}" for i in range(8, 24)}
    assert [[sum(t.epochs >= e for t in part) for e in (1, 4, 6)] for part in (first, later[:8], later[8:])] == [[8, 4, 2], [8, 4, 4], [8, 4, 4]]
    assert found.rung_correlation is not None  # of the first generation, the only one with two rungs
    rates = [np.median([math.log10(t.config["train.lr"]) for t in part if t.config]) for part in (first, later)]
    assert rates[1] > rates[0] + 0.5  # the lower half of the rates learns nothing in six epochs
    assert found.evaluations == 24 and found.best.validation.value >= chance.best.validation.value
    few = moons.run("search", **fields, trials=8, mode="learned")
    assert [t.config for t in few.trials] == [t.config for t in chance.trials] and not few.generations  # too few to learn from


def test_a_search_over_layers_finds_better_widths_than_a_bottleneck_and_replays(moons):
    """R17: units moved between layers, layers added and taken away, from a start with a layer of one unit."""
    start = small_config(epochs=12)
    start = start.model_copy(update={"network": start.network.model_copy(update={"family": "mlp", "hidden": [16, 1, 16], "dropout": []})})
    fields = {"phase": "tune", "config": start.model_dump(), "space": {"network.hidden": {"kind": "layers", "depth": [1, 2, 3], "widths": [4, 8, 16]}}, "trials": 14, "mode": "layers", "seed": 1}
    found = moons.run("search", **fields)
    widths = [tuple(t.config["network.hidden"]) for t in found.trials[1:]]
    assert len(set(widths)) == 13 and found.trials[0].config == {} and (16, 1, 16) not in widths
    assert found.best.validation.value > found.trials[0].value + 0.01
    assert [t.value for t in moons.run("search", **fields).trials] == [t.value for t in found.trials]
    bare = start.model_copy(update={"network": start.network.model_copy(update={"family": "linear", "hidden": []})})
    moons.run("search", **{**fields, "config": bare.model_dump()}, code=2)


def test_sequential_search_goes_one_setting_after_another(moons):
    space = {"train.lr": {"kind": "log", "low": 1e-4, "high": 3e-2}, "train.weight_decay": {"kind": "log", "low": 1e-5, "high": 1e-2}}
    found = moons.run("search", phase="tune", config=small_config(epochs=4).model_dump(), space=space, trials=5, mode="sequential")
    assert [sorted(t.config) for t in found.trials[:3]] == [[], ["train.lr"], ["train.lr"]]
    assert all("train.weight_decay" in t.config for t in found.trials[3:])


def test_ideas_are_paired_and_adopted_only_beyond_noise(moons):
    ideas = [
        {"id": "noop", "title": "nothing", "change": {}}, {"id": "better", "change": {"train.lr": 0.02, "network.hidden": "*2"}},
        {"id": "worse", "change": {"train.lr": 1e-6}}, {"id": "broken", "change": {"network.family": "no-such"}}, {"id": "diverges", "change": {"train.lr": 1e6, "train.optimizer": "sgd"}},
    ]
    found = moons.run("try_ideas", phase="tune", config=small_config(lr=3e-4, epochs=8).model_dump(), ideas=ideas, seeds=[0, 1, 2, 3, 4])
    told = {i.id: i for i in found.ideas}
    assert told["noop"].gain == 0 and told["noop"].verdict == "noise"
    assert told["better"].verdict == "better" and told["better"].low > 0 and len(told["better"].values) == 5
    assert "With rows drawn anew as well as seeds: [+" in told["better"].note and "ahead in 100%" in told["better"].note and "anew" not in told["noop"].note
    assert told["worse"].verdict == "worse" and told["broken"].verdict == "broken" and "no-such" in told["broken"].note
    assert told["diverges"].verdict in ("broken", "worse")
    run = told["better"].model.ref.split("/")[0]
    assert (moons.folder / "runs" / run / "models" / "idea-better" / "card.json").exists() and not (moons.folder / "runs" / run / "models" / "idea-noop").exists()


def test_an_unknown_key_refuses_the_whole_job(moons):
    path = moons.run("try_ideas", code=2, phase="tune", config=small_config().model_dump(), ideas=[{"id": "x", "change": {"train.learning_rate": 0.1}}], seeds=[0, 1, 2])
    assert "train.learning_rate" in (path / "events.jsonl").read_text()
    path = moons.run("try_ideas", code=2, phase="tune", config=small_config().model_dump(), ideas=[{"id": "x", "change": {"prepare.numeric": "quantile"}}], seeds=[0, 1, 2])
    assert "prepare.numbers" in (path / "events.jsonl").read_text()


def test_ablation_wants_one_key_and_finds_what_matters(moons):
    config = small_config(epochs=10).model_dump()
    found = moons.run("ablate", phase="tune", config=config, seeds=[0, 1, 2, 3], components=[
        {"id": "layer", "title": "hidden layer", "change": {"network.family": "linear"}}, {"id": "noop", "title": "no-op", "change": {"train.clip_norm": 1e9}}])
    told = {c.id: c for c in found.components}
    assert told["layer"].drop > 0.01 and told["layer"].p_holm < 0.05
    assert told["noop"].low <= 0 <= told["noop"].high and told["noop"].p_holm > 0.05
    assert [p["id"] for p in found.path] == ["full", "layer", "noop"] and found.interaction is not None
    moons.run("ablate", code=2, phase="tune", config=config, seeds=[0, 1, 2], components=[{"id": "two", "change": {"train.lr": 0.1, "train.epochs": 2}}])


def test_ladder_stops_at_the_rung_that_reaches_the_goal(moons):
    start = small_config(lr=1e-5, epochs=10, optimizer="sgd")
    found = moons.run("ladder", config=start.model_dump(), goal=0.93)
    assert found.reached and [r.id for r in found.rungs] == ["finder", "adam", "exponential", "staircase", "cosine", "restarts", "width", "batch", "depth", "objective"][: len(found.rungs)]
    assert found.rungs[-1].kept and found.rungs[-1].after >= 0.93 and len(found.rungs) < 9


def test_every_rung_of_the_ladder_can_be_climbed(moons):
    from phasewise.worker.jobs import ladder

    start = small_config(lr=0.1, epochs=4, optimizer="sgd", batch_size=64)
    start = start.model_copy(update={"network": start.network.model_copy(update={"family": "mlp", "hidden": [16, 8], "dropout": [0.1, 0.1]})})
    rungs = moons.run("ladder", config=start.model_dump(), goal=2.0, rungs=["adam", "exponential", "batch", "depth"]).rungs
    told = {r.id: r for r in rungs}
    assert all(r.kept == (1 - r.after < 0.99 * (1 - r.before)) for r in rungs) and not all(r.kept for r in rungs), "what does not lower the error is undone"
    assert all(b.before == (a.after if a.kept else a.before) for a, b in zip(rungs, rungs[1:], strict=False))
    assert all(math.isfinite(r.after) for r in told.values()), told
    assert told["adam"].change["train.optimizer"] == "adamw" and told["adam"].change["train.lr"] < 0.1
    assert told["batch"].change == {"train.batch_size": "/2", "train.lr": "/2"}
    assert ladder.change_of("depth", small_config(family="one_hidden"))[0]["network.family"] == "mlp"


def test_ladder_questions_the_objective_on_random_labels(tmp_path):
    rng = np.random.default_rng(0)
    file = write_csv(tmp_path / "noise.csv", {"a": rng.normal(size=1200).round(4), "b": rng.normal(size=1200).round(4), "c": rng.normal(size=1200).round(4), "y": rng.choice(["u", "v"], 1200)})
    jobs = Jobs(tmp_path / "p", file, "y", "accuracy", task="binary")
    jobs.split()
    found = jobs.run("ladder", config=small_config(epochs=5).model_dump(), goal=0.99, rungs=["adam", "objective"])
    assert not found.reached and "may not hold the answer" in found.advice


def test_inspection_repeats_to_the_byte(moons, model):
    parts = ["slices", "gallery", "confusion", "calibration", "importance", "threshold"]
    first = moons.run("inspect", phase="tune", model=model.ref, parts=parts)
    second = moons.run("inspect", phase="tune", model=model.ref, parts=parts)
    assert first.model_dump_json() == second.model_dump_json()
    assert {i["column"]: i for i in first.importance}["b"]["keep"] and not {i["column"]: i for i in first.importance}["noise"]["keep"]
    assert set(first.gallery) == {"worst", "best", "unsure", "random", "errors"}
    losses = [g["loss"] for g in first.gallery["worst"]]
    assert losses == sorted(losses, reverse=True) and first.gallery["worst"][0]["truth"] != first.gallery["worst"][0]["prediction"]
    assert sum(map(sum, first.confusion["counts"])) == model.validation.n and first.calibration["ece"] < 0.2
    assert first.threshold["at_threshold"] >= first.threshold["at_half"]


def test_learning_curve_predicts_more_data(moons, model):
    found = moons.run("inspect", phase="tune", model=model.ref, parts=["learning_curve"]).learning_curve
    assert len(found["points"]) == 15 and found["double_low"] <= found["double"] <= found["double_high"]
    assert 0 <= found["gain_double"] < 0.2


def test_regression_goes_through(tmp_path):
    jobs = Jobs(tmp_path / "p", diabetes_csv(tmp_path / "d.csv"), "progression", "rmse", task="regression", folds=3)
    jobs.split(policy="random", folds=3)
    base = jobs.run("baselines", models=["linear"])
    found = jobs.run("fit", config=small_config(epochs=30).model_dump(), seeds=[0])
    assert 40 < found.model.validation.value < 75 and found.diagnosis.validation_error == pytest.approx(found.model.validation.value)
    both = jobs.run("combine", phase="strengthen", models=[found.model.ref, base.models[0].ref], methods=["average", "weighted"])
    assert both.best.validation.value < 75
    look = jobs.run("open_vault", phase="verify", model=both.best.ref, freeze="f", baselines=[m.ref for m in base.models], claim="better_than_baseline", margin=0.0, evaluations=3)
    assert look.rows > 50 and look.test.method.startswith("bca") and look.verdict in ("undecided", "refuted", "confirmed", "disagrees", "suspiciously_better")


@pytest.fixture(scope="module")
def arrivals(moons, tmp_path_factory):
    from sklearn.datasets import make_moons

    folder = tmp_path_factory.mktemp("field")
    rng = np.random.default_rng(9)

    def columns(shift: float, flip: float = 0.0, rows: int = 600, seed: int = 77):
        x, y = make_moons(rows, noise=0.25, random_state=seed)
        wrong = rng.random(rows) < flip
        return {"a": (x[:, 0] + shift).round(5), "b": x[:, 1].round(5), "noise": rng.normal(size=rows).round(5), "colour": rng.choice(["red", "green", "blue"], rows), "label": np.where((y == 1) ^ wrong, "yes", "no")}

    return folder, columns


def test_field_data_like_training_raises_no_alarm(moons, model, arrivals):
    folder, columns = arrivals
    found = moons.run("field", phase="field", model=model.ref, file=str(write_csv(folder / "same.csv", columns(0.0))), name="same", target=0.8)
    assert found.loop == "none" and found.overlap == 0 and not [d for d in found.drift if d.drifted]
    assert found.score.n == 600 and abs(found.prior["yes"] - 0.5) < 0.1
    assert not [line for line in found.do_not_trust if "population" in line or "missing" in line]
    assert (moons.folder / found.predictions_file).exists()
    assert len(found.examples) == 5 and all(0.5 <= e["confidence"] < 0.7 and len(e["nearest"]) == 3 for e in found.examples)
    assert all(n["label"] in ("yes", "no") and n["distance"] < 0.5 for e in found.examples for n in e["nearest"])


def test_field_data_that_moved_says_which_loop(moons, model, arrivals):
    folder, columns = arrivals
    found = moons.run("field", phase="field", model=model.ref, file=str(write_csv(folder / "moved.csv", columns(1.5))), name="moved", target=0.8)
    assert found.loop == "new_sets" and [d.column for d in found.drift if d.drifted and d.column == "a"] and found.domain_auc > 0.6
    assert any(f.check == "joint-drift" for f in found.findings) and found.do_not_trust
    wrong = moons.run("field", phase="field", model=model.ref, file=str(write_csv(folder / "wrong.csv", columns(0.0, flip=0.3))), name="wrong")
    assert wrong.loop == "new_sets" and "relation" in wrong.loop_reason and not [d for d in wrong.drift if d.drifted]


def test_rows_seen_in_training_do_not_count(moons, model, arrivals):
    folder, columns = arrivals
    lines = (moons.data.file and Path(moons.data.file).read_text().splitlines())
    fresh = write_csv(folder / "mix.csv", columns(0.0, rows=200, seed=5)).read_text().splitlines()
    (folder / "mix.csv").write_text("\n".join([*fresh, *lines[1:401]]) + "\n")
    found = moons.run("field", phase="field", model=model.ref, file=str(folder / "mix.csv"), name="mix")
    assert 250 < found.overlap < 400 and found.score.n <= 600 - found.overlap


def test_field_rows_without_labels_or_columns(moons, model, arrivals):
    folder, columns = arrivals
    data = columns(0.0, rows=150)
    data.pop("label")
    data.pop("noise")
    found = moons.run("field", phase="field", model=model.ref, file=str(write_csv(folder / "bare.csv", data)), name="bare")
    assert found.score is None and any(f.check == "field-contract" and f.columns == ["noise"] for f in found.findings) and any("missing" in t for t in found.do_not_trust)
    few = {k: v[:50] for k, v in data.items()}
    tiny = moons.run("field", phase="field", model=model.ref, file=str(write_csv(folder / "few.csv", few)), name="few")
    assert tiny.drift == [] and any(f.check == "few-rows" for f in tiny.findings)
    assert math.isfinite(tiny.rows)


def test_a_target_learned_along_goes_from_the_file_to_a_model_without_it(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 4))
    cause = np.tanh(x[:, 0]) * x[:, 1]
    columns = {f"x{i}": x[:, i].round(4) for i in range(4)} | {"later": cause.round(4), "label": np.where(cause + 0.3 * rng.normal(size=500) > 0, "yes", "no")}
    jobs = Jobs(tmp_path / "p", write_csv(tmp_path / "a.csv", columns), "label", "accuracy", task="binary", positive="yes", roles={"later": "ignore"})
    jobs.split(folds=3)
    config = small_config("mlp", epochs=10).model_dump()
    config["prepare"] = {"auxiliary": ["later"]}
    config["network"]["options"] = {"auxiliary_weight": 0.5}
    found = jobs.run("fit", config=config, seeds=[0]).model
    predicted = jobs.run("predict", phase="ship", model=found.ref, file=str(write_csv(tmp_path / "new.csv", {f"x{i}": x[:9, i] for i in range(4)})), output=str(tmp_path / "out.csv"))
    assert predicted.rows == 9 and found.validation.value > 0.6
    pruned = jobs.run("try_ideas", phase="tune", config=config, seeds=[0, 1, 2], ideas=[{"id": "off", "title": "nothing along", "change": {"prepare.auxiliary": []}}])
    assert pruned.ideas[0].verdict in ("noise", "better", "worse")


def test_field_rows_that_repeat_count_once_and_a_renamed_column_is_recognised(moons, model, arrivals):
    folder, columns = arrivals
    data = columns(0.0)
    twice = moons.run("field", phase="field", model=model.ref, file=str(write_csv(folder / "twice.csv", {k: np.r_[v, v] for k, v in data.items()})), name="twice")
    once = moons.run("field", phase="field", model=model.ref, file=str(write_csv(folder / "once.csv", data)), name="once")
    assert twice.judged == once.judged and twice.score.value == once.score.value and not any(f.check == "joint-drift" for f in twice.findings)
    assert [f.rows for f in twice.findings if f.check == "rows-repeated"] == [once.rows] and not any(f.check == "rows-repeated" for f in once.findings)
    named = moons.run("field", phase="field", model=model.ref, file=str(write_csv(folder / "named.csv", {("noise_level" if k == "noise" else k): v for k, v in data.items()})), name="named")
    assert any("'noise' -> 'noise_level'" in f.seen for f in named.findings if f.check == "field-contract")
    assert named.overlap == 0


def test_labels_of_another_spelling_are_named_and_one_class_is_said(moons, model, arrivals):
    folder, columns = arrivals
    data = columns(0.0)
    labels = np.array([str(v) for v in data["label"]], dtype=object)
    labels[labels == sorted(set(labels))[0]] = "sick"
    found = moons.run("field", phase="field", model=model.ref, file=str(write_csv(folder / "sick.csv", data | {"label": labels})), name="sick")
    told = {f.check: f for f in found.findings}
    assert "'sick'" in told["unknown-labels"].seen and "one-class" in told
