"""The switch from Adam to SGD as a training sees it (T08): by hand at an epoch, the rate from a short grid of that moment, and what is told."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from phasewise.engine import optimisers
from phasewise.engine.finder import untouched
from phasewise.records.models import ModelConfig

RATES = tuple(10 ** (e / 2) for e in range(-8, 2))
"""Half decades from 1e-4 to 3.2, for SGD with momentum."""
LEAST_STEPS, MOST_STEPS = 20, 100

Loss = Callable[[nn.Module, Any], Tensor]


class Handover:
    """Watches the optimiser of one member; for any other optimiser than SWATS it does nothing."""

    def __init__(self, optimiser: torch.optim.Optimizer, config: ModelConfig) -> None:
        self.optimiser: Any = optimiser if config.train.optimizer == "swats" else None
        self.config = config
        self.how = ""
        self.done = False

    def begin(self, epoch: int, module: nn.Module, loss: Loss, batches: Sequence[Any]) -> None:
        """Before an epoch: switches once the epoch of `switch_epoch` is reached; the search for a rate leaves weights and states as they were.

        Where even the smallest rates break the loss nothing is switched, and the next epoch tries again.
        """
        at = self.config.train.switch_epoch
        if self.optimiser is None or at is None or epoch < at or self._switched():
            return
        rate, self.how = self.config.train.switch_lr, f"by hand after {at} epochs, to the rate that was asked for"
        if rate is None:
            rate, self.how = self._found(module, loss, batches), f"by hand after {at} epochs, to the best of {len(RATES)} rates tried from these weights"
        if rate is not None:
            self.optimiser.switch(rate)

    def loaded(self) -> None:
        """A saved state was put back: what had happened by then is not told again."""
        self.done = self.optimiser is not None and self._switched()

    def news(self) -> list[tuple[str, str]]:
        """Title and detail of a switch since the last call."""
        if self.optimiser is None or self.done or not self._switched():
            return []
        self.done = True
        first = self.optimiser.report()[0]
        momentum = self.optimiser.param_groups[0]["betas"][0]
        how = self.how or "by itself: the projected rate had settled"
        return [("The optimiser changed from Adam to SGD", f"At step {first['steps']:.0f}, {how}. SGD with momentum {momentum:g} at {(1 - momentum) * first['lr']:.3g}; projected rate {(1 - momentum) * first['projected']:.3g} (T08).")]

    def _switched(self) -> bool:
        return bool(self.optimiser.report()[0]["switched"])

    def _found(self, module: nn.Module, loss: Loss, batches: Sequence[Any]) -> float | None:
        """The best of a short grid: every rate goes a few dozen steps from here over the same batches, the lowest loss of the last half wins.

        The range test of T01 needs a loss that still falls steeply; on trained weights it answered anything from 1e-7 to 2.5 on five
        folds of one table. Nothing is touched by the attempts.
        """
        momentum = self.optimiser.param_groups[0]["betas"][0]
        steps = min(max(len(batches), LEAST_STEPS), MOST_STEPS)
        scores = {rate: self._after(module, loss, batches, rate, momentum, steps) for rate in RATES}
        best = min(scores, key=lambda rate: scores[rate])
        return best if math.isfinite(scores[best]) else None

    def _after(self, module: nn.Module, loss: Loss, batches: Sequence[Any], rate: float, momentum: float, steps: int) -> float:
        groups = [{k: v for k, v in g.items() if k in ("params", "weight_decay", "lr_scale")} for g in optimisers.layer_groups(module, self.config)]
        sgd = torch.optim.SGD(groups, lr=rate, momentum=momentum)
        optimisers.set_lr(sgd, rate)
        last: list[float] = []
        with untouched(module):
            module.train()
            for step in range(steps):
                sgd.zero_grad(set_to_none=True)
                value = loss(module, batches[step % len(batches)])
                number = float(value.detach())
                if not math.isfinite(number):
                    return math.inf
                if 2 * step >= steps:
                    last.append(number)
                value.backward()
                sgd.step()
        return sum(last) / len(last)
