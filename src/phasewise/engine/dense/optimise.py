"""Optimisers over stacked parameters with hyper-parameters per member, equal to torch.optim member by member (T06, R03)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from phasewise.engine.dense.fused import BETA1, BETA2, EPS, fused
from phasewise.engine.dense.layout import Store
from phasewise.records.models import TrainSpec

KINDS = ("sgd", "adam", "adamw", "rmsprop", "adadelta")
_MOMENTS = {"sgd": ("momentum",), "adam": ("mean", "square"), "adamw": ("mean", "square"), "rmsprop": ("square",), "adadelta": ("square", "delta")}


class StackedOptimiser:
    """One optimiser kind for N members; learning rate, decay, momentum and Nesterov are each member's own.

    CPU: torch's fused kernels (`dense.fused`). GPU, or kinds without a fused kernel: plain tensor formulas
    with learning rates [N, 1, ...], the step counter on the device, so that a CUDA graph can hold them.
    """

    def __init__(self, specs: Sequence[TrainSpec], parameters: Store, gradients: Store) -> None:
        (self.kind,) = {s.optimizer for s in specs}
        self.specs, self.parameters, self.gradients = list(specs), parameters, gradients
        example = parameters.tensors()[0]
        device, dtype, n = example.device, example.dtype, len(specs)
        self.moments = {name: Store(parameters.pieces, n, device, dtype) for name in _MOMENTS[self.kind]}
        self.steps = torch.zeros(n, device=device, dtype=torch.float64)
        self.fused = fused(self.kind, specs, parameters, gradients, list(self.moments.values()))
        self.decay = torch.tensor([s.weight_decay for s in specs], device=device, dtype=dtype)
        self.masks = parameters.decay_masks()
        self.momentum = torch.tensor([s.momentum for s in specs], device=device, dtype=dtype)
        self.nesterov = torch.tensor([float(s.nesterov and s.momentum > 0) for s in specs], device=device, dtype=dtype)

    def step(self, lrs: Tensor) -> None:
        """One update with learning rates [N]."""
        self.steps += 1
        if self.fused is not None:
            counts = self.steps.tolist()
            if counts.count(counts[0]) == len(counts):  # always so, for members of a tile began together
                self.fused(lrs, counts[0])
                return
        for i, (p, g) in enumerate(zip(self.parameters.tensors(), self.gradients.tensors(), strict=True)):
            getattr(self, f"_{self.kind}")(i, p, g, lrs)

    # -- formulas, any device --------------------------------------------------------------------------------------

    def _wide(self, value: Tensor, like: Tensor) -> Tensor:
        return value.to(like.dtype).view(-1, *[1] * (like.dim() - 1))

    def _coupled(self, i: int, p: Tensor, g: Tensor) -> Tensor:
        mask = self.masks[i]
        if mask is False or not any(s.weight_decay for s in self.specs):
            return g
        wd = self._wide(self.decay, p)
        return torch.addcmul(g, p, wd if mask is True else wd * mask)

    def _moment(self, name: str, i: int) -> Tensor:
        return self.moments[name].tensors()[i]

    def _adam(self, i: int, p: Tensor, g: Tensor, lrs: Tensor) -> None:
        self._adam_core(i, p, self._coupled(i, p, g), lrs)

    def _adamw(self, i: int, p: Tensor, g: Tensor, lrs: Tensor) -> None:
        mask = self.masks[i]
        if mask is not False and any(s.weight_decay for s in self.specs):
            shrink = self._wide(lrs, p) * self._wide(self.decay, p)
            p.mul_(1 - (shrink if mask is True else shrink * mask))
        self._adam_core(i, p, g, lrs)

    def _adam_core(self, i: int, p: Tensor, g: Tensor, lrs: Tensor) -> None:
        mean, square = self._moment("mean", i), self._moment("square", i)
        mean.lerp_(g, 1 - BETA1)
        square.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
        size = self._wide(lrs / (1 - BETA1**self.steps), p)
        root = self._wide((1 - BETA2**self.steps).sqrt(), p)
        p.sub_(size * mean / (square.sqrt() / root + EPS))

    def _sgd(self, i: int, p: Tensor, g: Tensor, lrs: Tensor) -> None:
        g = self._coupled(i, p, g)
        if not any(s.momentum for s in self.specs):
            p.sub_(self._wide(lrs, p) * g)
            return
        buffer, momentum = self._moment("momentum", i), self._wide(self.momentum, p)
        buffer.mul_(momentum).add_(g)
        ahead = self._wide(self.nesterov, p)
        p.sub_(self._wide(lrs, p) * torch.where(ahead > 0, g + momentum * buffer, buffer))

    def _rmsprop(self, i: int, p: Tensor, g: Tensor, lrs: Tensor) -> None:
        g, square = self._coupled(i, p, g), self._moment("square", i)
        square.mul_(0.99).addcmul_(g, g, value=0.01)
        p.sub_(self._wide(lrs, p) * g / (square.sqrt() + EPS))

    def _adadelta(self, i: int, p: Tensor, g: Tensor, lrs: Tensor) -> None:
        g, square, delta, rho, eps = self._coupled(i, p, g), self._moment("square", i), self._moment("delta", i), 0.9, 1e-6
        square.mul_(rho).addcmul_(g, g, value=1 - rho)
        change = (delta + eps).sqrt_().div_((square + eps).sqrt_()).mul_(g)
        delta.mul_(rho).addcmul_(change, change, value=1 - rho)
        p.sub_(self._wide(lrs, p) * change)


class Clipper:
    """Clips stacked gradients [N, ...] member by member, by element and by global norm (T27); members without a limit are not touched."""

    def __init__(self, specs: Sequence[TrainSpec], like: Tensor) -> None:
        self.value = _limits([s.clip_value for s in specs], like)
        self.norm = _limits([s.clip_norm for s in specs], like)

    def __call__(self, gradients: Sequence[Tensor]) -> None:
        """In place; values first, then the norm over all tensors of a member."""
        if self.value is not None:
            for g in gradients:
                limit = self.value.view(-1, *[1] * (g.dim() - 1))
                torch.minimum(torch.maximum(g, -limit, out=g), limit, out=g)
        if self.norm is not None:
            squares = [torch.linalg.vector_norm(g.flatten(1), dim=1).square_() for g in gradients]
            norm = sum(squares[1:], squares[0]).sqrt()  # added in order: a reduction over [layers, N] sums differently for N = 1
            factor = (self.norm / (norm + 1e-6)).clamp_max_(1.0)
            for g in gradients:
                g.mul_(factor.view(-1, *[1] * (g.dim() - 1)))


def _limits(values: Sequence[float | None], like: Tensor) -> Tensor | None:
    if all(v is None for v in values):
        return None
    return torch.tensor([float("inf") if v is None else v for v in values], device=like.device, dtype=like.dtype)
