"""A pretended GPU for machines without one: tensors that claim `cuda:0`, hold CPU memory, and refuse what CUDA refuses.

What it shows: tensors and generators of the wrong device, conversions that need the host, host synchronisations (counted in `Gpu.syncs`),
work that a CUDA graph cannot hold, references that outlive a memory failure (`Gpu.limit`). What it cannot show: kernels, rounding, TF32,
streams that overlap, speed, real memory. Every operation is computed by the CPU kernel.
"""

import contextlib
from unittest import mock

import torch
from tests.engine.phantom_device import (
    CPU,
    CUDA,
    DEFAULT,
    MOVING,
    Generator,
    Gpu,
    Graph,
    Now,
    Phantom,
    operate,
    recording,
)
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class Dispatch(TorchDispatchMode):
    """Hands every operator to `operate`, so that factories of the GPU are met too."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return operate(func, args, kwargs or {})


def _where(device):
    return CUDA if device is not None and not isinstance(device, int) and torch.device(device).type == "cuda" else device


def _to(x, *args, non_blocking=False, copy=False, memory_format=torch.preserve_format, **kwargs):
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    rest = list(args)
    if rest and isinstance(rest[0], torch.Tensor):
        device, dtype, rest = rest[0].device, rest[0].dtype, rest[1:]
    elif rest and (isinstance(rest[0], str | torch.device) or rest[0] is None):
        device, rest = rest[0], rest[1:]
    if rest and isinstance(rest[0], torch.dtype):
        dtype, rest = rest[0], rest[1:]
    non_blocking = bool(rest[0]) if rest else non_blocking
    target, dtype = _where(device) if device is not None else x.device, dtype or x.dtype
    if torch.device(target).type == x.device.type:
        return torch.ops.aten.to.dtype(x, dtype, non_blocking, copy, memory_format)
    MOVING.append(True)
    try:
        return torch.ops.aten._to_copy(x, dtype=dtype, device=torch.device(target), non_blocking=non_blocking, memory_format=memory_format)
    finally:
        MOVING.pop()


def _one_hot(x, num_classes=-1):
    return (x[..., None] == torch.arange(num_classes, device=x.device)).long()


def _device_of(x):
    while torch._C._functorch.is_functorch_wrapped_tensor(x):
        x = torch._C._functorch.get_unwrapped(x)
    return CUDA if isinstance(x, Phantom) else CPU


class Moves(TorchFunctionMode):
    """What C++ would decide by its own idea of the device: moves between devices, conversions to Python and numpy, vmap's wrappers."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if "device" in kwargs:
            kwargs["device"] = _where(kwargs["device"])
        x = args[0] if args else None
        name = getattr(func, "__name__", "")
        if func is torch.Tensor.device.__get__:
            return _device_of(x)
        if func is torch.Tensor.to:
            return _to(x, *args[1:], **kwargs)
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            held = x if isinstance(x, torch.Tensor) else func(x, *args[1:], **{k: v for k, v in kwargs.items() if k != "device"})
            return _to(held, kwargs["device"], kwargs.get("dtype") or held.dtype)
        if func is torch.Tensor.cpu:
            return _to(x, CPU)
        if func is torch.Tensor.cuda:
            return _to(x, CUDA, **{k: v for k, v in kwargs.items() if k == "non_blocking"})
        if func is torch.nn.functional.one_hot and isinstance(x, Phantom) and (len(args) > 1 or "num_classes" in kwargs):
            return _one_hot(*args, **kwargs)
        if isinstance(x, Phantom):
            if func is torch.Tensor.tolist:
                Now.gpu.wait("tolist")
                return x.inner.tolist()
            if name in ("numpy", "__array__"):
                raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.")
            if name in ("data_ptr", "untyped_storage", "pin_memory", "share_memory_", "__reduce_ex__"):
                raise RuntimeError(f"{name} of a tensor of the GPU is no memory of the host")
        if "device" not in kwargs:
            return func(*args, **kwargs)
        MOVING.append(True)
        try:
            return func(*args, **kwargs)
        finally:
            MOVING.pop()


def _autocast(device_type, dtype=None, enabled=True, cache_enabled=None):
    return _TRUE_AUTOCAST("cpu" if str(device_type) == "cuda" else device_type, dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)


_TRUE_AUTOCAST = torch.autocast


def _grouped(lists, with_indices=False):
    """torch's own groups of tensors for foreach kernels, under the device that Python sees."""
    found = {}
    for (device, dtype), group in _TRUE_GROUPED(lists, with_indices).items():
        places = {t.device for part in group[0] for t in part if t is not None and t.dim()}
        if len(places) > 1:
            raise RuntimeError("Tensors of the same index must be on the same device")
        found[(places.pop() if places else device, dtype)] = group
    return found


_TRUE_GROUPED = torch._C._group_tensors_by_device_and_dtype


def _seed_default(seed) -> None:
    DEFAULT.manual_seed(seed)


@contextlib.contextmanager
def pretended(*, limit: int | None = None, capture_fails: bool = False):
    """One GPU for the length of a block, in this thread; yields its `Gpu`."""
    held, gpu = Now.gpu, Gpu(limit=limit, capture_fails=capture_fails)
    Now.gpu = gpu
    DEFAULT.manual_seed(0)
    stream = mock.MagicMock()
    stand_ins = {
        "is_available": lambda: True, "device_count": lambda: 1, "current_device": lambda: 0, "_lazy_init": lambda: None, "is_initialized": lambda: True, "empty_cache": lambda: None,
        "synchronize": lambda *_: gpu.wait("synchronize"), "mem_get_info": lambda *_: (8 << 30, 16 << 30), "get_device_name": lambda *_: "pretended", "Stream": lambda *_, **__: stream,
        "current_stream": lambda *_: stream, "stream": lambda *_: contextlib.nullcontext(), "CUDAGraph": Graph, "graph": recording, "is_bf16_supported": lambda *_: True,
        "get_rng_state": lambda *_: DEFAULT.get_state(), "set_rng_state": lambda state, *_: DEFAULT.set_state(state) and None, "get_rng_state_all": lambda: [DEFAULT.get_state()],
        "set_rng_state_all": lambda states: DEFAULT.set_state(states[0]) and None, "manual_seed_all": _seed_default, "manual_seed": _seed_default, "_is_in_bad_fork": lambda: False,
    }
    with contextlib.ExitStack() as stack:
        for name, value in stand_ins.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, value))
        stack.enter_context(mock.patch.object(torch, "Generator", Generator))
        stack.enter_context(mock.patch.object(torch, "autocast", _autocast))
        stack.enter_context(mock.patch.object(torch._C, "_group_tensors_by_device_and_dtype", _grouped))
        stack.callback(torch.__future__.set_swap_module_params_on_conversion, torch.__future__.get_swap_module_params_on_conversion())
        torch.__future__.set_swap_module_params_on_conversion(True)  # a module that moves keeps its parameters' identity, as on a GPU
        stack.enter_context(Dispatch())
        stack.enter_context(Moves())
        try:
            yield gpu
        finally:
            Now.gpu = held
