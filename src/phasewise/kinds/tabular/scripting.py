"""Eject: a readable plain-torch script with its data that retrains a dense network to the same numbers without Phasewise."""

import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phasewise.engine import Member, evaluate, init, losses, sampling, smote, streams
from phasewise.engine.data import Dataset, InputInfo
from phasewise.engine.dense.module import DenseNet
from phasewise.kinds import folders
from phasewise.kinds.tabular import batches, networks, predictor
from phasewise.kinds.tabular.development import Development
from phasewise.kinds.tabular.predictor import Predictor
from phasewise.records import schedules
from phasewise.records.models import ModelConfig
from phasewise.records.results.verify import ExportedFile

TOLERANCE = 1e-5
TRY_SECONDS = 120
OBJECTIVES = {"accuracy": "accuracy", "roc_auc": "roc_auc", "rmse": "rmse", "mae": "mae"}


def why_not(config: ModelConfig, plan: dict[str, Any]) -> str:
    """Why a network cannot be ejected to the same numbers, or an empty string."""
    train, spec = config.train, config.network
    if spec.family not in ("linear", "one_hidden", "mlp"):
        return f"the script is written for the dense family; {spec.family} is exported as bundle, torch or onnx"
    checks = (
        (train.ema is not None, "an exponential moving average of the weights"), (train.schedule == "plateau", "a plateau schedule (it depends on the run)"),
        (train.optimizer == "swats", "the optimiser that switches (SWATS)"), (train.loss in ("focal", "plugin"), f"the loss {train.loss}"),
        (bool(spec.options.get("layer_lr") or spec.options.get("freeze")), "learning rates per layer"), (bool(train.loss_options), "options of the loss"),
        (bool(config.prepare.get("auxiliary")), "a second target that is learned along"),
        (plan.get("device", "cpu") != "cpu", "training on a GPU, whose row order cannot be redrawn elsewhere"), (plan.get("precision", "fp32") not in ("fp32", "auto"), f"{plan.get('precision')} arithmetic"),
        (plan.get("plan") == "vmap", "the vmap plan"), (bool(plan.get("stream")), "rows that streamed from disk"),
    )
    return next((f"the script does not cover {what}" for hit, what in checks if hit), "")


def export(folder: Path, model: Predictor, dev: Development | None, plan: dict[str, Any], output: Path) -> ExportedFile:
    """`train.py` and `data.npz` (one folder per fold for a cross-validated network); the first is run to compare its loss."""
    if dev is None:
        return _refused("the development rows are needed to write the script")
    pieces = [(folder, model, 0)]
    if model.card["type"] == "ensemble":
        names = [str(m.card.get("name", "")) for m in model.members]
        if dev.folds is None or not all(re.search(r"-f\d+$", n) for n in names):
            return _refused("an ensemble has no training script of its own; export its members")
        pieces = [(folders.member_path(folder, e), m, int(n.rpartition("-f")[2])) for e, m, n in zip(model.card["members"], model.members, names, strict=True)]
    if any(m.card["type"] != "network" for _, m, _ in pieces):
        return _refused("only networks are ejected; a scikit-learn model is exported as bundle")
    rounds = dev.rounds()
    for path, piece, fold in pieces:
        config = ModelConfig.model_validate(piece.card["config"])
        why = why_not(config, plan)
        if why:
            return _refused(why)
        target = output if len(pieces) == 1 else output / f"fold{fold}"
        train, validation = rounds[fold]
        _write(target, path, piece, config, dev, train, validation, plan)
    first = output if len(pieces) == 1 else output / f"fold{pieces[0][2]}"
    gap, note = _tried(first)
    size = sum(p.stat().st_size for p in output.rglob("*") if p.is_file())
    return ExportedFile(format="script", path=str(output), size=size, parity=gap, rows=len(rounds[0][1]), ok=gap is None or gap <= TOLERANCE, note=note)


def _refused(why: str) -> ExportedFile:
    return ExportedFile(format="script", path="", size=0, ok=False, note=why)


def _write(target: Path, folder: Path, model: Predictor, config: ModelConfig, dev: Development, train: np.ndarray, validation: np.ndarray, plan: dict[str, Any]) -> None:
    from phasewise.kinds.tabular.exporting import text_of

    target.mkdir(parents=True, exist_ok=True)
    preparing = model.preparing
    assert preparing is not None
    seed = int(model.card.get("seed", config.seed))
    data = batches.dataset(dev, preparing)
    # The card's sizes: folds that trained as one population share the largest cardinalities.
    info = replace(batches.info(preparing, data, train), cardinalities=tuple(int(c) for c in model.card["info"]["cardinalities"]))
    net = _start(config, info, seed)
    rows = torch.from_numpy(train.astype(np.int64))
    data, made, _ = smote.extended([Member(id="m", config=config, seed=seed, train=rows, validation=rows[:0])], data)
    drawn = torch.cat([rows, *made.values()])
    cut = sampling.batch_plan(config.train, len(drawn), data.class_counts(drawn), least=2 if config.network.batch_norm else 1)
    held: dict[str, np.ndarray] = {
        "num": data.inputs["num"].numpy() if "num" in data.inputs else np.zeros((data.rows, 0), np.float32), "cat": data.inputs["cat"].numpy() if "cat" in data.inputs else np.zeros((data.rows, 0), np.int32),
        "y": data.y.numpy(), "train": train.astype(np.int64), "validation": validation.astype(np.int64), "lr": schedules.trace(config.train, cut.steps, 0, cut.steps * config.train.epochs),
        **{f"start/{k}": v.numpy() for k, v in net.state_dict().items()},
    }
    if config.train.sampling not in ("none", ""):
        how = ("none" if made else "over") if config.train.sampling == "smote" else config.train.sampling
        held["order"] = np.stack([sampling.draw(drawn, data.y, how, cut, seed, e).numpy() for e in range(config.train.epochs)])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **held)
    (target / "data.npz").write_bytes(buffer.getvalue())
    text = text_of("train_script.txt")
    for name, value in _values(model, config, net, data, rows, cut, seed, plan, _expected(folder, model, data, validation)).items():
        text = text.replace(f"@@{name}@@", value)
    (target / "train.py").write_text(text, encoding="utf-8")


def _start(config: ModelConfig, info: InputInfo, seed: int) -> DenseNet:
    """The network with the starting weights the engine gives this seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(streams.torch_seed(seed, "init"))
        net = networks.build(config.network, info)
    assert isinstance(net, DenseNet) and config.network.init in init.MENU
    return net


def _expected(folder: Path, model: Predictor, data: Dataset, validation: np.ndarray) -> float:
    """Validation loss of the saved (best) weights."""
    net = predictor.read_network(folder, model.card)
    inputs, y = data.take(torch.from_numpy(validation.astype(np.int64)))
    with torch.no_grad():
        return float(evaluate.plain_loss(data.task, net(inputs), y))


def _values(model: Predictor, config: ModelConfig, net: DenseNet, data: Dataset, rows: torch.Tensor, cut: sampling.BatchPlan, seed: int, plan: dict[str, Any], expected: float) -> dict[str, str]:
    train, spec = config.train, config.network
    hidden = [layer.out_features for layer in net.layers]
    widths = [t.weight.shape[1] for t in net.embeddings] or [0] * len(net.info.cardinalities)
    weights = losses.weights(train.class_weights, data.class_counts(rows)) if data.task != "regression" else None
    objective = OBJECTIVES.get(str(model.card.get("metric")), "loss")
    objective = "loss" if objective == "roc_auc" and data.task != "binary" else objective
    said = {
        "TASK": data.task, "HIDDEN": hidden, "DROPOUT": list(spec.dropout) or [0.0] * len(hidden), "BATCH_NORM": spec.batch_norm, "ACTIVATION": spec.activation,
        "EMBEDDINGS": list(zip(net.info.cardinalities, widths, strict=True)), "OUTPUTS": net.info.outputs, "OPTIMIZER": train.optimizer, "WEIGHT_DECAY": train.weight_decay,
        "MOMENTUM": (train.momentum, train.nesterov), "LOSS": losses.resolve(train.loss, data.task), "SMOOTHING": train.label_smoothing,
        "CLASS_WEIGHTS": None if weights is None else weights.tolist(), "CLIP": (train.clip_norm, train.clip_value), "OBJECTIVE": objective, "EPOCHS": (train.epochs, train.patience),
        "BATCH": (cut.batch, cut.steps), "SEED": seed, "DROPOUT_BYTES": plan.get("plan", "stacked") != "one", "EXPECTED": expected,
    }
    name = re.sub(r"[^A-Za-z0-9_. -]", "_", str(model.card.get("name", "model")))[:60]
    return {"TITLE": f"Training of {name}, ejected from Phasewise.", **{k: repr(v) for k, v in said.items()}}


def _tried(target: Path) -> tuple[float | None, str]:
    """Run the script in a process of its own; the difference of its best validation loss to the expected one."""
    try:
        done = subprocess.run([sys.executable, "-I", "train.py"], cwd=target, capture_output=True, text=True, timeout=TRY_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None, f"not compared: the script takes longer than {TRY_SECONDS} s"
    found = re.search(r"best validation loss (\S+), expected (\S+),", done.stdout)
    if done.returncode or not found:
        return float("inf"), f"the script failed: {(done.stderr or done.stdout).strip().splitlines()[-1][:160] if done.stderr or done.stdout else 'no output'}"
    (target / "weights.npz").unlink(missing_ok=True)
    return abs(float(found[1]) - float(found[2])), "retrained once and compared: difference of the best validation loss"
