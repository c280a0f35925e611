"""RealMLP's scaling layer, hidden layers and head as two functions of C (engine/native/realmlp.h); the words of `realmlp_body`."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from phasewise.engine import device
from phasewise.engine.dense.struct import ACTIVATIONS
from phasewise.engine.native import calls
from phasewise.engine.native.calls import POINTER, REAL, WHOLE
from phasewise.kinds.tabular.networks import realmlp_body
from phasewise.kinds.tabular.networks.compiled import drawing
from phasewise.kinds.tabular.networks.workspace import Pool, Workspace, taken_back


class _RealMLP(ctypes.Structure):
    _fields_ = (
        ("gemm", POINTER), *((name, WHOLE) for name in ("rows", "features", "depth", "outputs", "activation", "keep")),
        *((name, REAL) for name in ("scale_rate", "bias_rate", "amount_rate")),
        *((name, POINTER) for name in ("sizes", "cuts", "x", "factor", "weight", "bias", "amount", "scaled", "pre", "h", "noise", "out", "dout")),
        ("slope", POINTER * 2), *((name, POINTER) for name in ("dx", "dfactor", "dweight", "dbias", "damount")),
    )


class _Call:
    """The struct of one pass over a batch, and all it points to."""

    def __init__(self, space: Workspace, activation: str, rates: Sequence[float], x: Tensor, parameters: Sequence[Tensor], drawn: Sequence[Tensor], *, keep: bool) -> None:
        factor, hidden = parameters[0], parameters[1:-2]
        weights, biases, amounts = [*hidden[::3], parameters[-2]], [*hidden[1::3], parameters[-1]], hidden[2::3]
        depth, n = len(rates), len(x)
        self.sizes = [w.shape[0] for w in weights[:-1]]
        shapes = [(n, size) for size in self.sizes]
        scaled = space.get("scaled", x.shape, x)
        h = drawing.rooms(space, [f"hidden{i if keep else i % 2}" for i in range(depth)], shapes, x)
        pre = drawing.rooms(space, [f"linear{i}" for i in range(depth)], shapes, x) if keep else []
        tables = [
            calls.whole(self.sizes), calls.whole(drawing.cuts(rates)), *(calls.addresses(t) for t in (weights, biases, amounts, pre, h, drawn)),
        ]
        sizes, cuts, weight, bias, amount, before, after, bytes_ = (calls.pointer(t) for t in tables)
        self.struct = _RealMLP(
            gemm=calls.gemm(), rows=n, features=x.shape[1], depth=depth, outputs=len(weights[-1]), activation=ACTIVATIONS.index(activation), keep=keep,
            scale_rate=realmlp_body.SCALE_RATE, bias_rate=realmlp_body.BIAS_RATE, amount_rate=realmlp_body.ACTIVATION_RATE,
            sizes=sizes, cuts=cuts, x=x.data_ptr(), factor=factor.data_ptr(), weight=weight, bias=bias, amount=amount,
            scaled=scaled.data_ptr(), pre=before, h=after, noise=bytes_,
        )
        self.held = [x, *parameters, *drawn, scaled, *h, *pre, tables]


@device.one_thread
def _forward(call: _Call, x: Tensor) -> Tensor:
    out = torch.empty(len(x), call.struct.outputs)
    call.struct.out = out.data_ptr()
    calls.call("realmlp_forward", call.struct)
    return out


@device.one_thread
def _backward(call: _Call, space: Workspace, x: Tensor, parameters: Sequence[Tensor], dout: Tensor, dx: Tensor | None) -> list[Tensor]:
    gradients = [torch.empty_like(p) for p in parameters]
    hidden = gradients[1:-2]
    widest = max([x.shape[1], *call.sizes])
    slopes = drawing.rooms(space, ("slope0", "slope1"), [(len(x), widest)] * 2, x)
    tables = [calls.addresses(t) for t in ([*hidden[::3], gradients[-2]], [*hidden[1::3], gradients[-1]], hidden[2::3])]
    struct = call.struct
    struct.dout, struct.dx, struct.dfactor = dout.data_ptr(), None if dx is None else dx.data_ptr(), gradients[0].data_ptr()
    struct.slope[0], struct.slope[1] = (s.data_ptr() for s in slopes)
    struct.dweight, struct.dbias, struct.damount = (calls.pointer(t) for t in tables)
    calls.call("realmlp_backward", struct)
    return gradients


class Body(torch.autograd.Function):
    """See `realmlp_body.Body`."""

    @staticmethod
    def forward(ctx: Any, pool: Pool, activation: str, rates: Sequence[float], x: Tensor, *parameters: Tensor) -> Tensor:
        """Takes a workspace that the backward pass gives back."""
        ctx.pool, ctx.space = pool, pool.take()
        ctx.call = _Call(ctx.space, activation, rates, x, parameters, _noise(rates, x, parameters), keep=True)
        ctx.save_for_backward(x, *parameters)  # which tells when somebody changed one in between
        return _forward(ctx.call, x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        """Gradients of all parameters, and of x where somebody asks."""
        space = taken_back(ctx)
        x, *parameters = ctx.saved_tensors
        dx = torch.empty_like(x) if ctx.needs_input_grad[3] else None
        out = _backward(ctx.call, space, x, parameters, gradient.contiguous(), dx)
        ctx.call = None
        ctx.pool.give(space)
        return None, None, None, dx, *out


def _noise(rates: Sequence[float], x: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    return drawing.noise([(len(x), len(w)) for w in parameters[1:-2:3]], rates)


def forward_only(pool: Pool, activation: str, rates: Sequence[float], x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The same forward pass for whoever wants no gradients."""
    space = pool.take()
    try:
        return _forward(_Call(space, activation, rates, x, parameters, _noise(rates, x, parameters), keep=False), x)
    finally:
        pool.give(space)
