"""Would a finder rule further right be better? (T02 against T04, on the networks it was made on and on others)

`python benchmarks/lr_rules.py` prints, for factors on the suggested rate (capped at the lowest point of the sweep, or free), how many of 21 pairs of
task and optimiser lie within 4x of the grid's best rate, how many lie above that, and the regret: log(training loss at the rate / best of the grid),
read off between the grid's points. A count within 4x treats both sides alike; a rate that is too high costs far more than one that is too low.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from lr_finder import OPTIMISERS, tasks

from phasewise.engine import Member, find_lr, fit
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.suggest import own_rule
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

SETTINGS = {"one layer of 32, the pairs the rule was made on": ([32], 1, 10), "two layers of 64, batches twice as large, 12 epochs: not looked at before": ([64, 64], 2, 12)}
FACTORS = (1.0, 1.5, 2.0, 3.0)
SEEDS = 3
WORST = 1e3
"""Loss put in where training diverged."""


def measured(hidden: list[int], times: int, epochs: int) -> list[dict[str, Any]]:
    """The sweep and the grid of every pair; other seeds for the grid than for the sweep."""
    found = []
    for name, data, info in tasks():
        rows, batch = torch.arange(data.rows), (16 if data.rows < 400 else 64) * times
        for optimiser, (options, grid) in OPTIMISERS.items():
            config = ModelConfig(network=NetworkSpec(family="mlp", hidden=hidden), train=TrainSpec(**options, batch_size=batch, epochs=epochs))
            curve = find_lr(config, data, info, DenseNet, rows=rows, sweeps=5)
            members = [
                Member(id=f"{i}-{s}", seed=100 + s, train=rows, validation=rows, config=config.model_copy(update={"train": config.train.model_copy(update={"lr": float(lr)})}))
                for i, lr in enumerate(grid) for s in range(SEEDS)
            ]
            losses = np.array([m.curves["objective"][-1] for m in fit(members, data, info, DenseNet, watch=False).members]).reshape(len(grid), SEEDS).mean(1)
            found.append({"task": name, "opt": optimiser, "grid": list(grid), "means": losses.tolist(), "lrs": list(curve.lrs), "losses": list(curve.losses)})
    return found


def judged(found: list[dict[str, Any]], factor: float, *, capped: bool) -> str:
    """One row of the table."""
    ratios, regrets = [], []
    for pair in found:
        curve = SimpleNamespace(lrs=pair["lrs"], losses=pair["losses"])
        rule = own_rule(curve)
        if rule.lr is None:
            continue
        lowest = curve.lrs[len(curve.lrs) // 10 + rule.lowest]
        rate = min(factor * rule.lr, max(lowest, rule.lr)) if capped else factor * rule.lr
        means = np.where(np.isfinite(pair["means"]), pair["means"], np.inf)
        best = int(means.argmin())
        ratios.append(rate / pair["grid"][best])
        logs = np.log(np.clip(np.where(np.isfinite(means), means, WORST), 1e-5, None))
        regrets.append(float(np.interp(np.log10(rate), np.log10(pair["grid"]), logs)) - logs[best])
    near = sum(0.25 <= r <= 4 for r in ratios)
    return f"| {factor:g}, {'not beyond the lowest point' if capped else 'free'} | {near} of {len(found)} | {sum(r > 4 for r in ratios)} | {np.median(ratios):.2f} | {np.mean(regrets):.2f} | {np.median(regrets):.2f} |"


def main() -> None:
    """Both settings."""
    torch.set_num_threads(1)
    for title, setting in SETTINGS.items():
        found = measured(*setting)
        print(f"\n{title}\n\n| factor on the rule | within 4x | above 4x | median ratio | mean log regret | median log regret |\n|---|---|---|---|---|---|")
        for factor in FACTORS:
            for capped in (True, False):
                print(judged(found, factor, capped=capped), flush=True)


if __name__ == "__main__":
    main()
