"""Learning-rate schedules as pure functions of the step (T09-T16): preview, resume and replay are the same call."""

import math
from collections.abc import Callable

import numpy as np

from phasewise.records.errors import UsageError
from phasewise.records.models import TrainSpec

Schedule = Callable[[np.ndarray], np.ndarray]


def factory(train: TrainSpec, steps_per_epoch: int) -> Schedule:
    """The schedule of a spec: int steps [k] (0 = first step) to learning rates, float64 [k].

    Units of `schedule_options` are epochs. `plateau` is constant here; its drops depend on the validation objective
    (see `Plateau`). `warmup` epochs ramp linearly from lr/W to the schedule's own value. `keys`, [[step, factor], ...], is what a
    person asked for while it ran (T11): from each step on the schedule is multiplied by the factor.
    """
    options = train.schedule_options
    try:
        base = _FACTORIES[train.schedule](train, options, steps_per_epoch)
    except KeyError:
        raise UsageError(f"unknown schedule {train.schedule!r}", "", f"Use one of {', '.join(_FACTORIES)}.") from None
    ramp = round(float(options.get("warmup", 0)) * steps_per_epoch)
    planned = base if not ramp else lambda t: base(t) * np.minimum(1.0, (t + 1) / ramp)
    keys = sorted((int(step), float(factor)) for step, factor in options.get("keys", []))
    if not keys:
        return planned
    marks, factors = np.array([step for step, _ in keys]), np.array([1.0] + [factor for _, factor in keys])
    return lambda t: planned(t) * factors[np.searchsorted(marks, t, side="right")]


def trace(train: TrainSpec, steps_per_epoch: int, start: int, stop: int) -> np.ndarray:
    """Learning rates of the steps start..stop-1, float64."""
    return factory(train, steps_per_epoch)(np.arange(start, stop))


def preview(train: TrainSpec, steps_per_epoch: int, points: int = 400) -> list[tuple[int, float]]:
    """The curve a person sees before training: at most `points` of (step, learning rate)."""
    total = train.epochs * steps_per_epoch
    steps = np.unique(np.linspace(0, total - 1, min(points, total)).round().astype(int))
    return [(int(t), float(lr)) for t, lr in zip(steps, factory(train, steps_per_epoch)(steps), strict=True)]


def epochs_for(cycles: int, cycle_len: int = 1, cycle_mult: int = 1) -> int:
    """Epochs of n warm-restart cycles, so that training ends at a cycle end (T14): cycle_len * sum(cycle_mult^i)."""
    return cycle_len * sum(cycle_mult**i for i in range(cycles))


def _constant(train: TrainSpec, options: dict, s: int) -> Schedule:
    return lambda t: np.full(len(t), train.lr)


def _exponential(train: TrainSpec, options: dict, s: int) -> Schedule:
    gamma = float(options.get("gamma", 0.9))
    unit = 1 if options.get("per") == "step" else s
    return lambda t: train.lr * gamma ** (t // unit)


def _staircase(train: TrainSpec, options: dict, s: int) -> Schedule:
    gamma = float(options.get("gamma", 0.1))
    if "milestones" in options:
        marks = np.sort(np.round(np.asarray(options["milestones"], dtype=float) * s).astype(int))
        return lambda t: train.lr * gamma ** np.searchsorted(marks, t, side="right")
    every = max(1, round(float(options.get("step", max(1, train.epochs // 3))) * s))
    return lambda t: train.lr * gamma ** (t // every)


def _manual(train: TrainSpec, options: dict, s: int) -> Schedule:
    if "rates" in options:  # by a person, before training: [[epochs done, learning rate], ...]
        planned = sorted((float(epoch), float(rate)) for epoch, rate in options["rates"])
        at = np.round(np.array([epoch for epoch, _ in planned]) * s).astype(int)
        rates = np.array([train.lr] + [rate for _, rate in planned])
        return lambda t: rates[np.searchsorted(at, t, side="right")]
    return _constant(train, options, s)


def _cosine(train: TrainSpec, options: dict, s: int) -> Schedule:
    lo, total = float(options.get("lo", 0.0)), max(1, round(float(options.get("epochs", train.epochs)) * s))
    return lambda t: lo + 0.5 * (train.lr - lo) * (1 + np.cos(np.pi * np.minimum(t, total) / total))


def _restarts(train: TrainSpec, options: dict, s: int) -> Schedule:
    lo = float(options.get("lo", 0.0))
    first, mult = max(1, round(float(options.get("cycle_len", 1)) * s)), int(options.get("cycle_mult", 1))
    if mult < 1:
        raise UsageError("cycle_mult must be 1 or more", f"It is {mult}.")

    def schedule(t: np.ndarray) -> np.ndarray:
        t = np.asarray(t, dtype=float)
        if mult == 1:
            within, length = t % first, np.full(len(t), float(first))
        else:
            n = np.floor(np.log2((t / first) * (mult - 1) + 1) / math.log2(mult) + 1e-12)
            within, length = t - first * (mult**n - 1) / (mult - 1), first * mult**n
        return lo + (train.lr - lo) * (1 + np.cos(np.pi * within / length)) / 2

    return schedule


def _cyclic(train: TrainSpec, options: dict, s: int) -> Schedule:
    hi, mode, gamma = float(options.get("hi", train.lr)), options.get("mode", "triangular"), float(options.get("gamma", 1.0))
    lo, size = float(options.get("lo", hi / 4)), max(1, round(float(options.get("step", 2)) * s))
    if mode not in ("triangular", "triangular2", "exp_range"):
        raise UsageError(f"unknown cyclic mode {mode!r}", "", "Use triangular, triangular2 or exp_range.")

    def schedule(t: np.ndarray) -> np.ndarray:
        cycle = np.floor(1 + t / (2 * size))
        height = (hi - lo) * np.maximum(0.0, 1 - np.abs(t / size - 2 * cycle + 1))
        scale = {"triangular": 1.0, "triangular2": 1 / 2.0 ** (cycle - 1), "exp_range": gamma**t}[mode]
        return lo + height * scale

    return schedule


def _one_cycle(train: TrainSpec, options: dict, s: int) -> Schedule:
    total = max(2, train.epochs * s)
    start = train.lr / float(options.get("div", 25.0))
    end = start / float(options.get("final_div", 1e4))
    up = float(options.get("pct_start", 0.3)) * total - 1

    def schedule(t: np.ndarray) -> np.ndarray:
        t = np.minimum(np.asarray(t, dtype=float), total - 1)
        rising = t <= up
        share = np.where(rising, t / up if up > 0 else 1.0, (t - up) / (total - 1 - up))
        a, b = np.where(rising, start, train.lr), np.where(rising, train.lr, end)
        return b + (a - b) / 2.0 * (1 + np.cos(np.pi * share))

    return schedule


_FACTORIES: dict[str, Callable[[TrainSpec, dict, int], Schedule]] = {
    "constant": _constant, "exponential": _exponential, "staircase": _staircase, "manual": _manual, "plateau": _constant,
    "cosine": _cosine, "restarts": _restarts, "cyclic": _cyclic, "one_cycle": _one_cycle,
}


class Plateau:
    """The state of torch's ReduceLROnPlateau for one member (T11): factor .1, patience 10, relative threshold 1e-4."""

    def __init__(self, options: dict, lr: float) -> None:
        self.shrink = float(options.get("factor", 0.1))
        self.patience = int(options.get("patience", 10))
        self.threshold = float(options.get("threshold", 1e-4))
        self.lowest = float(options.get("lo", 0.0))
        self.lr, self.factor, self.best, self.bad = lr, 1.0, math.inf, 0

    def step(self, value: float) -> bool:
        """Takes the objective (smaller is better) of an epoch; true when the learning rate was lowered."""
        if value < self.best * (1 - self.threshold):
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        if self.bad <= self.patience:
            return False
        self.bad = 0
        new = max(self.lr * self.factor * self.shrink, self.lowest)
        changed = self.lr * self.factor - new > 1e-8
        if changed and self.lr:
            self.factor = new / self.lr
        return changed

    def state(self) -> dict[str, float]:
        """As plain JSON."""
        return {"factor": self.factor, "best": self.best, "bad": self.bad}

    def load(self, state: dict[str, float]) -> None:
        """From plain JSON."""
        self.factor, self.best, self.bad = float(state["factor"]), float(state["best"]), int(state["bad"])
