"""What every check of the check-up works on: a network that can be built afresh, a loss, and a few rows."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy
import torch
from torch import Tensor, nn

from phasewise.engine import losses, optimisers
from phasewise.engine.data import Dataset, InputInfo
from phasewise.records.models import ModelConfig
from phasewise.records.results.baseline import CheckVerdict

NOISY = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One network under examination; all randomness comes from `seed`, nothing outside is changed."""

    config: ModelConfig
    data: Dataset
    info: InputInfo
    build: Callable[[Any, InputInfo], nn.Module]
    rows: Tensor
    seed: int = 0
    loss: Callable[[Tensor, Tensor], Tensor] | None = None
    """A loss to use instead of the config's."""
    trace: dict[str, Any] = field(default_factory=dict)

    def fresh(self, *, seed: int | None = None, plain: bool = False) -> nn.Module:
        """A newly initialised network; `plain` switches every dropout off (B05)."""
        torch.manual_seed(self.seed if seed is None else seed)
        module = self.build(self.config.network, self.info).to(self.data.device)
        if plain:
            for m in module.modules():
                if isinstance(getattr(m, "p", None), float):
                    m.p = 0.0
                if isinstance(getattr(m, "rates", None), list):
                    m.rates = [0.0] * len(m.rates)
        return module

    def batch(self, count: int, *, skip: int = 0) -> tuple[dict[str, Tensor], Tensor]:
        """Inputs and targets of `count` training rows, classes in turn, the same on every call; `skip` rows are left out first."""
        order = torch.randperm(len(self.rows), generator=torch.Generator().manual_seed(17 + self.seed))
        rows = self.rows[order.to(self.rows.device)].to(self.data.device)
        if self.data.classes:
            y = self.data.y[rows]
            rank = torch.zeros(len(rows), dtype=torch.long, device=rows.device)
            for c in range(self.data.classes):
                mine = y == c
                rank[mine] = torch.arange(int(mine.sum()), device=rows.device)
            rows = rows[torch.argsort(rank * self.data.classes + y, stable=True)]
        return self.data.take(rows[skip : skip + count])

    def loss_of(self, outputs: Tensor, y: Tensor) -> Tensor:
        """The training loss without smoothing and weights: the mean over rows (and over implicit members)."""
        made = self.loss or losses.make(self.config.train.loss, self.data.task, options=self.config.train.loss_options)
        return made(outputs, y)

    def optimiser(self, module: nn.Module, *, lr: float | None = None) -> torch.optim.Optimizer:
        """The config's optimiser without weight decay."""
        train = self.config.train.model_copy(update={"weight_decay": 0.0, **({} if lr is None else {"lr": lr})})
        return optimisers.make(train, optimisers.parameter_groups(module, train), fused=False)

    def train(self, module: nn.Module, steps: int, *, count: int = 32) -> list[float]:
        """Steps on one batch with the config's optimiser; the losses before each."""
        inputs, y = self.batch(count)
        opt, seen = self.optimiser(module), []
        module.train()
        freeze = getattr(module, "freeze_statistics", None)
        if freeze is not None:
            freeze()
        for _ in range(steps):
            opt.zero_grad(set_to_none=True)
            value = self.loss_of(module(copied(inputs)), y)
            seen.append(float(value.detach()))
            value.backward()
            opt.step()
        return seen


def copied(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Inputs that a network may spoil."""
    return {name: x.clone() for name, x in inputs.items()}


def first(inputs: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    """The first rows of a batch."""
    return {name: x[:count] for name, x in inputs.items()}


@contextmanager
def quiet() -> Iterator[None]:
    """All global random states as they were, afterwards."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    python, legacy = random.getstate(), numpy.random.get_state()
    with torch.random.fork_rng(devices=devices):
        yield
    random.setstate(python)
    numpy.random.set_state(legacy)


def verdict(id: str, ok: bool | str, title: str, detail: str = "", **numbers: Any) -> CheckVerdict:
    """A verdict: `ok` True is pass, False is fail, or a word of its own (`warn`)."""
    word = ok if isinstance(ok, str) else "pass" if ok else "fail"
    return CheckVerdict(id=id, verdict=word, title=title, detail=detail, numbers=numbers)  # type: ignore[arg-type]
