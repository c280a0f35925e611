"""Saved models: reload without the project, column contract, ensembles of both kinds, no code on load, harmless CSV (E05, reliability.md 2.2)."""

import csv
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from phasewise import engine
from phasewise.engine.member import Member
from phasewise.kinds import folders
from phasewise.kinds.shared import answers
from phasewise.kinds.tabular import answering, baselines, batches, networks, predictor, preparing
from phasewise.records.errors import BadInputError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
from phasewise.stats.predictions import Predictions
from tabular.helpers import developed, mixed

CONFIG = ModelConfig(network=NetworkSpec(family="mlp", hidden=[8]), train=TrainSpec(epochs=2, lr=1e-2, batch_size=64))


def trained(dev: object, wished: object, folder: Path, config: ModelConfig = CONFIG) -> Predictions:
    """A small network saved in `folder`; its validation predictions as the engine gave them."""
    prepared = preparing.fit(dev, dev.train, wished)
    data = batches.dataset(dev, prepared)
    info = batches.info(prepared, data, dev.train)
    member = Member(id="m", config=config, seed=1, train=torch.from_numpy(dev.train), validation=torch.from_numpy(dev.validation))
    (found,) = engine.fit([member], data, info, networks.build, plan="one", watch=False).members
    predictor.save_network(folder, state=found.state, config=config, info=info, preparing=prepared, card={"name": "net", "metric": "accuracy", "seed": 1})
    return batches.predictions(found.outputs, prepared)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    root = tmp_path_factory.mktemp("models")
    dev, wished = developed(root, mixed(1300))
    said = trained(dev, wished, root / "net")
    fitted = baselines.fit("trees", dev, wished)
    predictor.save_sklearn(root / "trees", estimator=fitted.estimator, preparing=fitted.preparing, matrix=fitted.matrix, card={"name": "trees", "metric": "accuracy"})
    return dev, wished, root, said, fitted


def test_reloaded_models_say_what_they_said(world: tuple) -> None:
    dev, _, root, said, fitted = world
    held = dev.table[dev.validation]
    assert np.array_equal(predictor.load(root / "net").predict(held).proba, said.proba)
    assert np.array_equal(predictor.load(root / "trees").predict(held).proba, fitted.predictions.proba)


def test_ensemble_of_network_and_trees(world: tuple, tmp_path: Path) -> None:
    dev, _, root, said, fitted = world
    held = dev.table[dev.validation]
    for method, weights in (("average", (1, 1)), ("weighted", (3, 1)), ("vote", (1, 1))):
        predictor.save_ensemble(tmp_path / method, members=[(root / "net", weights[0]), (root / "trees", weights[1])], method=method, card={"name": method})
        found = predictor.load(tmp_path / method).predict(held)
        if method != "vote":
            share = np.array(weights) / sum(weights) if method == "weighted" else np.array([0.5, 0.5])
            assert np.allclose(found.proba, share[0] * said.proba + share[1] * fitted.predictions.proba)
        both = said.labels() == fitted.predictions.labels()
        assert np.array_equal(found.labels()[both], said.labels()[both])
        assert found.classes == ("no", "yes") and np.allclose(found.proba.sum(1), 1)


def test_loads_in_another_process_without_the_project(world: tuple, tmp_path: Path) -> None:
    dev, _, root, said, _ = world
    dev.natural[dev.validation].drop("target").write_csv(tmp_path / "new.csv")
    code = (
        "import sys;from pathlib import Path;from phasewise.kinds.tabular import answering,predictor;"
        "answering.answer_file(predictor.load(sys.argv[1]),sys.argv[2],Path(sys.argv[3]))"
    )
    subprocess.run([sys.executable, "-c", code, str(root / "net"), str(tmp_path / "new.csv"), str(tmp_path / "out.csv")], check=True, cwd=tmp_path)
    rows = list(csv.reader((tmp_path / "out.csv").open()))
    assert rows[0] == ["row", "prediction", "p(no)", "p(yes)"] and len(rows) == len(said) + 1
    assert [float(r[3]) for r in rows[1:]] == pytest.approx(said.proba[:, 1], abs=1e-5)


def test_contract(world: tuple) -> None:
    dev, _, root, _, _ = world
    model = predictor.load(root / "trees")
    natural = dev.natural.head(50)
    with pytest.raises(BadInputError) as caught:
        model.check(natural.rename({"colour": "color"}))
    assert "'colour'" in caught.value.cause and "found 'color'" in caught.value.remedy
    odd = natural.with_columns(pl.lit("mauve").alias("colour"), pl.lit("oops").alias("z"), pl.lit(1).alias("extra"))
    found = {f.id: f for f in model.check(odd)}
    assert found["unseen-levels:colour"].rows == 50 and found["other-type:z"].rows == 50 and "extra" in found["extra-columns"].columns
    assert np.isfinite(model.predict(model.shape(odd)).proba).all()
    hollow = {f.id: f for f in model.check(natural.with_columns(pl.lit(None).cast(natural["z"].dtype).alias("z")))}
    assert hollow["empty-columns"].severity == "warn" and hollow["empty-columns"].columns == ["z"]
    assert "empty-columns" not in {f.id for f in model.check(natural.head(1).with_columns(pl.lit(None).cast(natural["z"].dtype).alias("z")))}
    clean = model.check(dev.natural.drop("key"))
    assert not [f for f in clean if f.severity == "warn"]


def test_column_order_extra_columns_and_types_do_not_matter(world: tuple) -> None:
    dev, _, root, _, _ = world
    natural = dev.natural.head(40)
    model = predictor.load(root / "net")
    usual = model.predict(model.shape(natural)).proba
    turned = natural.select(reversed(natural.columns)).with_columns(pl.col("x").cast(pl.String), pl.lit("x").alias("more"))
    assert np.array_equal(model.predict(model.shape(turned)).proba, usual)
    assert np.array_equal(model.predict(dev.table.head(40)).proba, usual)
    assert len(model.predict(dev.table.head(0))) == 0


def test_threshold_decides_the_label(world: tuple) -> None:
    dev, _, root, said, _ = world
    text = answering.to_csv(said, 0.9)
    labels = [line.split(",")[1] for line in text.splitlines()[1:]]
    assert labels == ["yes" if p >= 0.9 else "no" for p in said.proba[:, 1]]


def test_real_shares_shift_probabilities() -> None:
    said = Predictions(task="binary", classes=("no", "yes"), proba=np.array([[0.5, 0.5], [0.1, 0.9]]))
    pi_train, pi_real = np.array([0.5, 0.5]), np.array([0.99, 0.01])
    found = folders.shifted(said, list(pi_real / pi_train))
    p = said.proba[:, 1]
    r1, r0 = pi_real[1] / pi_train[1], pi_real[0] / pi_train[0]
    assert np.allclose(found.proba[:, 1], p * r1 / (p * r1 + (1 - p) * r0), atol=1e-12)


def test_regression_round_trip(tmp_path: Path) -> None:
    dev, wished = developed(tmp_path, mixed(1300, task="regression"))
    said = trained(dev, wished, tmp_path / "net")
    held = dev.table[dev.validation]
    assert np.array_equal(predictor.load(tmp_path / "net").predict(held).values, said.values)
    assert np.sqrt(np.mean((said.values - dev.y[dev.validation]) ** 2)) < dev.y.std() * 1.05


def test_models_with_foreign_types_are_refused(tmp_path: Path) -> None:
    import skops.io as sio
    from sklearn.preprocessing import FunctionTransformer

    for number, evil in enumerate((FunctionTransformer(os.system), FunctionTransformer(functools.partial(os.system, "true")))):
        path = tmp_path / f"{number}.skops"
        path.write_bytes(sio.dumps(evil))
        with pytest.raises(BadInputError, match="not trusted"):
            folders.load_estimator(path)
        with pytest.raises(TypeError, match="could not be loaded"):
            folders.dump_estimator(evil, tmp_path / "x.skops")
    (tmp_path / "junk.skops").write_bytes(b"PK\x03\x04junk")
    with pytest.raises(BadInputError):
        folders.load_estimator(tmp_path / "junk.skops")


@pytest.mark.parametrize(("card", "said"), [
    ("{", "cannot read"), ('{"version": 99}', "newer"), ('{"version":1,"kind":"images"}', "not a model for tables"),
    ('{"version":1,"kind":"tabular","type":"ensemble","members":[{"folder":"../../etc","weight":1}]}', "outside"), ('{"version":1,"kind":"tabular","type":"ensemble","members":[]}', "no members"),
    ('{"version":1,"kind":"tabular","type":"network"}', "preparation"),
])
def test_damaged_cards(tmp_path: Path, card: str, said: str) -> None:
    (tmp_path / "card.json").write_text(card)
    with pytest.raises(BadInputError) as caught:
        predictor.load(tmp_path)
    assert said in caught.value.title and caught.value.remedy


def test_damaged_weights(world: tuple, tmp_path: Path) -> None:
    import shutil

    _, _, root, _, _ = world
    shutil.copytree(root / "net", tmp_path / "net")
    data = (tmp_path / "net" / "model.safetensors").read_bytes()
    (tmp_path / "net" / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadInputError, match="cannot read the network"):
        predictor.load(tmp_path / "net")


@pytest.mark.parametrize(("cell", "written"), [("=cmd()", "'=cmd()"), ("+1+1", "'+1+1"), ("-5.2", "-5.2"), ("@x", "'@x"), ("\tx", "'\tx"), ("-", "'-"), ("plain", "plain"), ("-1e5", "-1e5"), (None, "")])
def test_formulas_are_disarmed(cell: str | None, written: str) -> None:
    assert answers.guarded(cell) == written and answers.guarded(cell, raw=True) == (cell or "")


def test_hostile_class_names_are_disarmed_in_the_header() -> None:
    said = Predictions(task="binary", classes=("=HYPERLINK(1)", "@b"), proba=np.array([[0.9, 0.1]]))
    header, row = list(csv.reader(answering.to_csv(said, None).splitlines()))
    assert header[2] == "p(=HYPERLINK(1))" and row[1] == "'=HYPERLINK(1)"


def test_card_says_what_the_model_is(world: tuple) -> None:
    _, _, root, _, _ = world
    card = json.loads((root / "net" / "card.json").read_text())
    assert card["kind"] == "tabular" and card["type"] == "network" and card["task"] == "binary" and card["classes"] == ["no", "yes"]
    assert card["columns"] == {"x": "number", "z": "number", "colour": "category", "day": "date"} and card["info"]["outputs"] == 1
