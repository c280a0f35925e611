"""C1, C2: trials per CPU-minute of a 32-trial search, 5 epochs, 25,600 rows, evaluation on 10,000 rows after every epoch.

Optuna itself is in bench_peers.py. Its stand-ins here are bare loops (no sampler cost at all, which favours them): A a DataLoader loop with `.item()`,
B the same with a successive-halving pruner (asynchronous rungs at epochs 1 and 3 as Optuna's SuccessiveHalvingPruner has them: a trial goes on
when it is in the best third of those that reached the rung), C a good plain loop with resident rows and fused AdamW. Of ours, E is the search as
the app runs it: a third of the trials at random, each other third proposed from what those before it reached, halving in all; R draws all 32 at random.
"""

import sys

import numpy as np
import torch
from common import LoaderLoop, PlainLoop, Report, cpu_seconds, dataset, drawn, ratio, trials, trials_at

from phasewise.engine import Halving, fit, halving, learned
from phasewise.engine.dense.module import DenseNet

TRAIN, ROWS, EPOCHS, N = 25_600, 35_600, 5, 32
RUNGS = (1, 3)
OURS = Halving(rungs=(1, 2), keep=(12, 4))
LEARNED = "engine, learned, 11 -> 5 -> 3, then 11 -> 5, then 10 -> 4"
GOALS = {128: ("C1", (12, 18), (4, 6), (6.5, 10)), 32: ("C2", (35, 50), (12, 17), (14, 20))}


def loop_search(kind: type[PlainLoop], members, x, y, *, prune: bool, of: int) -> tuple[float, float]:
    """CPU seconds for all trials and the best loss; only `of` trials are run and the time scaled where nothing is pruned."""
    best, reached = float("inf"), {r: [] for r in RUNGS}

    def work() -> None:
        nonlocal best
        for member in members[:of]:
            trial = kind(member, x, y)
            for epoch in range(1, EPOCHS + 1):
                trial.steps(TRAIN // 256)
                value = trial.validate()
                best = min(best, value)
                if prune and epoch in reached:
                    reached[epoch].append(value)
                    if value > sorted(reached[epoch])[max(0, len(reached[epoch]) // 3 - 1)] and len(reached[epoch]) > 1:
                        break

    return cpu_seconds(work) / of * len(members), best


def engine(members, data, info, halving: Halving | None) -> tuple[float, float, str]:
    """CPU seconds of one fit, the best loss, and who won."""
    result = None

    def work() -> None:
        nonlocal result
        result = fit(members, data, info, DenseNet, device="cpu", halving=halving)

    seconds = cpu_seconds(work)
    winner = min(result.members, key=lambda m: m.best)
    return seconds, winner.best, winner.id


def learned_search(hidden: int, data, info, seed: int) -> tuple[float, float]:
    """CPU seconds and best loss of a search in generations as the app has them, proposals included."""
    best: list[float] = []

    def work() -> None:
        cube, reached = np.zeros((0, 3)), []
        for number, size in enumerate(halving.generations(N)):
            fresh = learned.propose(cube, halving.ranked(reached), size, seed + number - 1) if number else drawn(size, seed)
            rungs, first = halving.following(size, EPOCHS) if number else halving.opening(size, EPOCHS), len(cube)
            cube = np.concatenate([cube, fresh])
            for member in fit(trials_at(fresh, hidden, epochs=EPOCHS, train=TRAIN, rows=ROWS, first=first), data, info, DenseNet, device="cpu", halving=rungs).members:
                curve = member.curves["objective"]
                reached.append([*(curve[r - 1] for r in halving.marks(EPOCHS) if r <= len(curve)), *([member.best] if member.stopped != "halved" else [])])
                best.append(member.best)

    seconds = cpu_seconds(work)
    return seconds, min(best)


def main(widths: list[int]) -> None:
    """Interleaved rounds; the unpruned loops run a sample of the trials, so that a round stays short."""
    torch.set_num_threads(1)
    data, info = dataset(ROWS)
    x, y = data.inputs["num"], data.y
    learned.propose(drawn(4, 1), range(4), 1, 0)  # scipy is loaded before the clock runs
    for hidden in widths:
        report = Report("engine-cpu.md")
        id, a_goal, b_goal, c_goal = GOALS[hidden]
        report.head(f"{id}: 32 trials, H={hidden} (CPU time, one thread; bare loops stand in for Optuna; itself: bench_peers.py)")
        times = {k: [] for k in "ABCDER"}
        losses = {k: [] for k in "ABCDER"}
        same = []
        count = 3 if hidden == 128 else 5
        for r in range(count):
            members = trials(N, hidden, epochs=EPOCHS, train=TRAIN, rows=ROWS, seed=r)
            e, d = engine(members, data, info, OURS), engine(members, data, info, None)
            same.append(e[2] == d[2])
            got = {"E": learned_search(hidden, data, info, r), "R": e[:2], "D": d[:2], "C": loop_search(PlainLoop, members, x, y, prune=False, of=5), "A": loop_search(LoaderLoop, members, x, y, prune=False, of=3)}
            got["B"] = loop_search(LoaderLoop, members, x, y, prune=True, of=16)
            for key, (seconds, loss) in got.items():
                times[key].append(seconds)
                losses[key].append(loss)
        for name, key, goal in (("A DataLoader loop", "A", a_goal), ("B DataLoader loop + halving pruner", "B", b_goal), ("C good plain loop", "C", c_goal)):
            middle, low, high = ratio(times[key], times["E"])
            report.goal(id, f"learned search with halving against {name}", middle, *goal, (low, high))
            middle, low, high = ratio(times[key], times["R"])
            report.say(f"| | random search with halving against {name} | {middle:.2f} ({low:.2f} to {high:.2f}) | | | |")
        report.say("\n| contestant | trials per CPU-minute | best validation loss per round |\n| --- | --- | --- |")
        for key, name in (("A", "A DataLoader loop (3 trials timed)"), ("B", "B A + halving pruner (16 trials timed)"), ("C", "C plain loop (5 trials timed)"), ("D", "D engine, random, all to the end"), ("R", "R engine, random, halving 32 -> 12 -> 4"), ("E", f"E {LEARNED}")):
            rate = sorted(N / t * 60 for t in times[key])[count // 2]
            report.say(f"| {name} | {rate:.0f} | {', '.join(f'{v:.4f}' for v in losses[key])} |")
        report.say(f"\nD and R picked the same trial in {sum(same)} of {count} rounds. A, B and C saw only their timed trials, so their best loss is over fewer trials.")
        report.save()


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [128, 32])
