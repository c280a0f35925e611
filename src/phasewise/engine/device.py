"""Which device and precision a run uses; asked for and absent is said, never hidden."""

import gc
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import torch

from phasewise.records.errors import UsageError

T = TypeVar("T")


def choose(asked: str, fallbacks: list[str], *, strict: bool = False) -> torch.device:
    """The device of `auto`, `cpu` or `cuda`; a missing GPU is a recorded fallback, or a UsageError when `strict`."""
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if asked.startswith("cuda") and not torch.cuda.is_available():
        if strict:
            raise UsageError("no GPU was found", "The device `cuda` was asked for, torch sees none.", "Use --device auto or install a CUDA build of torch.")
        fallbacks.append("device: cuda was asked for but no GPU was found; cpu is used")
        return torch.device("cpu")
    if asked not in ("cpu", "cuda") and not asked.startswith("cuda:"):
        raise UsageError(f"unknown device {asked!r}", "", "Use auto, cpu or cuda.")
    return torch.device(asked)


def precision_of(asked: str, device: torch.device) -> str:
    """`fp32`, `tf32` or `bf16`; `auto` is TF32 on a GPU and fp32 on a CPU."""
    if asked == "auto":
        return "tf32" if device.type == "cuda" else "fp32"
    return asked if device.type == "cuda" or asked == "bf16" else "fp32"


@contextmanager
def numerics(precision: str) -> Iterator[None]:
    """Precision of matrix products and convolutions, and flushing of denormals, for the length of a run; restored afterwards.

    cuDNN takes TF32 for convolutions unless it is told not to, whatever the precision of matrix products.
    """
    before, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_flush_denormal(False)


def one_thread(work: Callable[..., T]) -> Callable[..., T]:
    """A method that computes on one thread of torch's, whatever the process is set to; put back afterwards."""

    @wraps(work)
    def alone(*args: Any, **more: Any) -> T:
        threads = torch.get_num_threads()
        if threads == 1:
            return work(*args, **more)
        torch.set_num_threads(1)
        try:
            return work(*args, **more)
        finally:
            torch.set_num_threads(threads)

    return alone


OUT = ("not enough memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
"""What torch says on a CPU, and what CUDA and its libraries say where they ask for memory themselves."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the host."""
    return isinstance(error, torch.cuda.OutOfMemoryError | MemoryError) or any(words in str(error) for words in OUT)


def let_go(error: BaseException) -> None:
    """Frees what a failed attempt still holds: the tensors in the frames of its error, cycles, and the blocks kept for later use."""
    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__context__
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
