"""T22: is a search that learns from its first half better than a random one? Equal trials and equal time, real tables and the synthetic one.

The recipe's space of the MLP (rate, decay, batch size, widths and depth, dropout a layer, batch norm, smoothing), validation loss as objective,
halving. `learned`: the first third of the trials at random, each other third proposed from what those before it reached. `random, same time`: as many more random
trials as fit into the CPU time the learned search took. The winner's loss on rows nobody saw stands beside the objective.
"""

import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import torch
from common import Report, cpu_seconds, dataset, machine
from torch import Tensor

from phasewise.engine import Dataset, Halving, InputInfo, Member, fit, halving, learned, search
from phasewise.engine.evaluate import objective
from phasewise.kinds.shared import allocator
from phasewise.kinds.tabular import batches, networks, preparing, reading
from phasewise.kinds.tabular.development import Development
from phasewise.kinds.tabular.recipe import RECIPE
from phasewise.records.jobs import DataView
from phasewise.records.models import ModelConfig, apply_change

ROOT_DATA = Path(os.environ.get("PHASEWISE_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
TABLES = {
    "adult": ("adult/train.csv.gz", "income", "binary"), "california-housing": ("california-housing/housing.csv", "median_house_value", "regression"),
    "covertype-15k": ("covertype-15k/covertype.csv.gz", "Cover_Type", "multiclass"), "telco-churn": ("telco-churn/telco-churn.csv", "Churn", "binary"),
    "wine-quality": ("wine-quality/wine.csv", "quality", "regression"), "mammography": ("mammography/mammography.csv", "", "binary"),
}
TRAIN, HELD, EPOCHS, SEEDS = 1500, 1500, 9, 5
TIE = 0.002
"""Losses nearer than this share of each other count as a tie."""


def prepared(name: str) -> tuple[Dataset, InputInfo, str]:
    """4,500 rows of a table, prepared by its training rows; the synthetic one is numbers already."""
    if name == "synthetic":
        data, info = dataset(TRAIN + 2 * HELD)
        return data, info, "multiclass"
    file, target, task = TABLES[name]
    frame = pl.read_csv(ROOT_DATA / file, null_values=["", "?", " ", "NA"], has_header=bool(target), infer_schema_length=None)
    target = target or frame.columns[-1]
    frame = frame.drop([c for c in ("Id", "customerID") if c in frame.columns]).sample(TRAIN + 2 * HELD, seed=0, shuffle=True)
    raw = frame[target].to_numpy()
    names = sorted(set(raw.tolist()))
    y = raw.astype(float) if task == "regression" else np.searchsorted(np.array(names), raw)
    roles = {c: "number" if frame[c].dtype.is_numeric() else "category" for c in frame.columns if c != target}
    rows = np.arange(TRAIN)
    classes = () if task == "regression" else tuple(str(n) for n in names)
    dev = Development(
        table=frame.with_row_index(reading.ROW), y=y, train=rows, validation=np.arange(TRAIN, TRAIN + 2 * HELD), task=task, classes=classes, roles=roles, target=target,
    )
    ready = preparing.fit(dev, rows, DataView(kind="tabular", file="", target=target, task=task, metric="loss"), {})
    data = batches.dataset(dev, ready)
    return data, batches.info(ready, data, rows), task


class Study:
    """A search on one task: `found` holds objective, weights and config of every trial trained to the end."""

    def __init__(self, data: Dataset, info: InputInfo, task: str, seed: int) -> None:
        self.data, self.info, self.task, self.seed = data, info, task, seed
        self.space = RECIPE.space("mlp", task)
        base = RECIPE.config("mlp", TRAIN)
        self.base = base.model_copy(update={"train": base.train.model_copy(update={"epochs": EPOCHS})})
        self.held = torch.arange(TRAIN + HELD, TRAIN + 2 * HELD)
        self.found: list[tuple[float, dict[str, Tensor], ModelConfig]] = []
        self.reached: list[list[float]] = []

    def train(self, cube: np.ndarray, rule: Callable[..., Halving] = halving.even) -> None:
        """One population with halving by a rule."""
        configs = [apply_change(self.base, diff) for diff in search.decoded(self.space, cube)]
        rows, judged = torch.arange(TRAIN), torch.arange(TRAIN, TRAIN + HELD)
        members = [Member(id=f"t{i}", config=c, seed=self.seed, train=rows, validation=judged) for i, c in enumerate(configs)]
        rungs = rule(len(members), EPOCHS)
        done = fit(members, self.data, self.info, networks.build, device="cpu", halving=rungs, watch=False)
        for member in done.members:
            curve = member.curves["objective"]
            self.reached.append([curve[r - 1] for r in halving.marks(EPOCHS) if len(curve) >= r])
            if member.stopped != "halved":
                self.reached[-1].append(member.best if member.stopped != "diverged" else math.nan)
                config = configs[int(member.id[1:])]
                self.found.append((member.best, member.state, config))

    def random(self, count: int) -> None:
        """All at random in one population."""
        self.train(search.points(count, search.dimensions(self.space), self.seed))

    def learned(self, count: int) -> None:
        """The first part at random, each other from what went before."""
        size, *later = halving.generations(count)
        cube = search.points(size, search.dimensions(self.space), self.seed)
        self.train(cube, halving.opening if later else halving.even)
        for number, size in enumerate(later):
            fresh = learned.propose(cube, halving.ranked(self.reached), size, self.seed + number, lambda rows: search.settled(self.space, rows))
            self.train(fresh, halving.following)
            cube = np.concatenate([cube, fresh])

    @torch.no_grad()
    def outcome(self) -> tuple[float, float]:
        """Objective of the winner, and its loss on rows nobody saw."""
        best, state, config = min(self.found, key=lambda f: f[0])
        net = networks.build(config.network, self.info)
        net.load_state_dict(state)
        net.eval()
        out: Tensor = net({n: x[self.held] for n, x in self.data.inputs.items()})
        return best, float(objective("loss", self.data.task, out, self.data.y[self.held]))


def said(pairs: list[tuple[float, float]]) -> str:
    """Wins, ties and losses of the first over the second; the smaller loss wins."""
    ties = sum(abs(a - b) <= TIE * abs(b) for a, b in pairs)
    wins = sum(a < b - TIE * abs(b) for a, b in pairs)
    return f"{wins} / {ties} / {len(pairs) - wins - ties}"


def measured(name: str, count: int, seeds: int) -> dict[str, list]:
    """Outcomes of the three searches on one task, a pair for each seed; with them the ratio of CPU time and how many random trials fit into it."""
    data, info, task = prepared(name)
    found: dict[str, list] = {"random": [], "learned": [], "longer": [], "ratio": [], "trials": []}

    def run(kind: str, trials: int, seed: int) -> float:
        study = Study(data, info, task, seed)
        seconds = cpu_seconds(lambda: study.learned(trials) if kind == "learned" else study.random(trials))
        found[kind].append(study.outcome())
        return seconds

    for seed in range(seeds):
        plain, clever = run("random", count, seed), run("learned", count, seed)
        found["ratio"].append(clever / plain)
        found["trials"].append(max(count, round(count * clever / plain)))
        if found["trials"][-1] == count:
            found["longer"].append(found["random"][-1])  # it took no longer: the same trials
        else:
            run("longer", found["trials"][-1], seed)
    return found


def reported(found: dict[str, dict[str, list]], count: int, seeds: int) -> None:
    """The table of all tasks."""
    report = Report("engine-search.md")
    report.say(f"## Learned against random search, {count} trials, {seeds} seeds a task")
    report.say(f"{time.strftime('%Y-%m-%d')}: {machine()}. Best validation loss, means over the seeds; {TRAIN:,} training rows, {EPOCHS} epochs, the recipe's space of the MLP; random trials are halved by thirds, learned ones as `halving.opening` and `following` say.\n")
    report.say("| task | random | learned | random, same time (trials) | learned against random: wins/ties/losses | against the same time | CPU time, learned over random | loss on rows nobody saw: random, learned, same time |\n" + "| --- " * 8 + "|")
    equal, timed, fresh = [], [], []
    for name, f in found.items():
        pairs = {k: [(a[i], b[i]) for a, b in zip(f["learned"], f[other], strict=True)] for k, other, i in (("equal", "random", 0), ("timed", "longer", 0), ("fresh", "longer", 1))}
        equal, timed, fresh = equal + pairs["equal"], timed + pairs["timed"], fresh + pairs["fresh"]
        mean = {k: [statistics.mean(v[i] for v in f[k]) for i in (0, 1)] for k in ("random", "learned", "longer")}
        report.say(
            f"| {name} | {mean['random'][0]:.4f} | {mean['learned'][0]:.4f} | {mean['longer'][0]:.4f} ({statistics.median(f['trials']):.0f}) | {said(pairs['equal'])} | {said(pairs['timed'])} "
            f"| {statistics.median(f['ratio']):.2f} | {', '.join(format(mean[k][1], '.4f') for k in mean)} |"
        )
    report.say(f"\nWins / ties / losses of the learned search over all: {said(equal)} at equal trials, {said(timed)} at equal time; of its winners on rows nobody saw {said(fresh)} at equal time (a tie: within {TIE:.1%}).")
    report.save()


def main(count: int, seeds: int, names: list[str]) -> None:
    """One table for a number of trials."""
    torch.set_num_threads(1)
    allocator.keep_freed()
    reported({name: measured(name, count, seeds) for name in names}, count, seeds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 32, int(sys.argv[2]) if sys.argv[2:] else SEEDS, sys.argv[3:] or [*TABLES, "synthetic"])
