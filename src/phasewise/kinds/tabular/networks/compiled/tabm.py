"""TabM's adapted layers and heads as two functions of C (engine/native/tabm.h), member by member; the words of `ensemble`."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from phasewise.engine import device
from phasewise.engine.native import calls
from phasewise.engine.native.calls import POINTER, WHOLE
from phasewise.kinds.tabular.networks.compiled import drawing
from phasewise.kinds.tabular.networks.workspace import Pool, Workspace, taken_back


class _TabM(ctypes.Structure):
    _fields_ = (
        ("gemm", POINTER), *((name, WHOLE) for name in ("rows", "features", "members", "depth", "outputs", "keep")),
        *((name, POINTER) for name in ("sizes", "cuts", "x", "weight", "bias", "r", "s", "head", "head_bias", "made", "h", "noise", "out", "dout")),
        ("slope", POINTER * 2), *((name, POINTER) for name in ("flow", "dx", "dweight", "dbias", "dr", "ds", "dhead", "dhead_bias")),
    )


class _Call:
    """The struct of one pass over a batch, and all it points to."""

    def __init__(self, space: Workspace, rates: Sequence[float], x: Tensor, parameters: Sequence[Tensor], drawn: Sequence[Tensor], *, keep: bool) -> None:
        layers, head = parameters[:-2], parameters[-2]
        weights, n, (members, _, outputs) = layers[::4], len(x), head.shape
        self.sizes = [w.shape[1] for w in weights]
        self.widest = max([*(w.numel() for w in weights), outputs * head.shape[1]])
        made = space.get("made", (self.widest,), x)
        h = drawing.rooms(space, [f"hidden{i if keep else i % 2}" for i in range(len(rates))], [(members, n, size) if keep else (n, size) for size in self.sizes], x)
        tables = [calls.whole(self.sizes), calls.whole(drawing.cuts(rates)), *(calls.addresses(t) for t in (weights, layers[1::4], layers[2::4], layers[3::4], h, drawn))]
        sizes, cuts, weight, bias, r, s, after, bytes_ = (calls.pointer(t) for t in tables)
        self.struct = _TabM(
            gemm=calls.gemm(), rows=n, features=x.shape[1], members=members, depth=len(rates), outputs=outputs, keep=keep, sizes=sizes, cuts=cuts, x=x.data_ptr(),
            weight=weight, bias=bias, r=r, s=s, head=head.data_ptr(), head_bias=parameters[-1].data_ptr(), made=made.data_ptr(), h=after, noise=bytes_,
        )
        self.held = [x, *parameters, *drawn, made, *h, tables]


@device.one_thread
def _forward(call: _Call, x: Tensor) -> Tensor:
    out = torch.empty(call.struct.outputs, call.struct.members, len(x))
    call.struct.out = out.data_ptr()
    calls.call("tabm_forward", call.struct)
    return out.permute(2, 1, 0)


@device.one_thread
def _backward(call: _Call, space: Workspace, x: Tensor, parameters: Sequence[Tensor], dout: Tensor, dx: Tensor | None) -> list[Tensor]:
    gradients = [torch.empty_like(p) for p in parameters]
    layers = gradients[:-2]
    slopes = drawing.rooms(space, ("slope0", "slope1"), [(len(x), max(call.sizes))] * 2, x)
    flow = space.get("flow", (call.widest,), x)
    tables = [calls.addresses(layers[i::4]) for i in range(4)]
    struct = call.struct
    struct.dout, struct.dx, struct.flow = dout.data_ptr(), None if dx is None else dx.data_ptr(), flow.data_ptr()
    struct.slope[0], struct.slope[1] = (s.data_ptr() for s in slopes)
    struct.dweight, struct.dbias, struct.dr, struct.ds = (calls.pointer(t) for t in tables)
    struct.dhead, struct.dhead_bias = (g.data_ptr() for g in gradients[-2:])
    calls.call("tabm_backward", struct)
    return gradients


class Body(torch.autograd.Function):
    """See `ensemble.Body`."""

    @staticmethod
    def forward(ctx: Any, pool: Pool, rates: Sequence[float], x: Tensor, *parameters: Tensor) -> Tensor:
        """Takes a workspace that the backward pass gives back."""
        ctx.pool, ctx.space = pool, pool.take()
        ctx.call = _Call(ctx.space, rates, x, parameters, _noise(rates, x, parameters), keep=True)
        ctx.save_for_backward(x, *parameters)  # which tells when somebody changed one in between
        return _forward(ctx.call, x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        """Gradients of all parameters, and of x where somebody asks."""
        space = taken_back(ctx)
        x, *parameters = ctx.saved_tensors
        dx = torch.empty_like(x) if ctx.needs_input_grad[2] else None
        out = _backward(ctx.call, space, x, parameters, gradient.permute(2, 1, 0).contiguous(), dx)
        ctx.call = None
        ctx.pool.give(space)
        return None, None, dx, *out


def _noise(rates: Sequence[float], x: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    members = len(parameters[-2])
    return drawing.noise([(members, len(x), w.shape[1]) for w in parameters[:-2:4]], rates)


def forward_only(pool: Pool, rates: Sequence[float], x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The same forward pass for whoever wants no gradients."""
    space = pool.take()
    try:
        return _forward(_Call(space, rates, x, parameters, _noise(rates, x, parameters), keep=False), x)
    finally:
        pool.give(space)
