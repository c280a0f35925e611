"""Exports agree with the original (X13): bundle, torch program, ONNX; the ejected script retrains to the same loss."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.special
import torch

from phasewise import engine
from phasewise.engine.member import Member
from phasewise.kinds.shared import exports
from phasewise.kinds.tabular import baselines, batches, exporting, networks, predictor, preparing, scaling, scoring
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
from tabular.helpers import developed, mixed


def saved(tmp_path: Path, spec: NetworkSpec, *, task: str = "binary", train: TrainSpec | None = None, plan: str = "one", prepare: dict | None = None, metric: str = ""):
    dev, wished = developed(tmp_path, mixed(1300, task=task))
    config = ModelConfig(network=spec, train=train or TrainSpec(epochs=2, lr=5e-3, batch_size=128), seed=3)
    prepared = preparing.fit(dev, dev.train, wished, prepare or {})
    data = batches.dataset(dev, prepared)
    info = batches.info(prepared, data, dev.train)
    member = Member(id="m", config=config, seed=3, train=torch.from_numpy(dev.train), validation=torch.from_numpy(dev.validation))
    result = engine.fit([member], data, info, networks.build, plan=plan, watch=False, objective="accuracy" if metric == "accuracy" else "loss")
    predictor.save_network(tmp_path / "net", state=result.members[0].state, config=config, info=info, preparing=prepared, card={"name": "net", "metric": metric, "seed": 3})
    return dev, result, tmp_path / "net"


SMALL = NetworkSpec(family="mlp", hidden=[16], dropout=[0.2], batch_norm=True)
CASES = [
    (SMALL, "regression", "quantile"), pytest.param(SMALL, "binary", "standard", marks=pytest.mark.slow),
    pytest.param(NetworkSpec(family="one_hidden"), "multiclass", "robust", marks=pytest.mark.slow),
    pytest.param(NetworkSpec(family="tabm", hidden=[16], members=4, numeric_embedding="piecewise_linear"), "multiclass", "standard", marks=pytest.mark.slow),
    pytest.param(NetworkSpec(family="realmlp", hidden=[16], numeric_embedding="periodic"), "regression", "standard", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("spec", "task", "numbers"), CASES)
def test_torch_and_onnx_agree_with_the_original(tmp_path: Path, spec: NetworkSpec, task: str, numbers: str) -> None:
    dev, _, folder = saved(tmp_path, spec, task=task, prepare={"numbers": numbers})
    for found in exporting.export(folder, tmp_path / "out", ["torch", "onnx"], dev.table[dev.validation]):
        assert found.ok and found.rows == 100 and found.parity is not None and found.parity < 1e-4, found
        assert Path(found.path).is_file() and Path(found.path + ".json").is_file()


def test_parity_check_notices_another_model(tmp_path: Path) -> None:
    dev, _, folder = saved(tmp_path, SMALL)
    said = predictor.load(folder).predict(dev.table.head(50))
    assert exports.difference(said, said.proba) == 0 and exports.difference(said, said.proba[::-1]) > 1e-3


def test_bundle_predicts_by_itself(tmp_path: Path) -> None:
    dev, _, folder = saved(tmp_path, SMALL)
    (found,) = exporting.export(folder, tmp_path / "out", ["bundle"], dev.table)
    assert found.ok and found.parity == 0.0
    dev.natural.head(20).write_csv(tmp_path / "new.csv")
    done = subprocess.run([sys.executable, "predict.py", str(tmp_path / "new.csv"), str(tmp_path / "p.csv")], cwd=found.path, capture_output=True, text=True)
    assert done.returncode == 0 and "20 rows" in done.stdout and len((tmp_path / "p.csv").read_text().splitlines()) == 21
    failed = subprocess.run([sys.executable, "predict.py", str(tmp_path / "no.csv"), str(tmp_path / "p.csv")], cwd=found.path, capture_output=True, text=True)
    assert failed.returncode == 2 and "remedy" in failed.stderr


def test_scikit_learn_models_have_a_bundle_and_say_why_nothing_else(tmp_path: Path) -> None:
    dev, wished = developed(tmp_path, mixed(1300))
    fitted = baselines.fit("linear", dev, wished)
    predictor.save_sklearn(tmp_path / "lin", estimator=fitted.estimator, preparing=fitted.preparing, matrix=fitted.matrix, card={"name": "lin"})
    found = {f.format: f for f in exporting.export(tmp_path / "lin", tmp_path / "out", ["bundle", "torch", "onnx", "script"], dev.table, dev=dev)}
    assert found["bundle"].ok and not any(found[f].ok for f in ("torch", "onnx", "script")) and all(found[f].note for f in ("torch", "onnx", "script"))
    with pytest.raises(UsageError, match="unknown export format"):
        exporting.export(tmp_path / "lin", tmp_path / "out", ["pickle"], dev.table)


def test_ensemble_of_networks_with_other_levels_becomes_one_program(tmp_path: Path) -> None:
    dev, _, folder = saved(tmp_path, SMALL)
    (tmp_path / "b").mkdir()
    _, _, other = saved(tmp_path / "b", SMALL)
    predictor.save_ensemble(tmp_path / "both", members=[(folder, 2.0), (other, 1.0)], method="weighted", card={"name": "both"})
    (found,) = exporting.export(tmp_path / "both", tmp_path / "out", ["torch"], dev.table[dev.validation])
    assert found.ok and found.parity < 1e-6


TRAININGS = [
    (SMALL, TrainSpec(epochs=3, lr=1e-2, batch_size=64, schedule="one_cycle", weight_decay=1e-2, clip_norm=1.0, label_smoothing=0.1), "stacked", "binary", ""),
    pytest.param(SMALL, TrainSpec(epochs=3, lr=1e-2, batch_size=100, optimizer="sgd", schedule="cosine", class_weights="balanced", sampling="over"), "one", "multiclass", "", marks=pytest.mark.slow),
    pytest.param(NetworkSpec(family="one_hidden", activation="gelu"), TrainSpec(epochs=30, lr=3e-2, batch_size=64, patience=3), "stacked", "binary", "accuracy", marks=pytest.mark.slow),
    pytest.param(NetworkSpec(family="mlp", hidden=[32, 16], dropout=[0.3, 0.1], embeddings=False), TrainSpec(epochs=3, lr=1e-2, batch_size=64, loss="huber", optimizer="adam"), "stacked", "regression", "", marks=pytest.mark.slow),
    pytest.param(NetworkSpec(family="linear"), TrainSpec(epochs=3, lr=1e-2, optimizer="rmsprop", clip_value=0.1), "one", "regression", "", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("spec", "train", "plan", "task", "metric"), TRAININGS)
def test_ejected_script_retrains_to_the_same_loss(tmp_path: Path, spec: NetworkSpec, train: TrainSpec, plan: str, task: str, metric: str) -> None:
    dev, result, folder = saved(tmp_path, spec, task=task, train=train, plan=plan, metric=metric)
    (found,) = exporting.export(folder, tmp_path / "out", ["script"], dev.table, dev=dev, plan=result.plan)
    assert found.ok and found.parity is not None and found.parity < 1e-5, found
    assert "phasewise" not in (tmp_path / "out" / "script" / "train.py").read_text().lower().replace("ejected from phasewise", "").replace("phasewise is not needed", "").replace("what phasewise fed", "").replace("that phasewise measured", "")


def test_script_refuses_what_it_cannot_repeat(tmp_path: Path) -> None:
    dev, result, folder = saved(tmp_path, NetworkSpec(family="mlp", hidden=[8]), train=TrainSpec(epochs=1, ema=0.9))
    (found,) = exporting.export(folder, tmp_path / "out", ["script"], dev.table, dev=dev, plan=result.plan)
    assert not found.ok and "moving average" in found.note


def test_normal_quantile_equals_scipy() -> None:
    p = np.r_[np.linspace(1e-7, 1 - 1e-7, 20_001), np.geomspace(1e-7, 0.4, 500)]
    assert np.abs(scoring.NormalQuantile()(torch.from_numpy(p)).numpy() - scipy.special.ndtri(p)).max() < 1e-13


@pytest.mark.parametrize("scaler", ["standard", "quantile", "robust", "none"])
def test_number_step_is_the_twin_of_the_preparation(scaler: str) -> None:
    rng = np.random.default_rng(0)
    x = np.c_[rng.exponential(size=300), rng.integers(0, 3, 300).astype(float), np.full(300, 7.0)]
    x[rng.random(x.shape) < 0.1] = np.nan
    numbers = scaling.fit_numbers(x, list("abc"), scaler=scaler, indicators=[0, 1], pca=0.9 if scaler == "robust" else None)
    probe = np.r_[x, [[-5, 99, 7.0], [np.inf, 1, 1e9]]]
    assert np.allclose(scoring.NumberStep(numbers)(torch.from_numpy(probe)).numpy(), scaling.transform_numbers(numbers, probe), atol=1e-6)
