"""torch's fused kernels over stacked parameters on a CPU: small members all in one call, large ones each for itself."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from phasewise.engine.dense.layout import Store
from phasewise.records.models import TrainSpec

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
SMALL = 8192
"""Numbers per member up to which a call costs more than its work (us per member of 3,047 numbers: 8.2 each for itself, 3.7 for 16 at once; of 24,455: 18, 17)."""

Step = Callable[[Tensor, float], None]
"""One update from learning rates [N] (float64) and the number of the step, the same for all members."""


def fused(kind: str, specs: Sequence[TrainSpec], parameters: Store, gradients: Store, moments: Sequence[Store]) -> Step | None:
    """The fused update of a bucket, or none where the device, the type or the optimiser has no such kernel.

    Which of the two it is depends on the size of a member alone, so a member is updated by the same arithmetic whatever its neighbours.
    """
    like = parameters.tensors()[0]
    if like.device.type != "cpu" or like.dtype != torch.float32 or not hasattr(torch, f"_fused_{kind}_"):
        return None
    if kind == "sgd":
        return _SgdEach(specs, parameters, gradients, moments)
    if kind not in ("adam", "adamw"):
        return None
    small = sum(t[0].numel() for t in parameters.tensors()) <= SMALL
    if small and kind == "adamw":
        return _AdamWTogether(specs, parameters, gradients, moments)
    return _AdamEach(kind, specs, parameters, gradients, moments)


def _parts(spec: TrainSpec, store: Store) -> list[tuple[float, list[str]]]:
    """Weights with the member's decay, and all others without (R03)."""
    if not spec.weight_decay:
        return [(0.0, [p.name for p in store.pieces])]
    parts = [(spec.weight_decay, [p.name for p in store.pieces if p.decay]), (0.0, [p.name for p in store.pieces if not p.decay])]
    return [part for part in parts if part[1]]


class _AdamEach:
    """Adam or AdamW, a call or two per member."""

    def __init__(self, kind: str, specs: Sequence[TrainSpec], parameters: Store, gradients: Store, moments: Sequence[Store]) -> None:
        self.kernel = {"adamw": torch._fused_adamw_, "adam": torch._fused_adam_}[kind]
        self.count = torch.zeros((), dtype=torch.float32)
        stores = (parameters, gradients, *moments)
        self.calls = [[(wd, *([s[m][n] for m in part] for s in stores), [self.count] * len(part)) for wd, part in _parts(spec, parameters)] for n, spec in enumerate(specs)]

    def __call__(self, lrs: Tensor, count: float) -> None:
        self.count.fill_(count)
        for lr, calls in zip(lrs.tolist(), self.calls, strict=True):
            for wd, params, grads, mean, square, counts in calls:
                self.kernel(params, grads, mean, square, [], counts, lr=lr, beta1=BETA1, beta2=BETA2, weight_decay=wd, eps=EPS, amsgrad=False, maximize=False)


class _AdamWTogether:
    """AdamW of all members in one call: the kernel moves zeros by a rate of 1, and every member adds that direction times its own rate."""

    def __init__(self, specs: Sequence[TrainSpec], parameters: Store, gradients: Store, moments: Sequence[Store]) -> None:
        self.parameters, self.direction = parameters, Store(parameters.pieces, len(specs), parameters.tensors()[0].device)
        self.count = torch.zeros((), dtype=torch.float32)
        self.lists = [[s.memory()] for s in (self.direction, gradients, *moments)]
        self.decays = any(s.weight_decay for s in specs)
        self.decay = torch.tensor([s.weight_decay for s in specs], dtype=torch.float64)
        self.decayed = [parameters[p.name] for p in parameters.pieces if p.decay]
        self.moved = self.direction.tensors() if len(specs) > 1 else [self.direction.memory()]

    def __call__(self, lrs: Tensor, count: float) -> None:
        ahead = self.direction.memory().zero_()
        self.count.fill_(count)
        torch._fused_adamw_(*self.lists, [], [self.count], lr=1.0, beta1=BETA1, beta2=BETA2, weight_decay=0.0, eps=EPS, amsgrad=False, maximize=False)
        if self.decays:
            _times(self.decayed, 1 - lrs * self.decay)
        _times(self.moved, lrs)
        self.parameters.memory().add_(ahead)


def _times(tensors: Sequence[Tensor], value: Tensor) -> None:
    """Each member's part of some tensors [N, ...] times its own number."""
    values = value.to(torch.float32)
    wide = {t.dim(): values.view(-1, *[1] * (t.dim() - 1)) for t in tensors}
    torch._foreach_mul_(list(tensors), [wide[t.dim()] for t in tensors])


class _SgdEach:
    """Gradient descent with or without momentum, a call or two per member."""

    def __init__(self, specs: Sequence[TrainSpec], parameters: Store, gradients: Store, moments: Sequence[Store]) -> None:
        self.specs, stores = list(specs), (parameters, gradients, *moments)
        self.calls = [[(wd, *([s[m][n] for m in part] for s in stores)) for wd, part in _parts(spec, parameters)] for n, spec in enumerate(specs)]

    def __call__(self, lrs: Tensor, count: float) -> None:
        for spec, lr, calls in zip(self.specs, lrs.tolist(), self.calls, strict=True):
            for wd, params, grads, momentum in calls:
                torch._fused_sgd_(
                    params, grads, momentum if spec.momentum else [], weight_decay=wd, momentum=spec.momentum, lr=lr, dampening=0.0,
                    nesterov=spec.nesterov and spec.momentum > 0, maximize=False, is_first_step=count == 1,
                )
