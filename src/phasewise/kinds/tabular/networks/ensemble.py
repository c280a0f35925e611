"""TabM's adapted layers and heads by hand: forward and backward in buffers that live from step to step (CPU).

Heads of a few classes are computed class-major, four times faster. Equal to the plain modules up to rounding.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from phasewise.kinds.tabular.networks.dropout import fill_mask
from phasewise.kinds.tabular.networks.workspace import Pool, Workspace, taken_back

BLOCK = 2**21
"""Adapted weights of so many numbers at once (8 MB in float32). Smaller blocks cost more than they save: with 864 inputs of 16 members a step took
52.8 ms in blocks of two members, 50.4 of four, 49.5 in one; wider layers are split so that memory stays bounded."""


class Layer:
    """One adapted layer during a pass: its four parameters and the blocks of members it is computed in."""

    def __init__(self, index: int, weight: Tensor, bias: Tensor, r: Tensor, s: Tensor, rate: float) -> None:
        self.index, self.weight, self.bias, self.r, self.s, self.rate = index, weight, bias, r, s, rate
        self.members, self.inputs, self.outputs = r.shape[0], *weight.shape
        self.group = max(1, min(self.members, BLOCK // weight.numel()))

    def blocks(self) -> list[slice]:
        """Members computed at once."""
        return [slice(at, min(at + self.group, self.members)) for at in range(0, self.members, self.group)]

    def adapted(self, space: Workspace, part: slice, *, again: bool = False) -> Tensor:
        """Each member's own weights `[g, in, out]`; `again` in the backward pass, where a layer of one block still has them."""
        whole = self.group == self.members
        shape = (part.stop - part.start, self.inputs, self.outputs)
        made = space.get(f"weights{self.index}" if whole else "weights", shape, self.weight)
        if not (again and whole):
            torch.mul(self.weight, self.s[part].unsqueeze(1), out=made)
            made.mul_(self.r[part].unsqueeze(2))
        return made


def forward(space: Workspace, x: Tensor, layers: Sequence[Layer], head: Tensor, bias: Tensor) -> tuple[Tensor, list[float]]:
    """Raw outputs `[n, k, outputs]`, class-major in memory, and each layer's dropout scale; hidden outputs stay in the workspace."""
    n, k, before, scales = x.shape[0], head.shape[0], x, []
    for layer in layers:
        z = space.get(f"hidden{layer.index}", (k, n, layer.outputs), x)
        for part in layer.blocks():
            source = before[part] if before.dim() == 3 else before.expand(part.stop - part.start, -1, -1)
            torch.bmm(source, layer.adapted(space, part), out=z[part])
            z[part].add_(layer.bias[part].unsqueeze(1)).clamp_min_(0)
        scale = 1.0
        if layer.rate > 0:
            mask = space.get("mask", z.shape, z)
            scale = fill_mask(mask, layer.rate)
            z.mul_(mask)
        scales.append(scale)
        before = z
    out = torch.empty(head.shape[2], k, n, dtype=x.dtype)
    out.copy_(torch.bmm(head.transpose(1, 2), before.transpose(1, 2)).add_(bias.transpose(1, 2)).transpose(0, 1))
    return out.permute(2, 1, 0), scales


class Body(torch.autograd.Function):
    """`Body.apply(pool, rates, x [n, f], weight, bias, r, s of each layer, head, head bias)` -> `[n, k, outputs]` in training mode."""

    @staticmethod
    def forward(ctx: Any, pool: Pool, rates: Sequence[float], x: Tensor, *parameters: Tensor) -> Tensor:
        """Takes a workspace that the backward pass gives back."""
        ctx.pool, ctx.space, ctx.rates = pool, pool.take(), rates
        ctx.save_for_backward(x, *parameters)
        out, ctx.scales = forward(ctx.space, x, layers_of(parameters[:-2], rates), *parameters[-2:])
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        """Gradients of all parameters, and of x where somebody asks."""
        space = taken_back(ctx)
        x, *parameters = ctx.saved_tensors
        layers, head = layers_of(parameters[:-2], ctx.rates), parameters[-2]
        n, k = x.shape[0], head.shape[0]
        hidden = [space.get(f"hidden{la.index}", (k, n, la.outputs), x) for la in layers]
        by_class = gradient.permute(1, 2, 0).contiguous()
        out: list[Tensor | None] = [torch.bmm(by_class, hidden[-1]).transpose(1, 2), by_class.sum(2).unsqueeze(1)]
        dz = torch.bmm(by_class.transpose(1, 2), head.transpose(1, 2), out=space.get(f"slope{len(layers) % 2}", hidden[-1].shape, x))
        dx = torch.zeros_like(x) if ctx.needs_input_grad[2] else None
        for layer, y, scale in zip(reversed(layers), reversed(hidden), reversed(ctx.scales), strict=True):
            torch.ops.aten.threshold_backward.grad_input(dz, y, 0, grad_input=dz)
            if scale != 1.0:
                dz.mul_(scale)
            below = hidden[layer.index - 1] if layer.index else None
            dz, own = _layer_backward(space, layer, dz, x if below is None else below, dx if below is None else None)
            out = [*own, *out]
        ctx.pool.give(space)
        return None, None, dx, *out


def _layer_backward(space: Workspace, layer: Layer, dz: Tensor, source: Tensor, dx: Tensor | None) -> tuple[Tensor, list[Tensor]]:
    """The slope `[k, n, in]` below a layer (a first layer adds its own to `dx` instead) and the gradients of weight, bias, r and s."""
    weight, r, s = layer.weight, layer.r, layer.s
    dweight, dr, ds = torch.zeros_like(weight), torch.empty_like(r), torch.empty_like(s)
    first = source.dim() == 2
    below = dz if first else space.get(f"slope{layer.index % 2}", source.shape, dz)
    for part in layer.blocks():
        made, g = layer.adapted(space, part, again=True), part.stop - part.start
        if not first:
            torch.bmm(dz[part], made.transpose(1, 2), out=below[part])
        elif dx is not None:
            for slope, own in zip(dz[part], made, strict=True):
                dx.addmm_(slope, own.t())
        flow = torch.bmm((source.expand(g, -1, -1) if first else source[part]).transpose(1, 2), dz[part], out=space.get("flow", made.shape, dz))
        share = torch.mul(flow, weight, out=space.get("share", made.shape, dz))
        torch.bmm(r[part].unsqueeze(1), share, out=ds[part].unsqueeze(1))
        torch.sum(share.mul_(s[part].unsqueeze(1)), 2, out=dr[part])
        dweight += flow.mul_(s[part].unsqueeze(1)).mul_(r[part].unsqueeze(2)).sum(0)
    return below, [dweight, dz.sum(1), dr, ds]


def layers_of(parameters: Sequence[Tensor], rates: Sequence[float]) -> list[Layer]:
    """Four parameters a layer, first layers first, with each layer's dropout rate."""
    return [Layer(i, *parameters[4 * i : 4 * i + 4], rate) for i, rate in enumerate(rates)]


def forward_only(pool: Pool, rates: Sequence[float], x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The same forward pass for whoever wants no gradients."""
    space = pool.take()
    try:
        return forward(space, x, layers_of(parameters[:-2], rates), *parameters[-2:])[0]
    finally:
        pool.give(space)
