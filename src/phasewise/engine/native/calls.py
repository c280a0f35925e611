"""How tensors become what compiled functions read, and whether they may."""

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from phasewise.engine.native.build import Library, library

POINTER, WHOLE, REAL, DOUBLE = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_double


def fits(tensors: Iterable[Tensor]) -> bool:
    """Whether C may read these tensors: float32 in ordinary memory without gaps, and a library is there."""
    if isinstance(library(), str):
        return False
    for t in tensors:  # a loop: this is asked several times a step
        if t.dtype is not torch.float32 or not t.is_cpu or not t.is_contiguous():
            return False
    return True


def call(name: str, struct: ctypes.Structure) -> None:
    """Calls a function of `networks.c`. Whatever its struct points to is the caller's to keep."""
    found = library()
    assert isinstance(found, Library)
    found.layers[name](ctypes.byref(struct))


def gemm() -> int:
    """The address of torch's matrix product."""
    found = library()
    assert isinstance(found, Library)
    return found.gemm


def addresses(tensors: Sequence[Tensor]) -> Any:
    """A C array of pointers; it keeps no tensor alive."""
    return (POINTER * max(1, len(tensors)))(*(t.data_ptr() for t in tensors))


def whole(values: Sequence[int]) -> Any:
    """A C array of int64."""
    return (WHOLE * max(1, len(values)))(*values)


def doubles(values: Sequence[float]) -> Any:
    """A C array of double."""
    return (DOUBLE * max(1, len(values)))(*values)


def pointer(array: Any) -> ctypes.c_void_p:
    """Where an array lies; whoever passes it on keeps the array."""
    return ctypes.cast(array, POINTER)
