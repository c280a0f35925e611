"""Gradient clipping by norm and by value with the finite check first, and a threshold from measured norms (T27)."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from phasewise.records.errors import UsageError

EPSILON = 1e-6
PERCENTILE = 90


@dataclass(frozen=True, kw_only=True)
class Clipped:
    """What clipping saw: the total norm before, whether all gradients were finite, whether anything was cut."""

    norm: float
    finite: bool
    cut: bool


def clip(parameters: Iterable[Tensor], *, norm: float | None = None, value: float | None = None) -> Clipped:
    """Clips gradients in place: by element to [-value, value], then by global norm g *= min(1, c / (norm + 1e-6)).

    The finite check comes first: with one NaN, clipping by norm would turn EVERY gradient into NaN (measured), so nothing is touched
    and `finite` is False; the caller stops or skips the step.
    """
    for name, limit in (("norm", norm), ("value", value)):
        if limit is not None and not limit > 0:
            raise UsageError(f"the clipping {name} must be positive", f"It is {limit}.")
    grads = [p.grad for p in parameters if p.grad is not None]
    total = total_norm(grads)
    if not math.isfinite(total):
        return Clipped(norm=total, finite=False, cut=False)
    cut = False
    if value is not None:
        cut = any(bool((g.abs() > value).any()) for g in grads)
        torch._foreach_clamp_min_(grads, -value)
        torch._foreach_clamp_max_(grads, value)
    if norm is not None:
        now = total_norm(grads) if cut else total
        if now > norm:
            cut = True
        torch._foreach_mul_(grads, min(1.0, norm / (now + EPSILON)))
    return Clipped(norm=total, finite=True, cut=cut)


def total_norm(grads: Sequence[Tensor]) -> float:
    """The 2-norm of all gradients as one vector; 0 for none."""
    return float(torch.nn.utils.get_total_norm(list(grads))) if grads else 0.0


def suggested(norms: Sequence[float]) -> float | None:
    """A threshold: the 90th percentile of the norms of a healthy run (T27); None below 20 finite norms."""
    finite = sorted(n for n in norms if math.isfinite(n))
    if len(finite) < 20:
        return None
    place = PERCENTILE / 100 * (len(finite) - 1)
    low = math.floor(place)
    high = min(low + 1, len(finite) - 1)
    return finite[low] + (finite[high] - finite[low]) * (place - low)
