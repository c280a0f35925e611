"""C1, C2: trials per CPU-minute of a 32-trial search, 5 epochs, 25,600 rows, evaluation on 10,000 rows after every epoch.

Optuna itself is in bench_peers.py. Its stand-ins here are bare loops (no sampler cost at all, which favours them): A a DataLoader loop with `.item()`,
B the same with a successive-halving pruner (asynchronous rungs at epochs 1 and 3 as Optuna's SuccessiveHalvingPruner has them: a trial goes on
when it is in the best third of those that reached the rung), C a good plain loop with resident rows and fused AdamW.
"""

import sys

import torch
from common import LoaderLoop, PlainLoop, Report, cpu_seconds, dataset, ratio, trials

from phasewise.engine import Halving, fit
from phasewise.engine.dense.module import DenseNet

TRAIN, ROWS, EPOCHS, N = 25_600, 35_600, 5, 32
RUNGS = (1, 3)
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


def main(widths: list[int]) -> None:
    """Interleaved rounds; the unpruned loops run a sample of the trials, so that a round stays short."""
    torch.set_num_threads(1)
    data, info = dataset(ROWS)
    x, y = data.inputs["num"], data.y
    for hidden in widths:
        report = Report("engine-cpu.md")
        id, a_goal, b_goal, c_goal = GOALS[hidden]
        report.head(f"{id}: 32 trials, H={hidden} (CPU time, one thread; bare loops stand in for Optuna; itself: bench_peers.py)")
        times = {k: [] for k in "ABCDE"}
        losses = {k: [] for k in "ABCDE"}
        same = []
        count = 3 if hidden == 128 else 5
        for r in range(count):
            members = trials(N, hidden, epochs=EPOCHS, train=TRAIN, rows=ROWS, seed=r)
            e, d = engine(members, data, info, Halving(rungs=(1, 2), keep=(12, 4))), engine(members, data, info, None)
            same.append(e[2] == d[2])
            got = {"E": e[:2], "D": d[:2], "C": loop_search(PlainLoop, members, x, y, prune=False, of=5), "A": loop_search(LoaderLoop, members, x, y, prune=False, of=3)}
            got["B"] = loop_search(LoaderLoop, members, x, y, prune=True, of=16)
            for key, (seconds, loss) in got.items():
                times[key].append(seconds)
                losses[key].append(loss)
        for name, key, goal in (("A DataLoader loop", "A", a_goal), ("B DataLoader loop + halving pruner", "B", b_goal), ("C good plain loop", "C", c_goal)):
            middle, low, high = ratio(times[key], times["E"])
            report.goal(id, f"engine with halving against {name}", middle, *goal, (low, high))
        report.say("\n| contestant | trials per CPU-minute | best validation loss per round |\n| --- | --- | --- |")
        for key, name in (("A", "A DataLoader loop (3 trials timed)"), ("B", "B A + halving pruner (16 trials timed)"), ("C", "C plain loop (5 trials timed)"), ("D", "D engine, all to the end"), ("E", "E engine, halving 32 -> 12 -> 4")):
            rate = sorted(N / t * 60 for t in times[key])[count // 2]
            report.say(f"| {name} | {rate:.0f} | {', '.join(f'{v:.4f}' for v in losses[key])} |")
        report.say(f"\nD and E picked the same trial in {sum(same)} of {count} rounds. A, B and C saw only their timed trials, so their best loss is over fewer trials.")
        report.save()


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [128, 32])
