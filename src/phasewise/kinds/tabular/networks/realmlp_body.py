"""RealMLP's scaling layer, hidden layers and head by hand: forward and backward in buffers that live from step to step (CPU).

Equal to the plain modules up to rounding; written for the two activations of the paper, SELU and Mish (arXiv 2407.04491).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from phasewise.kinds.tabular.networks.dropout import fill_mask
from phasewise.kinds.tabular.networks.workspace import Pool, Workspace, taken_back

SCALE_RATE, BIAS_RATE, ACTIVATION_RATE = 6.0, 0.1, 0.1
"""Learning-rate factors of the paper as re-parametrisations: stored divided by the factor, used multiplied by it."""
SELU = (1.6732632423543772, 1.0507009873554805, 1.0)
"""alpha, scale and input scale of torch's ELU that make it SELU."""

MISH_LIMIT = 20.0
"""Above it tanh(softplus z) is 1 in float64 too, and e^2z is still far from overflowing."""


def _selu(z: Tensor, out: Tensor) -> Tensor:
    return torch.ops.aten.elu.out(z, *SELU, out=out)


def _selu_slope(slope: Tensor, z: Tensor, out: Tensor) -> Tensor:
    return torch.ops.aten.elu_backward.grad_input(slope, *SELU, False, z, grad_input=out)


def _mish(z: Tensor, out: Tensor) -> Tensor:
    """z tanh(softplus z) as z m / (m + 2) with m = e^z (e^z + 2): one exponential, a third of the library's time."""
    torch.exp(torch.clamp_max(z, MISH_LIMIT, out=out), out=out)
    m = out.mul_(out + 2)
    return m.div_(m + 2).mul_(z)


def _mish_slope(slope: Tensor, z: Tensor, out: Tensor) -> Tensor:
    """slope * (t + z (1 - t^2) sigmoid z) with t = m / (m + 2)."""
    e = torch.exp(torch.clamp_max(z, MISH_LIMIT, out=out), out=out)
    m = e * (e + 2)
    t = m.div_(m + 2)
    steep = e.div_(e + 1).mul_(z)
    return steep.addcmul_(steep * t, t, value=-1).add_(t).mul_(slope)


ACTIVATIONS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor, Tensor], Tensor]]] = {"selu": (_selu, _selu_slope), "mish": (_mish, _mish_slope)}
"""Name to f(z) into `out`, and slope * f'(z)."""


def forward(space: Workspace, activation: str, rates: Sequence[float], x: Tensor, parameters: Sequence[Tensor], *, keep: bool = True) -> Tensor:
    """Raw outputs `[n, outputs]`; `keep`: what the backward pass needs stays in the workspace, else all layers share three buffers in the cache."""
    factor, hidden, (weight, bias) = parameters[0], parameters[1:-2], parameters[-2:]
    below = torch.mul(x, factor * SCALE_RATE, out=space.get("scaled", x.shape, x))
    function = ACTIVATIONS[activation][0]
    for i, rate in enumerate(rates):
        w, b, amount = hidden[3 * i : 3 * i + 3]
        shape = (x.shape[0], w.shape[0])
        z, gap = (space.get(name, shape, x) for name in ((f"linear{i}", f"gap{i}") if keep else (f"odd{i % 2}", "gap")))
        y = space.get(f"hidden{i}", shape, x) if keep else z
        torch.addmm(b * BIAS_RATE, below, w.t(), alpha=1 / math.sqrt(w.shape[1]), out=z)
        function(z, gap).sub_(z)
        torch.addcmul(z, amount * ACTIVATION_RATE, gap, out=y)
        if rate > 0:
            mask = space.get(f"mask{i}", shape, x)
            fill_mask(mask, rate)
            y.mul_(mask)
        below = y
    return torch.addmm(bias * BIAS_RATE, below, weight.t(), alpha=1 / math.sqrt(weight.shape[1]))


class Body(torch.autograd.Function):
    """`Body.apply(pool, activation, rates, x [n, f], factor, weight, bias and amount of each hidden layer, head weight, head bias)` -> `[n, outputs]`."""

    @staticmethod
    def forward(ctx: Any, pool: Pool, activation: str, rates: Sequence[float], x: Tensor, *parameters: Tensor) -> Tensor:
        """Takes a workspace that the backward pass gives back."""
        ctx.pool, ctx.space, ctx.activation, ctx.rates = pool, pool.take(), activation, rates
        ctx.save_for_backward(x, *parameters)
        return forward(ctx.space, activation, rates, x, parameters)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        """Gradients of all parameters, and of x where somebody asks."""
        space = taken_back(ctx)
        x, factor, *hidden, weight, _ = ctx.saved_tensors
        outputs = [space.get("scaled", x.shape, x)] + [space.get(f"hidden{i}", (x.shape[0], hidden[3 * i].shape[0]), x) for i in range(len(ctx.rates))]
        slope = space.get("slope", outputs[-1].shape, x)
        out = _linear_backward(gradient.contiguous().clone(), outputs[-1], weight, slope)
        for i in reversed(range(len(ctx.rates))):
            w, _, amount = hidden[3 * i : 3 * i + 3]
            if ctx.rates[i] > 0:
                slope.mul_(space.get(f"mask{i}", slope.shape, x))
            z, gap = (space.get(f"{name}{i}", slope.shape, x) for name in ("linear", "gap"))
            share, inner = (space.get(name, slope.shape, x) for name in ("share", "inner"))
            damount = torch.mul(slope, gap, out=share).sum(0).mul_(ACTIVATION_RATE)
            torch.mul(slope, amount * ACTIVATION_RATE, out=share)
            dz = slope.sub_(share).add_(ACTIVATIONS[ctx.activation][1](share, z, inner))  # f(z) - z has the slope f'(z) - 1
            slope = space.get(f"slope{i % 2}", outputs[i].shape, x)
            out = [*_linear_backward(dz, outputs[i], w, slope), damount, *out]
        dfactor = torch.mul(slope, x, out=space.get("share", x.shape, x)).sum(0).mul_(SCALE_RATE)
        dx = slope * (factor * SCALE_RATE) if ctx.needs_input_grad[3] else None
        ctx.pool.give(space)
        return None, None, None, dx, dfactor, *out


def _linear_backward(dz: Tensor, below: Tensor, weight: Tensor, slope: Tensor) -> list[Tensor]:
    """Gradients of weight and bias of x W / sqrt(fan-in) + 0.1 b; `slope` gets that of x, and `dz` is used up."""
    dbias = dz.sum(0).mul_(BIAS_RATE)
    dz.mul_(1 / math.sqrt(weight.shape[1]))
    torch.mm(dz, weight, out=slope)
    return [torch.mm(dz.t(), below), dbias]


def forward_only(pool: Pool, activation: str, rates: Sequence[float], x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The same forward pass for whoever wants no gradients."""
    space = pool.take()
    try:
        return forward(space, activation, rates, x, parameters, keep=False)
    finally:
        pool.give(space)
