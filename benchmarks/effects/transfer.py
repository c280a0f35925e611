"""Differential rates and gradual unfreezing (T17, T18) against one rate for all layers, all from the same pretrained trunk."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from benchmarks.effects.common import DATA, SEEDS, digits, lines
from torch import Tensor, nn

from phasewise.engine import InputInfo, groups, optimisers
from phasewise.engine.dense.module import DenseNet
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

RATES = (3e-4, 1e-3, 3e-3)
CONTROL = "one rate for all layers"
VARIANTS = (CONTROL, "from scratch", "head only", "T17 rates /2.6 a layer", "T17 rates 1/100 to 1", "T18 unfreezing from the top", "T18 with T17")

Part = tuple[Tensor, Tensor]
Score = Callable[[nn.Module, Part], float]


def config(rate: float, **options: object) -> ModelConfig:
    """Two hidden layers with batch norm."""
    return ModelConfig(network=NetworkSpec(family="mlp", hidden=[64, 64], batch_norm=True, options=dict(options)), train=TrainSpec(optimizer="adam", lr=rate))


def train(net: nn.Module, opt: torch.optim.Optimizer, part: Part, loss: nn.Module, *, count: int, batch: int, seed: int, unfreeze: Callable[[int], None] = lambda epoch: None) -> None:
    """A plain training of `count` steps; `unfreeze` is called at the start of every epoch."""
    x, y = part
    g, per = torch.Generator().manual_seed(seed), max(1, len(part[0]) // batch)
    for step in range(count):
        if step % per == 0:
            order = torch.randperm(len(x), generator=g)
            unfreeze(step // per)
        rows = order[(step % per) * batch : (step % per + 1) * batch]
        net.train()
        if hasattr(net, "freeze_statistics"):
            net.freeze_statistics()
        opt.zero_grad(set_to_none=True)
        out = net({"num": x[rows]})
        loss(out if out.shape[1] > 1 else out[:, 0], y[rows]).backward()
        opt.step()


def scaled(net: nn.Module, made: ModelConfig) -> torch.optim.Optimizer:
    """Adam over the groups of a config, each at its own multiple of the rate."""
    opt = optimisers.make(made.train, optimisers.layer_groups(net, made), fused=False)
    optimisers.set_lr(opt, made.train.lr)
    return opt


def fine_tuned(source: dict[str, Tensor], variant: str, rate: float, part: Part, outputs: int, loss: nn.Module, seed: int) -> nn.Module:
    """One transfer: the trunk's weights from the source, a fresh head, 240 steps of 25 rows."""
    torch.manual_seed(seed)
    rule = {"T17 rates /2.6 a layer": "ulmfit", "T17 rates 1/100 to 1": "geometric", "T18 with T17": "ulmfit"}.get(variant)
    made = config(rate, **({"layer_lr": rule} if rule else {"freeze": 2} if variant == "head only" else {}))
    net = DenseNet(made.network, InputInfo(numbers=part[0].shape[1], outputs=outputs))
    if variant != "from scratch":
        net.load_state_dict({k: v for k, v in source.items() if not k.startswith("head")}, strict=False)
    if variant.startswith("T18"):
        opt, free = scaled(net, made), groups.Unfreezer(net, 15)
        train(net, opt, part, loss, count=240, batch=25, seed=seed, unfreeze=free.begin)
    else:
        train(net, scaled(net, made), part, loss, count=240, batch=25, seed=seed)
    return net.eval()


def accuracy(net: nn.Module, part: Part) -> float:
    """Share of rows right."""
    with torch.no_grad():
        return float((net({"num": part[0]}).argmax(1) == part[1]).double().mean())


def r2(net: nn.Module, part: Part) -> float:
    """Explained share of the variance."""
    with torch.no_grad():
        rest = net({"num": part[0]})[:, 0] - part[1]
    return 1 - float(rest.square().mean() / part[1].var())


def other_digits(seed: int) -> tuple[Part, list[Part], int, nn.Module, Score]:
    """Pretrained on the digits 0 to 4, tuned to 5 to 9 with 100 rows."""
    x, y = digits()
    mine = torch.nonzero(y > 4).flatten()
    order = mine[torch.randperm(len(mine), generator=torch.Generator().manual_seed(seed))]
    parts = [(x[p], y[p] - 5) for p in (order[:100], order[100:250], order[250:])]
    return (x[y < 5], y[y < 5]), parts, 5, nn.CrossEntropyLoss(), accuracy


def other_place(seed: int) -> tuple[Part, list[Part], int, nn.Module, Score]:
    """Pretrained on the houses north of 36 degrees, tuned to the south with 150 rows."""
    import polars as pl

    table = pl.read_csv(next((DATA / "california-housing").glob("*.csv*"))).drop_nulls().select(pl.selectors.numeric())
    y = torch.tensor(np.log(table["median_house_value"].to_numpy().astype(float)), dtype=torch.float32)
    x = torch.tensor(table.drop("median_house_value").to_numpy().astype(np.float64), dtype=torch.float32)
    north = torch.tensor((table["latitude"] > 36).to_numpy())
    x, y = (x - x[north].mean(0)) / x[north].std(0), (y - y[north].mean()) / y[north].std()
    south = torch.nonzero(~north).flatten()
    order = south[torch.randperm(len(south), generator=torch.Generator().manual_seed(seed))]
    parts = [(x[p], y[p]) for p in (order[:150], order[150:1150], order[1150:5150])]
    return (x[north], y[north]), parts, 1, nn.MSELoss(), r2


def transfer(name: str, make: Callable[[int], tuple[Part, list[Part], int, nn.Module, Score]]) -> list[str]:
    """Every variant over the seeds; each chooses among the same three rates on rows of its own."""
    found: dict[str, list[float]] = {v: [] for v in VARIANTS}
    for seed in range(SEEDS):
        big, (few, choose, judge), outputs, loss, score = make(seed)
        torch.manual_seed(seed)
        known = int(big[1].max()) + 1 if big[1].dtype == torch.int64 else 1
        base = DenseNet(config(1e-3).network, InputInfo(numbers=big[0].shape[1], outputs=known))
        train(base, scaled(base, config(1e-3)), big, loss, count=1500, batch=64, seed=seed)
        for variant in found:
            tried = [fine_tuned(base.state_dict(), variant, rate, few, outputs, loss, seed) for rate in RATES]
            found[variant].append(score(max(tried, key=lambda net: score(net, choose)), judge))
    return lines(name, CONTROL, found)


def run() -> Iterator[list[str]]:
    """The two transfers."""
    yield transfer("digits 0-4 to 5-9, 100 rows, accuracy", other_digits)
    if (DATA / "california-housing").is_dir():
        yield transfer("houses north to south, 150 rows, R2", other_place)
