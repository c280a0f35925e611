"""Batches in parts when memory runs out in the middle of a step: gradients are accumulated, so that the result is that of the whole batch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from phasewise.engine import device as devices
from phasewise.records.errors import RunError


class Pieces:
    """How many parts a step is computed in; doubled each time memory runs out, and kept for the steps that follow."""

    def __init__(self) -> None:
        self.count = 1
        self.said = ""
        self._norms: tuple[nn.Module | None, list[nn.Module]] = (None, [])

    def __call__(self, clear: Callable[[], None], gradients: Callable[[int], Tensor], batch: int, module: nn.Module) -> Tensor:
        """The loss of a step whose gradients `gradients(count)` computes in parts; a failed attempt leaves no gradient, statistic or random draw behind."""
        if self._norms[0] is not module:
            self._norms = (module, [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)])
        norms = self._norms[1]
        least = 2 if norms else 1
        while True:
            clear()
            statistics = [(b, b.clone()) for m in norms for b in m.buffers()]
            held = [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if torch.cuda.is_available() else [])]
            try:
                return gradients(self.count)
            except (RuntimeError, MemoryError) as error:
                if not devices.out_of_memory(error):
                    raise
                if batch // (2 * self.count) < least:
                    raise RunError(
                        "memory ran out", f"A step fails even when its {batch} rows are computed in {self.count} parts.", "Take a smaller network, or a device with more memory.",
                    ) from error
            self.count *= 2
            for buffer, value in statistics:
                buffer.copy_(value)
            torch.set_rng_state(held[0])
            if torch.cuda.is_available():
                torch.cuda.set_rng_state(held[1])
                torch.cuda.empty_cache()
            norm = "; batch norm sees the parts, not the whole batch" if least == 2 else ""
            self.said = f"memory ran out with a step of {batch} rows: each is computed in {self.count} parts whose gradients are added up{norm}"
