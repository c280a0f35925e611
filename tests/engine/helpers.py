"""Small data sets and members for the engine's tests."""

import torch

from phasewise.engine import Control, Dataset, Hooks, InputInfo, Member
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

CARDS = (4, 7)


def mixed(n: int = 1200, task: str = "multiclass", classes: int = 3, seed: int = 0) -> tuple[Dataset, InputInfo]:
    """Numbers and categories with a learnable target."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 6, generator=g)
    cat = torch.stack([torch.randint(0, c, (n,), generator=g) for c in CARDS], 1).int()
    if task == "regression":
        y = x[:, 0] * x[:, 1] + 0.3 * cat[:, 0].float()
        y = (y - y.mean()) / y.std()
    else:
        y = ((x[:, 0] * x[:, 1] + x[:, 2] > 0).long() + (cat[:, 0] > 1).long() * (classes > 2)).clamp_max(classes - 1)
    data = Dataset(inputs={"num": x, "cat": cat}, y=y, task=task, classes=0 if task == "regression" else classes)
    return data, InputInfo(numbers=6, cardinalities=CARDS, outputs=classes if task == "multiclass" else 1)


def members(n: int, rows: int = 1200, *, network: dict | None = None, **train: object) -> list[Member]:
    """Members that differ in seed, learning rate, decay, dropout and smoothing."""
    net = {"family": "mlp", "hidden": [16, 12], "batch_norm": True} | (network or {})
    out = []
    for i in range(n):
        spec = {"batch_size": 100, "epochs": 4, "lr": 1e-3 * (i + 1), "weight_decay": 1e-2 * (i % 2), "label_smoothing": 0.05 * (i % 2)} | train
        config = ModelConfig(network=NetworkSpec(**({"dropout": [0.1 * (i % 3), 0.2 * (i % 2)]} | net)), train=TrainSpec(**spec))
        cut = rows * 5 // 6
        out.append(Member(id=f"m{i}", seed=i, config=config, train=torch.arange(cut), validation=torch.arange(cut, rows)))
    return out


def same(a, b) -> bool:
    """Whether two results are equal bit for bit."""
    return all(torch.equal(a.state[k], b.state[k]) for k in a.state) and torch.equal(a.outputs, b.outputs) and a.curves == b.curves and a.best == b.best


class Record(Hooks):
    """Keeps everything it is told."""

    def __init__(self) -> None:
        self.findings, self.epochs, self.points, self.strip = [], [], [], []

    def on_finding(self, id, severity, title, detail="", data=None):
        self.findings.append((id, severity, title, detail, data))

    def on_epoch(self, epoch, step, values, members, alive):
        self.epochs.append((epoch, step, values, members, alive))

    def on_metrics(self, columns, rows):
        into = self.points if "loss" in columns else self.strip
        into += [dict(zip(columns, row, strict=True)) for row in rows]


class Saving(Record):
    """Takes a checkpoint in the middle of an epoch, then stops."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.polls, self.state = at, 0, None

    def poll(self):
        self.polls += 1
        return Control(stop="now", checkpoint_now=True) if self.polls == self.at else Control()

    def on_checkpoint(self, state_fn):
        if self.polls == self.at and self.state is None:
            self.state = state_fn()
