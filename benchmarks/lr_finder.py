"""T04 as the control of T02: is the suggested learning rate within a factor of 4 of the best of a grid? And F1: the cost of five sweeps.

    python benchmarks/lr_finder.py [--epochs 10] [--seeds 3]

Seven small tasks of scikit-learn, three optimisers; grid of half-decades around the optimiser's usual range, judged by training loss after
equal steps (the objective of step 3), mean of seeds. All grid members of a task run as one population.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from sklearn import datasets

from phasewise.engine import Dataset, InputInfo, Member, find_lr, fit
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.suggest import own_rule, suggest
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

OPTIMISERS = {
    "sgd": ({"optimizer": "sgd", "momentum": 0.0}, 10.0 ** np.arange(-3, 1.01, 0.5)), "momentum": ({"optimizer": "sgd", "momentum": 0.9}, 10.0 ** np.arange(-4, 0.01, 0.5)),
    "adam": ({"optimizer": "adam"}, 10.0 ** np.arange(-4.5, -0.49, 0.5)),
}


def tasks():
    """Name -> (inputs, target, task, classes)."""
    found = {n: getattr(datasets, f"load_{n}")(return_X_y=True) for n in ("iris", "wine", "breast_cancer", "digits", "diabetes")}
    found["moons"] = datasets.make_moons(2000, noise=0.2, random_state=0)
    found["friedman"] = datasets.make_friedman1(2000, noise=1.0, random_state=0)
    for name, (x, y) in found.items():
        x = (x - x.mean(0)) / (x.std(0) + 1e-9)
        value = name in ("diabetes", "friedman")
        classes = 0 if value else len(set(y.tolist()))
        task = "regression" if value else "binary" if classes == 2 else "multiclass"
        y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32) if value else torch.tensor(y, dtype=torch.int64)
        data = Dataset(inputs={"num": torch.tensor(x, dtype=torch.float32)}, y=y, task=task, classes=classes)
        yield name, data, InputInfo(numbers=x.shape[1], outputs=classes if task == "multiclass" else 1)


def main():
    """Prints the table of ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print("| task | optimiser | grid best | suggested | ratio | loss there / at best | valley | slide | steep | minimum |\n|---|---|---|---|---|---|---|---|---|---|")
    ratios, inside, none = [], 0, 0
    for name, data, info in tasks():
        rows = torch.arange(data.rows)
        batch = 16 if data.rows < 400 else 64
        for title, (options, grid) in OPTIMISERS.items():
            config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[32]), train=TrainSpec(**options, batch_size=batch, epochs=asked.epochs))
            curve = find_lr(config, data, info, DenseNet, rows=rows, sweeps=5)
            rule, others = own_rule(curve), suggest(curve)
            points = [*grid.tolist(), *([rule.lr] if rule.lr else [])]
            members = [
                Member(id=f"{i}-{s}", seed=s, train=rows, validation=rows[:64], config=config.model_copy(update={"train": config.train.model_copy(update={"lr": lr})}))
                for i, lr in enumerate(points) for s in range(asked.seeds)
            ]
            done = fit(members, data, info, DenseNet, watch=False).members
            losses = np.array([m.curves["train_eval_loss"][-1] if m.stopped == "done" else np.inf for m in done]).reshape(len(points), asked.seeds).mean(1)
            best = int(losses[: len(grid)].argmin())
            shown = [f"{others[n]:.2g}" if others[n] else "-" for n in ("valley", "slide", "steep", "minimum")]
            if rule.lr is None:
                none += 1
                print(f"| {name} | {title} | {grid[best]:.2g} | none: {rule.why} | | | {' | '.join(shown)} |", flush=True)
                continue
            ratio = rule.lr / grid[best]
            ratios.append(ratio)
            inside += 0.25 <= ratio <= 4
            print(f"| {name} | {title} | {grid[best]:.2g} | {rule.lr:.2g} | {ratio:.2f} | {losses[-1]:.3g} / {losses[best]:.3g} | {' | '.join(shown)} |", flush=True)
    print(f"\nwithin 4x of the grid's best: {inside} of {len(ratios)}; no suggestion: {none}; median ratio {np.median(ratios):.2f}")
    name, data, info = next(t for t in tasks() if t[0] == "digits")
    config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[128]), train=TrainSpec(optimizer="adam", batch_size=256))
    seconds = {}
    for sweeps in (1, 5):
        rounds = []
        for _ in range(7):
            began = time.process_time()
            find_lr(config, data, info, DenseNet, rows=torch.arange(data.rows), sweeps=sweeps)
            rounds.append(time.process_time() - began)
        seconds[sweeps] = float(np.median(rounds))
    plain = []
    for _ in range(7):
        torch.manual_seed(0)
        net = DenseNet(config.network, info)
        opt = torch.optim.Adam(net.parameters(), fused=True)
        began = time.process_time()
        for i in range(100):
            pick = torch.randint(0, data.rows, (256,))
            for group in opt.param_groups:
                group["lr"] = 1e-7 * 1e8 ** (i / 99)
            opt.zero_grad()
            loss = torch.nn.functional.cross_entropy(net({"num": data.inputs["num"][pick]}), data.y[pick])
            float(loss.detach())
            loss.backward()
            opt.step()
        plain.append(time.process_time() - began)
    print(f"F1 (digits, width 128, batch 256): 5 sweeps {seconds[5]:.3f} s, 1 sweep {seconds[1]:.3f} s, one sweep in a plain loop {np.median(plain):.3f} s: ratio {seconds[5] / np.median(plain):.2f}")


if __name__ == "__main__":
    main()
