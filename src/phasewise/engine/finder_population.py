"""Several finder sweeps as one population (T01-T03, F1): other seeds and orders side by side, nothing of a later training touched."""

from dataclasses import replace

import torch
from torch import Tensor

from phasewise.engine import device as devices
from phasewise.engine import plan
from phasewise.engine.data import Dataset, InputInfo
from phasewise.engine.finder import FinderCurve, StopRule, Sweep, grid, merge, sweep_of
from phasewise.engine.group import Group
from phasewise.engine.member import Hooks, Member
from phasewise.engine.population import Build, Setting
from phasewise.engine.tracking import Track
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig

BLOCK = 5
"""Steps between two looks at the losses."""
WIDEST = 8


def find_lr(
    config: ModelConfig, data: Dataset, info: InputInfo, build: Build, hooks: Hooks | None = None, *, rows: Tensor, sweeps: int = 5,
    lo: float = 1e-7, hi: float = 10.0, points: int = 100, mode: str = "exp", device: str = "auto", plan_name: str = "auto",
) -> FinderCurve:
    """Raises the learning rate batch by batch on `sweeps` fresh members at once and returns medians with a band.

    Members get the seeds config.seed, config.seed + 1, ...: own weights, own order of the training `rows` (int64). Nothing outside is
    touched: members, generators and batches are the finder's own, so a training that follows is bitwise the training without it.
    The loss at a rate is the one before the step at that rate; a sweep ends by the rule of T01 while the others go on.
    """
    if sweeps < 1:
        raise UsageError("the finder needs at least one sweep")
    hooks, rates = hooks or Hooks(), grid(lo, hi, points, mode)
    data.check()
    place = devices.choose(device, [])
    train = config.train.model_copy(update={"schedule": "constant", "lr": rates[0], "patience": None, "ema": None})
    still = config.model_copy(update={"train": train})
    where = rows.to(place)
    members = [Member(id=f"sweep-{i}", config=still, seed=config.seed + i, train=where, validation=where[:0]) for i in range(sweeps)]
    chosen = devices.precision_of(train.precision, place)
    setting = Setting(data=data.to(place), info=info, build=build, device=place, precision=chosen)
    found: dict[str, Sweep] = {}
    with devices.numerics(chosen):
        groups, _ = plan.assemble([Track.of(m, i) for i, m in enumerate(members)], setting, plan_name, [], tile=min(sweeps, WIDEST))  # a given tile: a probe would cost a tenth of the sweeps
        for number, group in enumerate(groups):
            found |= _walk(group, setting, rates, hooks, number, len(groups))
            if hooks.poll().stop is not None and found:
                break
    return merge([found[m.id] for m in members if m.id in found])


def _walk(group: Group, setting: Setting, rates: list[float], hooks: Hooks, number: int, of: int) -> dict[str, Sweep]:
    points = len(rates)
    longer = replace(group.plan, steps=points)
    own = Group(group.tracks, setting, longer, group.maker, group.kind)
    epochs = -(-points // group.plan.steps)
    orders = torch.cat([group.orders(e) for e in range(epochs)], dim=1)[:, : points * group.plan.batch]
    lrs = torch.tensor(rates, dtype=torch.float64).unsqueeze(1).repeat(1, own.size)
    population = own.population
    population.begin(0, orders, lrs)
    rules, over = [StopRule() for _ in group.tracks], [False] * own.size
    for start in range(0, points, BLOCK):
        stop = min(start + BLOCK, points)
        population.run(setting.data, start, stop)
        block = population.losses[start:stop].tolist()
        for row in block:
            over = [o or bool(rule.add(x)) for o, rule, x in zip(over, rules, row, strict=True)]
        hooks.on_metrics(("step", "lr", "loss"), [[float(start + i), rates[start + i], row[0]] for i, row in enumerate(block)])
        hooks.on_progress(number * points + stop, of * points)
        if all(over) or hooks.poll().stop is not None:
            break
    losses = population.losses[:stop].t().tolist()
    return {t.member.id: sweep_of(rates, losses[slot]) for slot, t in enumerate(group.tracks)}
