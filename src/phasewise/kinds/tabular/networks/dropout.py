"""ReLU and dropout in one step, with masks from random bytes: several times cheaper on a CPU than the library's dropout."""

import torch
from torch import Tensor, nn

LEVELS = 256
"""A byte decides: p is rounded to 1/256, and the survivors are scaled by the exact inverse of the rounded share."""


def random_bytes(shape: torch.Size, device: torch.device) -> Tensor:
    """Bytes of `shape` from torch's generator of the device."""
    count = int(torch.Size(shape).numel())
    words = torch.empty((count + 7) // 8, dtype=torch.int64, device=device).random_(-(2**63), None)
    return words.view(torch.uint8)[:count].reshape(shape)


def threshold(p: float) -> int:
    """Bytes below it drop a unit."""
    return min(round(p * LEVELS), LEVELS - 1)


def byte_mask(shape: torch.Size, p: float, device: torch.device) -> tuple[Tensor, float]:
    """A keep mask (bool) of `shape` and the scale 1/(1-p) of what is kept; draws from torch's generator of the device."""
    cut = threshold(p)
    return random_bytes(shape, device) >= cut, LEVELS / (LEVELS - cut)


def fill_mask(out: Tensor, p: float) -> float:
    """The same draws as 0 or 1/(1-p) into a float array, an order of magnitude faster than by way of a bool mask; returns the scale."""
    cut = threshold(p)
    scale = LEVELS / (LEVELS - cut)
    torch.ge(random_bytes(out.shape, out.device), cut, out=out).mul_(scale)
    return scale


class _ReluDropout(torch.autograd.Function):
    """y = relu(x) * keep / (1 - p); the output alone tells the backward pass which entries live."""

    @staticmethod
    def forward(ctx, x: Tensor, p: float) -> Tensor:
        mask = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        ctx.scale = fill_mask(mask, p)
        y = x.clamp_min(0).mul_(mask)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(gradient, y, 0).mul_(ctx.scale), None


class ReluDropout(nn.Module):
    """ReLU, then inverted dropout with probability p (training mode only)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, same shape back."""
        return _ReluDropout.apply(x, self.p) if self.training and self.p > 0 else torch.relu(x)


class Dropout(nn.Dropout):
    """Inverted dropout with a byte mask; the same as `nn.Dropout` up to the rounding of p."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, same shape back."""
        if not self.training or self.p == 0:
            return x
        mask = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        fill_mask(mask, self.p)
        return x * mask
