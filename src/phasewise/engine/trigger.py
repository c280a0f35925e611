"""When SGD is too slow: advise Adam and a new finder run (T05)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_FALL = 0.20
SLOPE = -0.01
TAIL = 0.3


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Swap the optimiser, and why; the learning rate must be found anew (the scales differ by a factor near 30)."""

    reason: str
    find_again: bool = True


def advise_adam(losses: Sequence[float], steps_per_epoch: int, optimizer: str, *, train_error: float | None = None, goal_error: float | None = None) -> Advice | None:
    """Advice after a quick epoch or more of SGD, from training losses per step (T05); None where training is fine or not SGD.

    Triggers: the first epoch lowers the loss by less than 20 %; or the log loss of the last 30 % falls by less than 1 % an epoch while
    the training error is above the goal. Means over tenths of an epoch stand for the noisy single steps.
    """
    if optimizer != "sgd" or steps_per_epoch < 1 or len(losses) < max(steps_per_epoch, 10) or not all(math.isfinite(x) for x in losses):
        return None
    width = max(1, steps_per_epoch // 10)
    start = sum(losses[:width]) / width
    end_of_first = losses[steps_per_epoch - width : steps_per_epoch]
    fall = 1 - (sum(end_of_first) / len(end_of_first)) / start if start > 0 else 1.0
    if fall < LEAST_FALL:
        return Advice(reason=f"The first epoch lowered the loss by {fall:.0%}; below {LEAST_FALL:.0%} Adam is worth a try (T05).")
    if train_error is None or goal_error is None or train_error <= goal_error:
        return None
    tail = [math.log(max(x, 1e-12)) for x in losses[int(len(losses) * (1 - TAIL)) :]]
    slope = _slope(tail) * steps_per_epoch
    if slope > SLOPE:
        return Advice(reason=f"The loss changes by {slope:+.1%} an epoch while the training error {train_error:.3g} is above the goal {goal_error:.3g} (T05).")
    return None


def _slope(values: Sequence[float]) -> float:
    """Least-squares slope per step."""
    n = len(values)
    middle, mean = (n - 1) / 2, sum(values) / n
    spread = sum((i - middle) ** 2 for i in range(n))
    return sum((i - middle) * (v - mean) for i, v in enumerate(values)) / spread if spread else 0.0
