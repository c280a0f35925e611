"""The learning rate a training really gets (finder, kept near the family's usual one) against a small grid, on real tables.

    python benchmarks/lr_used.py [SET ...] [--family mlp] [--rows 4000] [--steps 500]

For each set: what the finder chose, the family's usual rate, the rate used under several ways of keeping the first near the second, and the
best of seven half-decade rates by validation loss (best epoch) at an equal number of steps. No test row is looked at: the rows are drawn from
the training part of `tabular_networks.splits` and divided 80/20.
"""

import argparse
import math

import numpy as np
import polars as pl
import torch

from phasewise.engine import Member, find_lr, fit
from phasewise.engine.suggest import own_rule
from phasewise.kinds.tabular import batches, networks, preparing, reading
from phasewise.kinds.tabular.development import Development
from phasewise.kinds.tabular.recipe import DEFAULT_TRAIN, RECIPE
from phasewise.records.jobs import DataView
from tabular_networks import ROOT, SETS, splits, table

TITANIC = ("Survived", "binary", "accuracy", ">=", 0.0)
HALF_DECADES = np.arange(-1.5, 1.51, 0.5)
TRUST = (1.0, 3.0, math.inf)


def rows_of(name: str, limit: int):
    """(frame, target, task, metric, training rows, held rows), drawn from training rows only."""
    target, task, metric = (SETS.get(name) or TITANIC)[:3]
    if name == "titanic":
        frame = pl.read_csv(ROOT / "titanic" / "train.csv").select(target, "Pclass", "Sex", "Age", "SibSp", "Parch", "Fare", "Embarked")
        train = splits(frame, target, task, 0, 1)[0][0]
    else:
        frame, first = table(name)
        train = splits(frame, target, task, first, 1)[0][0]
    order = np.random.default_rng(0).permutation(train)[: int(limit * 1.25)]
    cut = len(order) // 5
    return frame, target, task, metric, np.sort(order[cut:]), np.sort(order[:cut])


def ready(name: str, limit: int):
    """Prepared data of a set: (dataset, info, training rows, held rows)."""
    frame, target, task, metric, kept, held = rows_of(name, limit)
    raw = frame[target].to_numpy()
    names = sorted(set(raw.tolist())) if task != "regression" else []
    y = raw.astype(float) if task == "regression" else np.searchsorted(np.array(names), raw)
    roles = {c: "number" if frame[c].dtype.is_numeric() else "category" for c in frame.columns if c != target}
    dev = Development(
        table=frame.with_row_index(reading.ROW), y=y, train=kept, validation=held, task=task, classes=tuple(str(c) for c in names), roles=roles, target=target,
    )
    prepared = preparing.fit(dev, kept, DataView(kind="tabular", file="", target=target, task=task, metric=metric), {})
    data = batches.dataset(dev, prepared)
    return data, batches.info(prepared, data, kept), torch.from_numpy(kept), torch.from_numpy(held)


def one(name: str, family: str, limit: int, steps: int) -> dict[str, float]:
    """Prints the row of a set; the ratios of the rates used to the grid's best."""
    data, info, rows, held = ready(name, limit)
    config = RECIPE.config(family, len(rows), quick=True)
    epochs = max(3, round(steps / max(1, len(rows) // config.train.batch_size)))
    usual = float(DEFAULT_TRAIN[family]["lr"])
    config = config.model_copy(update={"train": config.train.model_copy(update={"epochs": epochs, "patience": None})})
    found = own_rule(find_lr(config, data, info, networks.build, rows=rows, sweeps=3)).lr
    used = {t: usual if found is None else min(max(found, usual / t), usual * t) for t in TRUST}
    grid = [usual * 10**d for d in HALF_DECADES]
    points = [*grid, *used.values()]
    members = [
        Member(id=f"{i}", seed=0, train=rows, validation=held, config=config.model_copy(update={"train": config.train.model_copy(update={"lr": float(lr)})}))
        for i, lr in enumerate(points)
    ]
    done = fit(members, data, info, networks.build, watch=False).members
    loss = [m.best if math.isfinite(m.best) else math.inf for m in done]
    best = int(np.argmin(loss[: len(grid)]))
    ratio = {t: lr / grid[best] for t, lr in used.items()}
    curve = " ".join(f"{v:.4f}" for v in loss[: len(grid)])
    shown = " | ".join(f"{used[t]:.2g} ({ratio[t]:.2f}x) {loss[len(grid) + i]:.4f}" for i, t in enumerate(TRUST))
    print(f"| {name} | {family} | {len(rows)} | {'none' if found is None else f'{found:.2g}'} | {grid[best]:.2g} | {loss[best]:.4f} | {shown} | {curve} |", flush=True)
    return ratio


def main() -> None:
    """One row per set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*", default=["california-housing", "covertype-15k", "adult", "telco-churn", "titanic"])
    parser.add_argument("--family", default="mlp")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=500)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print("| set | family | rows | finder | grid best | loss there | usual: rate, loss | within 3x: rate, loss | finder as it is: rate, loss | losses of the grid, usual x 10^-1.5 to usual x 10^1.5 |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in asked.sets:
        one(name, asked.family, asked.rows, asked.steps)


if __name__ == "__main__":
    main()
