"""Does a short race around the finder's rate find a better one? (T04: 7 tasks x 3 optimisers, three networks)

`python benchmarks/lr_race.py` trains at the finder's rate, at the race's, and on a half-decade grid (the control), three seeds each, none of
them seeds of the sweep or the race, and prints how many of 21 pairs lie within 4x of the grid's best rate and the regret:
log(training loss at the rate / best of the grid). The third network was looked at once, after the rule was fixed.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from lr_finder import OPTIMISERS, tasks

from phasewise.engine import Member, find_lr, fit
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.race import race
from phasewise.engine.suggest import own_rule
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

SETTINGS = {
    "one layer of 32, 10 epochs": ([32], 1, 10), "two layers of 64, batches twice as large, 12 epochs": ([64, 64], 2, 12),
    "one layer of 128, batches half as large, 20 epochs": ([128], 0.5, 20),
    "two layers of 48 and 24, batches half as large again, 15 epochs (not looked at before)": ([48, 24], 1.5, 15),
}
SEEDS = 3
BROKE = 9.0
"""Regret put in where training diverged."""


def main() -> None:
    """One table a network, with every pair, and one line of counts."""
    torch.set_num_threads(1)
    for title, (hidden, times, epochs) in SETTINGS.items():
        print(f"\n### {title}\n\n| task | optimiser | grid best | finder / best | race / best | regret finder | regret race |\n|---|---|---|---|---|---|---|")
        ratios, regrets = {"finder": [], "race": []}, {"finder": [], "race": []}
        for name, data, info in tasks():
            rows, batch = torch.arange(data.rows), int((16 if data.rows < 400 else 64) * times)
            for optimiser, (options, grid) in OPTIMISERS.items():
                config = ModelConfig(network=NetworkSpec(family="mlp", hidden=hidden), train=TrainSpec(**options, batch_size=batch, epochs=epochs))
                lr = own_rule(find_lr(config, data, info, DenseNet, rows=rows, sweeps=5)).lr
                if lr is None:
                    continue
                rates = {"finder": lr, "race": race(config, data, info, DenseNet, lr=lr, rows=rows).lr or lr}
                points = [*grid.tolist(), *rates.values()]
                members = [
                    Member(id=f"{i}-{s}", seed=100 + s, train=rows, validation=rows, config=config.model_copy(update={"train": config.train.model_copy(update={"lr": float(v)})}))
                    for i, v in enumerate(points) for s in range(SEEDS)
                ]
                done = fit(members, data, info, DenseNet, watch=False).members
                losses = np.array([m.curves["objective"][-1] if m.stopped == "done" else np.inf for m in done], float).reshape(len(points), SEEDS).mean(1)
                losses = np.where(np.isfinite(losses), losses, np.inf)
                best = int(losses[: len(grid)].argmin())
                for i, what in enumerate(rates):
                    ratios[what].append(rates[what] / grid[best])
                    loss = losses[len(grid) + i]
                    regrets[what].append(min(BROKE, float(np.log(max(loss, 1e-5) / max(losses[best], 1e-5)))) if np.isfinite(loss) else BROKE)
                print(f"| {name} | {optimiser} | {grid[best]:.2g} | {ratios['finder'][-1]:.2f} | {ratios['race'][-1]:.2f} | {regrets['finder'][-1]:.2f} | {regrets['race'][-1]:.2f} |", flush=True)
        print()
        for what in ratios:
            r, g = np.array(ratios[what]), np.array(regrets[what])
            print(f"{what}: within 4x on {int(((r >= 0.25) & (r <= 4)).sum())} of {len(r)}, above 4x on {int((r > 4).sum())}, median ratio {np.median(r):.2f}, regret mean {g.mean():.2f}, median {np.median(g):.2f}, largest {g.max():.2f}")


if __name__ == "__main__":
    main()
