"""C10 (engine part): from the call of `fit` to the first training figure and to the first validation figure, in a warm process."""

import statistics
import time

import torch
from common import Report, dataset, trials

from phasewise.engine import Hooks, fit
from phasewise.engine.dense.module import DenseNet


class Clock(Hooks):
    """Notes when the first figures arrive."""

    def __init__(self) -> None:
        self.first_point = self.first_epoch = 0.0

    def on_metrics(self, columns, rows) -> None:
        """The first block of points."""
        self.first_point = self.first_point or time.perf_counter()

    def on_epoch(self, *args) -> None:
        """The first epoch."""
        self.first_epoch = self.first_epoch or time.perf_counter()


def main() -> None:
    """One member, a search of 32, and a generic module."""
    torch.set_num_threads(1)
    report = Report("engine-cpu.md")
    report.head("C10, F3 (engine part): call to first figure in a warm process (wall time)")
    data, info = dataset(35_600)
    for name, n, plan in (("one member", 1, "auto"), ("search of 32", 32, "auto"), ("one member, ordinary module", 1, "one")):
        members = trials(n, 128, epochs=3, train=25_600, rows=35_600)
        points, epochs = [], []
        for _ in range(6):
            clock, began = Clock(), time.perf_counter()
            fit([m.__class__(**{**m.__dict__, "config": m.config.model_copy(update={"train": m.config.train.model_copy(update={"epochs": 1})})}) for m in members], data, info, DenseNet, clock, device="cpu", plan=plan)
            points.append(clock.first_point - began)
            epochs.append(clock.first_epoch - began)
        points, epochs = points[1:], epochs[1:]
        report.goal("C10", f"{name}: seconds to the first training figure", statistics.median(points), 1.0, 0.3, (min(points), max(points)), lower=True)
        report.say(f"| | {name}: seconds to the first validation figure | {statistics.median(epochs):.2f} | | | |")
    report.save()


if __name__ == "__main__":
    main()
