"""Piecewise-linear encoding and its map as two functions of C (engine/native/bins.h): the cost of a value does not depend on the number of bins."""

import ctypes
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from phasewise.engine.native import calls
from phasewise.engine.native.calls import POINTER, WHOLE
from phasewise.kinds.tabular.networks.workspace import Pool, Workspace, taken_back

PLACES = ("rich", "flat")
FIXED = ("low", "inverse", "floor", "ceiling", "center", "factor", "middle", "scale")
"""Buffers of `embeddings.PiecewiseLinear`, by name."""


class _Bins(ctypes.Structure):
    _fields_ = (
        *((name, WHOLE) for name in ("rows", "columns", "rich", "flat", "bins", "size")), ("rich_at", POINTER), ("flat_at", POINTER),
        *((name, POINTER) for name in ("x", *FIXED, "linear", "bias", "weight", "prefix", "share", "bin", "out", "dout", "dlinear", "dbias", "dweight", "below")),
    )


def fits(x: Tensor, fixed: Mapping[str, Tensor], *parameters: Tensor) -> bool:
    """Whether these can be encoded by compiled code."""
    whole = x.shape[1] == sum(len(fixed[name]) for name in PLACES)
    return whole and calls.fits((x, *(fixed[name] for name in FIXED), *parameters))


def embedded(pool: Pool, fixed: Mapping[str, Tensor], x: Tensor, linear: Tensor, bias: Tensor, weight: Tensor) -> Tensor:
    """x `[n, d]` without gaps to `[n, features]`, by an embedding's buffers and its three parameters."""
    if torch.is_grad_enabled():
        return _Embed.apply(pool, fixed, x, linear, bias, weight)
    space = pool.take()
    try:
        return _forward(space, fixed, x, (linear, bias, weight))
    finally:
        pool.give(space)


def _struct(space: Workspace, fixed: Mapping[str, Tensor], x: Tensor, parameters: tuple[Tensor, ...]) -> _Bins:
    linear, bias, weight = parameters
    (rich, bins, size), n = weight.shape, len(x)
    return _Bins(
        rows=n, columns=x.shape[1], rich=rich, flat=len(fixed["flat"]), bins=bins, size=size, rich_at=fixed["rich"].data_ptr(), flat_at=fixed["flat"].data_ptr(),
        x=x.data_ptr(), **{name: fixed[name].data_ptr() for name in FIXED}, linear=linear.data_ptr(), bias=bias.data_ptr(), weight=weight.data_ptr(),
        prefix=space.get("prefix", (bins, size), x).data_ptr(), share=space.get("share", (rich, n), x).data_ptr(),
        bin=space.get("bin", (rich, n), x.view(torch.int32)).data_ptr(),
    )


def _forward(space: Workspace, fixed: Mapping[str, Tensor], x: Tensor, parameters: tuple[Tensor, ...]) -> Tensor:
    struct = _struct(space, fixed, x, parameters)
    out = torch.empty(len(x), struct.rich * struct.size + struct.flat)
    struct.out = out.data_ptr()
    calls.call("bins_forward", struct)
    return out


class _Embed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pool: Pool, fixed: Mapping[str, Tensor], x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.pool, ctx.space, ctx.fixed = pool, pool.take(), fixed
        ctx.save_for_backward(x, *parameters)
        return _forward(ctx.space, fixed, x, parameters)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        space = taken_back(ctx)
        x, *parameters = ctx.saved_tensors
        gradient, struct = gradient.contiguous(), _struct(space, ctx.fixed, x, tuple(parameters))
        out = [torch.empty_like(p) for p in parameters]
        struct.dout, struct.below = gradient.data_ptr(), space.get("below", tuple(parameters[2].shape[1:]), x).data_ptr()
        struct.dlinear, struct.dbias, struct.dweight = (g.data_ptr() for g in out)
        calls.call("bins_backward", struct)
        ctx.pool.give(space)
        return None, None, None, *out
