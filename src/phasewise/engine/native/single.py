"""Loss and update of one network trained by autograd as functions of C (engine/native/single.h): for small steps torch's own calls cost more than their work.

Only for modules that say `compiled_steps`: their layers are compiled too, so that nobody counts on torch's very last bit.
"""

import ctypes
import math
from typing import Any

import torch
from torch import Tensor, nn

from phasewise.engine.native import calls
from phasewise.engine.native.calls import DOUBLE, POINTER, REAL, WHOLE

KINDS = ("cross_entropy", "bce", "mse")
"""Losses in the order of the enum in single.h."""


def wanted(module: nn.Module) -> bool:
    """Whether a module's steps are compiled where they can be."""
    return getattr(module, "compiled_steps", False)


class _Loss(ctypes.Structure):
    _fields_ = (
        *((name, WHOLE) for name in ("kind", "rows", "repeats", "classes", "step", "next", "integral")), ("smoothing", REAL),
        *((name, POINTER) for name in ("z", "weights", "y", "dz", "loss")), ("outside", WHOLE),
    )


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, out: Tensor, y: Tensor, struct: _Loss) -> Tensor:
        dz, loss = torch.empty_like(out), torch.empty(())
        struct.z, struct.y, struct.dz, struct.loss = (t.data_ptr() for t in (out, y, dz, loss))
        calls.call("single_loss", struct)
        if struct.outside:
            raise IndexError(f"{struct.outside} targets are no class")
        ctx.slope = dz
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        return ctx.slope * gradient, None, None


def mean_loss(name: str, out: Tensor, y: Tensor, *, smoothing: float, weights: Tensor | None) -> Tensor | None:
    """The mean of a loss of `losses` over raw outputs `[n, c]` or `[n, k, c]` and targets `[n]`, or None where compiled code does not compute it.

    Raises IndexError where a target is no class.
    """
    plain = name in KINDS and torch.is_grad_enabled() and out.dim() in (2, 3) and (name == "cross_entropy" or out.shape[-1] == 1) and not torch.is_autocast_enabled("cpu")
    if not plain or y.dim() != 1 or len(y) != len(out) or not len(y) or y.dtype not in (torch.int64, torch.float32) or not y.is_contiguous() or y.device != out.device:
        return None
    by_class = out.movedim(-1, 0)
    if by_class.dim() == 3:
        by_class = by_class.transpose(1, 2)  # as TabM has them in memory: class, member, row
    rows_first = out.dim() == 2 and out.is_contiguous()
    if not calls.fits([out if rows_first else by_class, *([] if weights is None else [weights])]):
        return None
    if weights is not None and (name == "mse" or len(weights) < max(2, out.shape[-1])):
        return None
    count, classes = out.numel() // out.shape[-1], out.shape[-1]
    struct = _Loss(
        kind=KINDS.index(name), rows=len(y), repeats=count // len(y), classes=classes, step=1 if rows_first else count, next=classes if rows_first else 1,
        integral=y.dtype is torch.int64, smoothing=smoothing, weights=None if weights is None else weights.data_ptr(),
    )
    return _Mean.apply(out, y, struct)


class _Update(ctypes.Structure):
    _fields_ = (
        ("pieces", WHOLE), ("apart", WHOLE), *((name, POINTER) for name in ("counts", "weight", "gradient", "first", "second", "steps", "rate", "decay")),
        ("value", DOUBLE), ("norm", DOUBLE),
    )


class Updater:
    """Clips and steps Adam or AdamW as torch's own would, in its own state; whatever it does not know is left to torch, as is the first step, which makes the state."""

    def __init__(self, optimiser: torch.optim.Optimizer) -> None:
        self.optimiser = optimiser
        self._ready: tuple[list[Tensor], list[Any]] | None = None

    def loaded(self) -> None:
        """The optimiser has another state than before."""
        self._ready = None

    def __call__(self, *, norm: float | None, value: float | None) -> bool:
        """One update; False, and nothing done, where it is not for compiled code."""
        given = [p for group in self.optimiser.param_groups for p in group["params"] if p.grad is not None]
        if self._ready is None or len(given) != len(self._ready[0]) or any(a is not b for a, b in zip(given, self._ready[0], strict=True)):
            self._ready = self._tables(given)
        gradients = [p.grad for p in given if p.grad is not None]
        if self._ready is None or not calls.fits(gradients):
            return False
        pairs = [(group["lr"], group["weight_decay"]) for group in self.optimiser.param_groups for p in group["params"] if p.grad is not None]
        tables = [calls.addresses(gradients), calls.doubles([lr for lr, _ in pairs]), calls.doubles([decay for _, decay in pairs])]
        gradient, rate, decay = (calls.pointer(t) for t in tables)
        counts, weight, first, second, steps = (calls.pointer(t) for t in self._ready[1][:5])
        calls.call("single_update", _Update(
            pieces=len(given), apart=isinstance(self.optimiser, torch.optim.AdamW), counts=counts, weight=weight, gradient=gradient, first=first, second=second,
            steps=steps, rate=rate, decay=decay, value=math.inf if value is None else value, norm=math.inf if norm is None else norm,
        ))
        return True

    def _tables(self, given: list[Tensor]) -> tuple[list[Tensor], list[Any]] | None:
        own = self.optimiser
        if type(own) not in (torch.optim.Adam, torch.optim.AdamW) or own._optimizer_step_pre_hooks or own._optimizer_step_post_hooks:
            return None
        if any(g["betas"] != (0.9, 0.999) or g["eps"] != 1e-8 or g["amsgrad"] or g["maximize"] or isinstance(g["lr"], Tensor) for g in own.param_groups):
            return None
        states = [own.state.get(p) for p in given]
        if not given or not all(states):
            return None
        columns = [given, *([s[name] for s in states if s] for name in ("exp_avg", "exp_avg_sq", "step"))]
        if not calls.fits(t for column in columns for t in column):
            return None
        return given, [calls.whole([p.numel() for p in given]), *(calls.addresses(column) for column in columns), columns]
