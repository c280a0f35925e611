"""Periodic embeddings as two functions of C (engine/native/periodic.h): nothing is kept but the inputs, sine and cosine come from one reduction."""

import ctypes
import math
from typing import Any

import torch
from torch import Tensor

from phasewise.engine.native import calls
from phasewise.engine.native.calls import POINTER, REAL, WHOLE

MOST = 16
"""Numbers a column may be mapped to; more are left to torch."""


class _Periodic(ctypes.Structure):
    _fields_ = (
        *((name, WHOLE) for name in ("rows", "columns", "waves", "mapped")), *((name, REAL) for name in ("rate", "turn")),
        *((name, POINTER) for name in ("x", "frequency", "phase", "weight", "bias", "out", "dout", "dfrequency", "dphase", "dweight", "dbias")),
    )


class _Scale(ctypes.Structure):
    _fields_ = (("rows", WHOLE), ("columns", WHOLE), *((name, POINTER) for name in ("x", "center", "factor", "out")))


def scaled(x: Tensor, center: Tensor, factor: Tensor) -> Tensor:
    """See `embeddings.RobustScale`; all come without gaps, one centre and factor a column."""
    out = torch.empty_like(x)
    calls.call("scale", _Scale(rows=len(x), columns=x.shape[1], x=x.data_ptr(), center=center.data_ptr(), factor=factor.data_ptr(), out=out.data_ptr()))
    return out


def fits(x: Tensor, *parameters: Tensor) -> bool:
    """Whether these can be embedded by compiled code."""
    frequency, _, weight, _ = parameters
    return weight.shape[2] <= MOST and x.shape[1] == len(frequency) and calls.fits((x, *parameters))


def embedded(rate: float, x: Tensor, frequency: Tensor, phase: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """See `networks.periodic.embedded`; x comes without gaps."""
    return _Embed.apply(rate, x, frequency, phase, weight, bias)


def _struct(rate: float, x: Tensor, parameters: tuple[Tensor, ...]) -> _Periodic:
    frequency, phase, weight, bias = parameters
    return _Periodic(
        rows=len(x), columns=x.shape[1], waves=weight.shape[1], mapped=weight.shape[2], rate=rate, turn=2 * math.pi * rate,
        x=x.data_ptr(), frequency=frequency.data_ptr(), phase=phase.data_ptr(), weight=weight.data_ptr(), bias=bias.data_ptr(),
    )


class _Embed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rate: float, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.rate = rate
        ctx.save_for_backward(x, *parameters)
        out = torch.empty(len(x), x.shape[1] * (1 + parameters[2].shape[2]))
        struct = _struct(rate, x, parameters)
        struct.out = out.data_ptr()
        calls.call("periodic_forward", struct)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        x, *parameters = ctx.saved_tensors
        gradient, struct = gradient.contiguous(), _struct(ctx.rate, x, tuple(parameters))
        out = [torch.empty_like(p) for p in parameters]
        struct.dout = gradient.data_ptr()
        struct.dfrequency, struct.dphase, struct.dweight, struct.dbias = (g.data_ptr() for g in out)
        calls.call("periodic_backward", struct)
        return None, None, *out
