"""Changes of one setting against the plain network, trained as populations: regularisers, schedules, optimisers, initialisation.

Every variant chooses its learning rate (of three or four) and its epoch on rows of its own; the score is that of other rows at that epoch.
Rows that choose and rows that judge see the same training: two members that differ in their validation rows only are equal bit for bit.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from benchmarks.effects.common import SEEDS, digits, lines
from torch import Tensor

from phasewise.engine import Dataset, InputInfo, Member, fit
from phasewise.engine.dense.module import DenseNet
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec, apply_change

CONTROL = "plain"
REGULARISERS: dict[str, dict[str, Any]] = {
    CONTROL: {}, "R01 dropout 0.25, last layer": {"network.dropout": [0.0, 0.25]}, "R01 dropout 0.5, last layer": {"network.dropout": [0.0, 0.5]},
    "R02 dropout 0.25, every layer": {"network.dropout": [0.25, 0.25]}, "R03 weight decay 0.1 (AdamW)": {"train.weight_decay": 0.1}, "R03 weight decay 1 (AdamW)": {"train.weight_decay": 1.0},
    "R04 batch normalisation": {"network.batch_norm": True}, "R15 a quarter of the units": {"network.hidden": [32, 32]}, "R15 one layer less": {"network.hidden": [128]},
    "A05 label smoothing 0.1": {"train.label_smoothing": 0.1}, "average of the weights": {"train.ema": 0.95}, "T20 batch of 16 instead of 32": {"train.batch_size": 16},
}
SCHEDULES: dict[str, dict[str, Any]] = {
    CONTROL: {}, "T09 exponential": {"train.schedule": "exponential", "train.schedule_options": {"gamma": 0.8}}, "T10 staircase": {"train.schedule": "staircase", "train.schedule_options": {"step": 5, "gamma": 0.3}},
    "T12 cosine": {"train.schedule": "cosine"}, "T13, T14 restarts 1, 2, 4, 8 epochs": {"train.schedule": "restarts", "train.schedule_options": {"cycle_len": 1, "cycle_mult": 2}},
    "T15 cyclical": {"train.schedule": "cyclic", "train.schedule_options": {"cycle_len": 5}}, "one cycle": {"train.schedule": "one_cycle"},
}
OPTIMISERS: dict[str, dict[str, Any]] = {
    CONTROL: {}, "T06 SGD with momentum": {"train.optimizer": "sgd"}, "T06 RMSprop": {"train.optimizer": "rmsprop"}, "T06 SGD without momentum": {"train.optimizer": "sgd", "train.momentum": 0.0},
    "T08 SWATS, automatic": {"train.optimizer": "swats"}, "T08 SWATS, by hand after 5 of 15 epochs": {"train.optimizer": "swats", "train.switch_epoch": 5},
}
DEEP: dict[str, dict[str, Any]] = {
    CONTROL: {}, "T28 He, uniform": {"network.init": "he_uniform"}, "T28 Xavier": {"network.init": "xavier_normal"}, "T28 orthogonal": {"network.init": "orthogonal"}, "R04 batch normalisation": {"network.batch_norm": True},
}
SLOW, ADAPTIVE = (0.01, 0.03, 0.1, 0.3), (1e-3, 3e-3, 1e-2, 3e-2)


def rates_of(config: ModelConfig) -> tuple[float, ...]:
    """Half a decade apart, four for every optimiser."""
    return SLOW if config.train.optimizer == "sgd" else ADAPTIVE


def table(x: Any, y: Any, *, classes: int) -> tuple[Dataset, InputInfo]:
    """A bundled table as the engine takes it, columns standardised."""
    x = torch.tensor(np.asarray(x), dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0).clamp_min(1e-6)
    y = torch.tensor(np.asarray(y))
    task = "multiclass" if classes > 2 else "binary" if classes else "regression"
    y = y.long() if classes else (y - y.float().mean()) / y.float().std()
    return Dataset(inputs={"num": x}, y=y if classes else y.float(), task=task, classes=classes), InputInfo(numbers=x.shape[1], outputs=classes if classes > 2 else 1)


def figures() -> tuple[Dataset, InputInfo]:
    """Handwritten digits."""
    x, y = digits()
    return Dataset(inputs={"num": x}, y=y, task="multiclass", classes=10), InputInfo(numbers=64, outputs=10)


def cancer() -> tuple[Dataset, InputInfo]:
    """Breast cancer with 50 columns of noise."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    return table(np.hstack([x, np.random.default_rng(0).normal(size=(len(y), 50))]), y, classes=2)


def diabetes() -> tuple[Dataset, InputInfo]:
    """Progression of diabetes after a year."""
    from sklearn.datasets import load_diabetes

    return table(*load_diabetes(return_X_y=True), classes=0)


def parts(rows: int, few: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows to train on, to choose with and to judge by."""
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    middle = few + (rows - few) // 2
    return order[:few], order[few:middle], order[middle:]


def compare(data: Dataset, info: InputInfo, base: ModelConfig, variants: dict[str, dict[str, Any]], few: int, *, seeds: int = SEEDS) -> dict[str, list[float]]:
    """Loss on the judging rows, one number a seed for every variant."""
    found: dict[str, list[float]] = {}
    for name, change in variants.items():
        made = apply_change(base, change)
        members = []
        for seed in range(seeds):
            train, choose, judge = parts(data.rows, few, seed)
            for rate in rates_of(made):
                own = apply_change(made, {"train.lr": rate})
                members += [Member(id=f"{seed} {rate} {kind}", config=own, seed=seed, train=train, validation=rows) for kind, rows in (("choose", choose), ("judge", judge))]
        curves = {m.id: m.curves["objective"] for m in fit(members, data, info, DenseNet, device="cpu", watch=False).members}
        found[name] = [_judged([(curves[f"{seed} {rate} choose"], curves[f"{seed} {rate} judge"]) for rate in rates_of(made)]) for seed in range(seeds)]
    return found


def _judged(curves: list[tuple[list[float], list[float]]]) -> float:
    """The loss of the rows that judge where the rows that choose have their lowest."""
    points = [(c if np.isfinite(c) else np.inf, j) for choose, judge in curves for c, j in zip(choose, judge, strict=True)]
    return min(points, key=lambda p: p[0])[1]


def config(hidden: list[int], **train: Any) -> ModelConfig:
    """The plain network of a comparison: AdamW without decay at a constant rate unless told otherwise."""
    return ModelConfig(network=NetworkSpec(family="mlp", hidden=hidden), train=TrainSpec(weight_decay=0.0, **({"batch_size": 32, "epochs": 30} | train)))


def run() -> Iterator[list[str]]:
    """All comparisons."""
    small: tuple[tuple[str, Callable[[], tuple[Dataset, InputInfo]], int], ...] = (("digits, 200 rows", figures, 200), ("breast cancer and 50 columns of noise, 150 rows", cancer, 150), ("diabetes, 200 rows", diabetes, 200))
    for name, make, few in small:
        data, info = make()
        fitting = {k: v for k, v in REGULARISERS.items() if data.classes or "smoothing" not in k}
        yield lines(f"{name}, loss", CONTROL, compare(data, info, config([128, 128]), fitting, few), lower=True)
    data, info = figures()
    yield lines("digits, 900 rows, 15 epochs of momentum, loss", CONTROL, compare(data, info, config([64], epochs=15, optimizer="sgd"), SCHEDULES, 900), lower=True)
    yield lines("digits, 900 rows, 15 epochs of Adam, loss", CONTROL, compare(data, info, config([64], epochs=15, optimizer="adam"), OPTIMISERS, 900), lower=True)
    yield lines("digits, 900 rows, eight layers of 32, loss", CONTROL, compare(data, info, config([32] * 8, epochs=15, optimizer="sgd"), DEEP, 900), lower=True)
