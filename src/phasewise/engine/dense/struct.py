"""The struct that `engine/native/step.c` reads, field by field, and how tensors become its pointers."""

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from phasewise.engine.dense.layout import Store, aligned, apart
from phasewise.engine.dense.network import Buffers, StackedNet

ACTIVATIONS = ("relu", "tanh", "sigmoid", "selu", "silu", "mish")
LOSSES = ("cross_entropy", "bce", "mse")
OPTIMISERS = ("sgd", "adam", "adamw", "rmsprop", "adadelta")
"""In the order of the enums there."""

_POINTER, _WHOLE = ctypes.c_void_p, ctypes.c_int64


class Place(ctypes.Structure):
    """Where a piece lies in its store: first member, and from member to member (numbers)."""

    _fields_ = (("at", _WHOLE), ("stride", _WHOLE))


class Space(ctypes.Structure):
    """A buffer: its address, and from member to member (numbers)."""

    _fields_ = (("at", _POINTER), ("stride", _WHOLE))


class Net(ctypes.Structure):
    """`Net` of step.c."""

    _fields_ = (
        ("gemm", _POINTER),
        *((name, _WHOLE) for name in (
            "depth", "numbers", "inputs", "outputs", "cats", "embedded", "major", "normed", "activation", "loss", "optimiser", "batch", "pieces", "targets",
        )),
        *((name, _POINTER) for name in (
            "sizes", "widths", "cards", "drops", "counts", "decays", "weight", "bias", "gain", "mean", "variance", "table", "piece",
            "parameters", "gradients", "statistics", "first", "second", "ema", "ema_statistics",
        )),
        *((name, Space) for name in ("x", "z", "dz", "dx")),
        *((name, _POINTER) for name in (
            "pre", "h", "grad", "norm", "rstd", "noise", "random", "threshold", "scale", "decay", "momentum", "nesterov", "smoothing", "clip_value",
            "clip_norm", "average", "class_weights", "steps",
        )),
    )


def address(tensor: Tensor) -> ctypes.c_void_p:
    """The address of a tensor's first number; whoever passes it on keeps the tensor."""
    return ctypes.c_void_p(tensor.data_ptr())


def table(keep: list[Any], values: Sequence[Any], kind: Any = None) -> ctypes.c_void_p:
    """A C array of numbers, pointers or structs, kept in `keep`."""
    kind = kind or (type(values[0]) if values else _WHOLE)
    keep.append((kind * max(1, len(values)))(*values))
    return ctypes.cast(keep[-1], _POINTER)


def place(store: Store, name: str) -> Place:
    """Where a stacked piece lies."""
    piece, whole = store[name], store.memory()
    return Place((piece.data_ptr() - whole.data_ptr()) // whole.element_size(), piece.stride(0))


def space(keep: list[Any], buffer: Tensor | None) -> Space:
    """A buffer [N, ...] that is contiguous within a member, or none; one for a single member is everybody's."""
    if buffer is None:
        return Space(None, 0)
    if not buffer[0].is_contiguous():
        raise ValueError("a buffer of the compiled step has gaps")
    keep.append(buffer)
    return Space(buffer.data_ptr(), buffer.stride(0) if len(buffer) > 1 else 0)


def buffers(net: StackedNet, n: int, b: int, *, activation: str, major: bool) -> Buffers:
    """What the compiled step writes for n members and b rows: no masks, and what goes into an activation only where its derivative asks for it."""

    def own(*shape: int) -> Tensor:
        count = math.prod(shape)
        return apart(torch.zeros(n * aligned(count)), n, count, shape)

    hidden, nothing = net.sizes, torch.zeros(n, 0)
    out = (net.outputs, b) if major else (b, net.outputs)
    return Buffers(
        x=own(b, net.inputs), h=[own(b, w) for w in hidden], pre=[nothing if activation == "relu" else own(b, w) for w in hidden], mask=[],
        grad=[own(b, w) for w in hidden], norm=[own(b, w) if net.normed else nothing for w in hidden], rstd=[own(w) for w in hidden],
        z=own(*out), dz=own(*out), dx=own(max([b * sum(net.embedded), *hidden])),  # batch norm has its sums there
    )
