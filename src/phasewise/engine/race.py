"""A short race of learning rates around the finder's answer: a sweep sees every rate for one step, a race for a hundred (T02, T04)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from phasewise.engine.data import Dataset, InputInfo
from phasewise.engine.fit import fit
from phasewise.engine.member import Hooks, Member
from phasewise.engine.population import Build
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig

FACTORS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
STEPS, SEEDS, JUDGED = 200, 3, 2048
EDGE = math.sqrt(2)
"""What the winner is lowered by where the next rate up broke down: a longer training meets harder batches than a race did."""
BROKEN = 10.0
"""A loss so many times the best of the race means a breakdown too."""


@dataclass(frozen=True, kw_only=True)
class Race:
    """Rates and the mean training loss of their seeds at the end (inf: broke down), and the rate to take; None when none got through."""

    rates: list[float]
    losses: list[float]
    lr: float | None
    steps: int
    stopped: bool = False


def race(
    config: ModelConfig, data: Dataset, info: InputInfo, build: Build, hooks: Hooks | None = None, *, lr: float, rows: Tensor, seeds: int = SEEDS,
    steps: int = STEPS, device: str = "auto",
) -> Race:
    """Trains `config` at half to eight times `lr` for about `steps` steps, `seeds` members each, as one population; the lowest training loss wins.

    `rows` are the training rows (int64); on many rows the race runs over a random part of them. The rate stays constant, whatever the config's
    schedule; nothing is stopped early or averaged. Members and generators are the race's own: a training that follows is bitwise the training
    without it. Raises UsageError for a rate that is not positive.
    """
    if not 0 < lr < math.inf:
        raise UsageError("a race needs a positive learning rate", f"It was asked for around {lr}.", "Run the finder, or give the rate.")
    picked = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(config.seed)).to(rows.device)][: steps * config.train.batch_size]
    epoch = -(-len(picked) // config.train.batch_size)
    plain = config.train.model_copy(update={"schedule": "constant", "schedule_options": {}, "patience": None, "ema": None, "epochs": max(1, round(steps / epoch)), "switch_epoch": None})
    rates = [lr * f for f in FACTORS]
    members = [
        Member(id=f"{i}-{s}", seed=config.seed + 7919 + s, train=picked, validation=picked[:JUDGED], config=config.model_copy(update={"train": plain.model_copy(update={"lr": rate})}))
        for i, rate in enumerate(rates) for s in range(seeds)
    ]
    done = {m.id: m for m in fit(members, data, info, build, hooks, device=device, watch=False).members}
    if any(m.stopped == "asked" for m in done.values()):
        return Race(rates=rates, losses=[], lr=None, steps=epoch * plain.epochs, stopped=True)
    losses = [sum(_last(done[f"{i}-{s}"].curves) for s in range(seeds)) / seeds for i in range(len(rates))]
    return Race(rates=rates, losses=losses, lr=winner(rates, losses), steps=epoch * plain.epochs)


def winner(rates: list[float], losses: list[float]) -> float | None:
    """The rate of the lowest loss, lowered by `EDGE` where its neighbour above broke down; None when no loss is finite."""
    best = min(range(len(losses)), key=losses.__getitem__)
    if not math.isfinite(losses[best]):
        return None
    above = losses[best + 1] if best + 1 < len(losses) else losses[best]
    return rates[best] / (EDGE if not above < BROKEN * abs(losses[best]) + 1.0 else 1.0)


def _last(curves: dict[str, list[float]]) -> float:
    """The loss at the end; a member that broke down has inf."""
    values = curves.get("objective") or [math.inf]
    return values[-1] if values[-1] is not None and math.isfinite(values[-1]) else math.inf
