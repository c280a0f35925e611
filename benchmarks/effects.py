"""Effect runs with their controls (requirements.md section 0): techniques on tables, paired by seed, equal steps and equal tuning; nulls are printed too.

`python -m benchmarks.effects` writes `benchmarks/results/effects.md`. Every variant chooses its learning rate from the same three on rows of its own
and is judged on others; differences are to the control of the same seed, with the 95 % bootstrap interval of their mean.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from phasewise.engine import Dataset, InputInfo, Member, fit, groups, optimisers
from phasewise.engine.dense.module import DenseNet
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

ROOT = Path(__file__).resolve().parents[1]
OUT = Path(os.environ.get("PHASEWISE_RESULTS") or ROOT / "benchmarks" / "results") / "effects.md"
DATA = Path(os.environ.get("PHASEWISE_DATA") or ROOT.parent / "shared" / "data")
RATES = (3e-4, 1e-3, 3e-3)
SEEDS = 10


def digits() -> tuple[Tensor, Tensor]:
    """8x8 digits as a table of 64 numbers."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return torch.tensor(data.data / 16, dtype=torch.float32), torch.tensor(data.target)


def interval(values: np.ndarray) -> str:
    """Mean with the 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (4000, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    word = "helps" if low > 0 else "harms" if high < 0 else "no difference seen"
    return f"{values.mean():+.4f} [{low:+.4f}, {high:+.4f}] | {word}"


def config(rate: float, **options: object) -> ModelConfig:
    """Two hidden layers with batch norm."""
    return ModelConfig(network=NetworkSpec(family="mlp", hidden=[64, 64], batch_norm=True, options=dict(options)), train=TrainSpec(optimizer="adam", lr=rate))


def steps(net: nn.Module, make: Callable[[nn.Module], torch.optim.Optimizer], x: Tensor, y: Tensor, loss: nn.Module, *, count: int, batch: int, seed: int, each_epoch: Callable[[int, torch.optim.Optimizer], None] = lambda e, o: None) -> None:
    """A plain training of `count` steps."""
    opt, g = make(net), torch.Generator().manual_seed(seed)
    per = max(1, len(x) // batch)
    for step in range(count):
        if step % per == 0:
            order = torch.randperm(len(x), generator=g)
            each_epoch(step // per, opt)
        rows = order[(step % per) * batch : (step % per + 1) * batch]
        net.train()
        if hasattr(net, "freeze_statistics"):
            net.freeze_statistics()
        opt.zero_grad(set_to_none=True)
        out = net({"num": x[rows]})
        loss(out if out.shape[1] > 1 else out[:, 0], y[rows]).backward()
        opt.step()


def fine_tuned(source: dict[str, Tensor] | None, variant: str, rate: float, part: tuple[Tensor, Tensor], outputs: int, loss: nn.Module, seed: int) -> nn.Module:
    """One transfer: the trunk's weights from the source, a fresh head, 240 steps."""
    torch.manual_seed(seed)
    rule = {"T17 rates /2.6 a layer": "ulmfit", "T17 rates 1/100 to 1": "geometric"}.get(variant)
    made = config(rate, **({"layer_lr": rule} if rule else {"freeze": 2} if variant == "head only" else {}))
    net = DenseNet(made.network, InputInfo(numbers=part[0].shape[1], outputs=outputs))
    if source is not None:
        net.load_state_dict({k: v for k, v in source.items() if not k.startswith("head")}, strict=False)
    if variant.startswith("T18"):
        free = groups.Unfreezer(net, made, rule="ulmfit" if "T17" in variant else 1.0)
        steps(net, lambda n: torch.optim.Adam(free.first_groups(), lr=rate), *part, loss, count=240, batch=25, seed=seed, each_epoch=lambda e, o: free.advance(o) if e in (15, 30) else None)
    else:
        steps(net, lambda n: scaled(n, made), *part, loss, count=240, batch=25, seed=seed)
    return net.eval()


def scaled(net: nn.Module, made: ModelConfig) -> torch.optim.Optimizer:
    """Adam over the groups of a config, each at its own multiple of the rate."""
    opt = optimisers.make(made.train, optimisers.layer_groups(net, made), fused=False)
    optimisers.set_lr(opt, made.train.lr)
    return opt


VARIANTS = ("from scratch", "head only", "T17 rates /2.6 a layer", "T17 rates 1/100 to 1", "T18 unfreezing from the top", "T18 with T17")


def transfer(name: str, make: Callable[[int], tuple[tuple[Tensor, Tensor], list[tuple[Tensor, Tensor]], int, nn.Module, Callable[[nn.Module, tuple[Tensor, Tensor]], float]]]) -> list[str]:
    """Differential rates and gradual unfreezing against one rate for all layers, all from the same pretrained weights."""
    found: dict[str, list[float]] = {v: [] for v in ("one rate", *VARIANTS)}
    for seed in range(SEEDS):
        big, (few, choose, judge), outputs, loss, score = make(seed)
        torch.manual_seed(seed)
        base = DenseNet(config(1e-3).network, InputInfo(numbers=big[0].shape[1], outputs=int(big[1].max()) + 1 if big[1].dtype == torch.int64 else 1))
        steps(base, lambda n: scaled(n, config(1e-3)), *big, loss, count=1500, batch=64, seed=seed)
        for variant in found:
            source = None if variant == "from scratch" else base.state_dict()
            tried = [fine_tuned(source, variant, rate, few, outputs, loss, seed) for rate in RATES]
            best = max(tried, key=lambda net: score(net, choose))
            found[variant].append(score(best, judge))
    control = np.array(found["one rate"])
    lines = [f"| {name}: one rate for all layers (control) | {control.mean():.4f} | | |"]
    return lines + [f"| {name}: {v} | {np.mean(found[v]):.4f} | {interval(np.array(found[v]) - control)} |" for v in VARIANTS]


def accuracy(net: nn.Module, part: tuple[Tensor, Tensor]) -> float:
    """Share of rows right."""
    with torch.no_grad():
        return float((net({"num": part[0]}).argmax(1) == part[1]).double().mean())


def r2(net: nn.Module, part: tuple[Tensor, Tensor]) -> float:
    """Explained share of the variance."""
    with torch.no_grad():
        rest = net({"num": part[0]})[:, 0] - part[1]
    return 1 - float(rest.square().mean() / part[1].var())


def other_digits(seed: int):
    """Pretrained on the digits 0 to 4, tuned to 5 to 9 with 100 rows."""
    x, y = digits()
    g = torch.Generator().manual_seed(seed)
    mine = torch.nonzero(y > 4).flatten()
    order = mine[torch.randperm(len(mine), generator=g)]
    parts = [(x[p], y[p] - 5) for p in (order[:100], order[100:250], order[250:])]
    return (x[y < 5], y[y < 5]), parts, 5, nn.CrossEntropyLoss(), accuracy


def other_place(seed: int):
    """Pretrained on the houses north of 36 degrees, tuned to the south with 150 rows."""
    import polars as pl

    table = pl.read_csv(next((DATA / "california-housing").glob("*.csv*"))).drop_nulls().select(pl.selectors.numeric())
    y = torch.tensor(np.log(table["median_house_value"].to_numpy().astype(float)), dtype=torch.float32)
    names = [c for c in table.columns if c != "median_house_value"]
    x = torch.tensor(table.select(names).to_numpy().astype(np.float64), dtype=torch.float32)
    north = torch.tensor((table["latitude"] > 36).to_numpy())
    x, y = (x - x[north].mean(0)) / x[north].std(0), (y - y[north].mean()) / y[north].std()
    south = torch.nonzero(~north).flatten()
    order = south[torch.randperm(len(south), generator=torch.Generator().manual_seed(seed))]
    parts = [(x[p], y[p]) for p in (order[:150], order[150:1150], order[1150:5150])]
    return (x[north], y[north]), parts, 1, nn.MSELoss(), r2


def switching() -> list[str]:
    """Adam, SGD with momentum, and Adam that hands over to SGD, on digits (T08); accuracy at the end, not at the best epoch."""
    x, y = digits()
    ways = {"Adam alone (control)": {"optimizer": "adam"}, "SGD with momentum": {"optimizer": "sgd"}, "SWATS, automatic": {"optimizer": "swats"}, "SWATS, by hand after 8 of 30 epochs": {"optimizer": "swats", "switch_epoch": 8}}
    rates = {"sgd": (0.01, 0.03, 0.1)}
    found: dict[str, list[float]] = {w: [] for w in ways}
    switched = 0
    for seed in range(SEEDS):
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        train, choose, judge = order[:600], order[600:900], order[900:]
        data, info = Dataset(inputs={"num": x}, y=y, task="multiclass", classes=10), InputInfo(numbers=64, outputs=10)
        for way, options in ways.items():
            scores = []
            for rate in rates.get(str(options["optimizer"]), (1e-3, 3e-3, 1e-2)):
                spec = ModelConfig(network=NetworkSpec(family="mlp", hidden=[64]), train=TrainSpec(lr=rate, epochs=30, batch_size=30, **options))  # type: ignore[arg-type]
                made = fit([Member(id=part, config=spec, seed=seed, train=train, validation=rows) for part, rows in (("choose", choose), ("judge", judge))], data, info, DenseNet, device="cpu", watch=False, objective="accuracy")
                switched += way == "SWATS, automatic" and bool(made.notes)
                scores.append(tuple(m.curves["objective"][-1] for m in made.members))
            found[way].append(max(scores)[1])
    control = np.array(found["Adam alone (control)"])
    return [f"| T08 digits: {w} | {np.mean(v):.4f} | {'| ' if v is found['Adam alone (control)'] else interval(np.array(v) - control)} |" for w, v in found.items()] + [f"| T08: automatic switches among {SEEDS * 3} trainings | {switched} | | |"]


def main() -> None:
    """Runs every effect and writes the table."""
    torch.set_num_threads(1)
    began, lines = time.perf_counter(), []
    for part in (lambda: transfer("digits 0-4 to 5-9, 100 rows", other_digits), lambda: transfer("houses north to south, 150 rows (R2)", other_place), switching):
        made = part()
        print(*made, sep="\n", flush=True)
        lines += made
    head = [
        "# Effects of techniques on tables, with their controls", "",
        f"Written by `python -m benchmarks.effects` in {time.perf_counter() - began:.0f} s, one thread. {SEEDS} seeds, paired; every variant chooses among three learning rates on rows of its own, then is judged on others.", "",
        "| setting | mean | difference to the control [95 %] | |", "|---|---|---|---|",
    ]
    OUT.write_text("\n".join([*head, *lines]) + "\n")


if __name__ == "__main__":
    main()
