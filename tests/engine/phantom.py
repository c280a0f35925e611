"""A pretended GPU for machines without one: tensors that claim `cuda:0`, hold CPU memory, and refuse what CUDA refuses.

What it shows: tensors and generators of the wrong device, conversions that need the host, host synchronisations (counted in `Gpu.syncs`),
work that a CUDA graph cannot hold, references that outlive a memory failure (`Gpu.limit`). What it cannot show: kernels, rounding, TF32,
streams that overlap, speed, real memory. Every operation is computed by the CPU kernel.
"""

import contextlib
import functools
import sys
import weakref
from collections import Counter
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
CUDA, CPU = torch.device("cuda:0"), torch.device("cpu")
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "equal", "is_nonzero", "bincount", "histc", "_linalg_check_errors"}
"""Operators that make the host wait for the device."""
NO_SCALARS = {
    "stack", "cat", "index_select", "gather", "scatter", "scatter_", "scatter_add_", "embedding", "mm", "bmm", "addmm", "baddbmm", "convolution", "nll_loss_forward", "index_add_",
    "index_copy_", "native_batch_norm", "take_along_dim", "bucketize", "searchsorted", "equal", "dot", "mv", "linear",
}
"""Operators that take no CPU tensor at all beside one of the GPU, not even a number."""
_TRUE_GENERATOR = torch.Generator
MOVING: list[bool] = []
KNOWN: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
"""Generators by what C++ knows of them: an operator is handed another Python object."""


class Gpu:
    """The state of the pretended device: what the host waited for, memory, the graph that is being recorded."""

    def __init__(self, *, limit: int | None = None, capture_fails: bool = False) -> None:
        self.syncs: Counter[str] = Counter()
        self.places: Counter[str] = Counter()
        self.limit, self.capture_fails = limit, capture_fails
        self.alive: dict[int, list] = {}
        self.recording: list | None = None
        self.registered: list = []
        self.refused = 0
        self.flags: list[str] = []

    def wait(self, why: str) -> None:
        """The host waits; a graph cannot hold that."""
        if self.recording is not None:
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing ({why})")
        self.syncs[why] += 1
        frame = sys._getframe(1)
        while frame and "/phasewise/" not in frame.f_code.co_filename:
            frame = frame.f_back
        if frame:
            self.places[f"{frame.f_code.co_filename.split('/phasewise/')[-1]}:{frame.f_lineno} {frame.f_code.co_name} ({why})"] += 1

    def used(self) -> int:
        """Bytes of living tensors, views counted once."""
        return sum(n for n, r in self.alive.values() if r() is not None)

    def take(self, inner: torch.Tensor) -> None:
        """Enters the memory of a new tensor, or fails as CUDA does."""
        store = inner.untyped_storage()
        key = store.data_ptr()
        if not key or (key in self.alive and self.alive[key][1]() is not None):
            return
        if self.limit is not None and self.used() + store.nbytes() > self.limit:
            self.refused += 1
            raise torch.cuda.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {store.nbytes()} bytes ({self.used()} of {self.limit} used).")
        self.alive[key] = [store.nbytes(), weakref.ref(store)]


GPU = Gpu()


class Phantom(torch.Tensor):
    """A tensor of the pretended device; C++ takes it for one of the CPU, Python and every operator for one of the GPU."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor):
        GPU.take(inner)
        out = torch.Tensor._make_wrapper_subclass(cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype, device=CPU)
        out.inner = inner
        return out

    __torch_function__ = torch._C._disabled_torch_function_impl
    device = property(lambda self: CUDA)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return operate(func, args, kwargs or {})

    def __repr__(self) -> str:
        return f"phantom({self.inner!r})"

    def __deepcopy__(self, memo):
        return self.detach().clone().requires_grad_(self.requires_grad)


class Generator(_TRUE_GENERATOR):
    """A generator of either device; those of the GPU are counters, as Philox is: their state is a seed and an offset (16 bytes)."""

    def __new__(cls, device="cpu"):
        out = super().__new__(cls, "cpu")
        out.on_gpu = torch.device(device).type == "cuda"
        out.seed_, out.offset = 0, 0
        KNOWN[out._cdata] = out
        return out

    def __init__(self, device="cpu") -> None:
        pass

    @property
    def device(self):
        """Where it draws."""
        return CUDA if self.on_gpu else CPU

    def manual_seed(self, seed):
        """Sets the seed; a counter begins at zero."""
        self.seed_, self.offset = int(seed), 0
        super().manual_seed(seed)
        return self

    def get_state(self):
        """A CPU tensor; the device's states have 16 bytes."""
        return torch.tensor([self.seed_, self.offset], dtype=torch.int64).view(torch.uint8) if self.on_gpu else super().get_state()

    def set_state(self, state):
        """Refuses states of the other device, and states that lie on the GPU."""
        if isinstance(state, Phantom):
            raise TypeError("RNG state must be a torch.ByteTensor")
        if self.on_gpu:
            if state.numel() != 16:
                raise RuntimeError("RNG state is wrong size")
            self.seed_, self.offset = state.clone().view(torch.int64).tolist()
            return self
        super().set_state(state)
        return self

    def advance(self):
        """The true generator, put to the present place; the place moves on."""
        super().manual_seed((self.seed_ * 1_000_003 + self.offset) % 2**63)
        self.offset += 4
        return self


class Graph:
    """Operators recorded while nothing runs, and run again at every replay."""

    def __init__(self, *_: object, **__: object) -> None:
        self.work: list = []
        self.generators: list = []

    def register_generator_state(self, generator) -> None:
        """Random operators of a graph need their generator registered."""
        self.generators.append(generator)

    def replay(self) -> None:
        """Everything again, results into the same memory."""
        for func, args, kwargs, outs, chance in self.work:
            given = compute(func, args, kwargs, chance)
            if outs is not None:
                for kept, new in zip(outs, leaves(given), strict=True):
                    kept.copy_(new)


@contextlib.contextmanager
def recording(graph: Graph, *_: object, **__: object):
    """`torch.cuda.graph`: a failure inside also fails the end of the recording, which hides the first error as CUDA does."""
    if GPU.capture_fails:
        raise RuntimeError("CUDA error: capture is not supported here")
    GPU.recording, GPU.registered = graph.work, graph.generators
    try:
        yield
    except RuntimeError:
        raise RuntimeError("CUDA error: operation failed due to a previous error during capture")  # noqa: B904 - the context stays, as in torch
    finally:
        GPU.recording, GPU.registered = None, []


def leaves(value) -> list[torch.Tensor]:
    """The tensors of an argument or a result."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for v in value for t in leaves(v)] if isinstance(value, list | tuple) else []


def each(change, value):
    """The same with every tensor changed."""
    if isinstance(value, torch.Tensor):
        return change(value)
    return type(value)(each(change, v) for v in value) if isinstance(value, list | tuple) else value


@functools.cache
def facts(func):
    """Name, (position, name) of arguments that are written, whether it draws, whether it takes a generator, how many results."""
    schema = func._schema
    written = [(i, a.name) for i, a in enumerate(schema.arguments) if a.alias_info and a.alias_info.is_write]
    return schema.name.split("::")[1], written, torch.Tag.nondeterministic_seeded in func.tags, any(a.name == "generator" for a in schema.arguments), len(schema.returns)


def compute(func, args, kwargs, chance):
    """The CPU kernel on inner tensors, random ones from the place of a counter."""
    with torch._C._DisableTorchDispatch():
        if chance is None:
            return func(*args, **kwargs)
        if facts(func)[3]:
            return func(*args, **{**kwargs, "generator": chance.advance()})
        held = torch.default_generator.get_state()
        torch.default_generator.manual_seed(chance.advance().initial_seed())
        try:
            return func(*args, **kwargs)
        finally:
            torch.default_generator.set_state(held)


def operate(func, args, kwargs):
    """One operator under the rules of CUDA."""
    given = (*args, *kwargs.values())
    tensors = [t for v in given for t in leaves(v)]
    ours = [t for t in tensors if isinstance(t, Phantom)]
    place = kwargs.get("device")
    if not ours and place is None and "generator" not in kwargs:
        return func(*args, **kwargs)
    name, written, random, _, results = facts(func)
    if ours and place is not None and not MOVING:  # C++ asks for the device it takes a tensor for
        place = kwargs["device"] = CUDA
    place = CUDA if (place is None and ours) or (place is not None and torch.device(place).type == "cuda") else CPU
    generator = next((KNOWN.get(g._cdata, g) for g in given if isinstance(g, _TRUE_GENERATOR)), None)
    if not ours and place == CPU:
        if getattr(generator, "on_gpu", False):
            raise RuntimeError("Expected a 'cpu' device type for generator but found 'cuda'")
        return func(*args, **kwargs)
    if generator is not None and not getattr(generator, "on_gpu", False):
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
    changes = [t for i, n in written for t in leaves(kwargs[n] if n in kwargs else args[i] if i < len(args) else None)]
    judge(name, args, kwargs, tensors, changes, place)
    chance = (generator or DEFAULT) if random or generator is not None else None
    if chance not in (None, DEFAULT, *GPU.registered) and GPU.recording is not None:
        raise RuntimeError("Attempt to increase offset for a CUDA generator not in capture mode")

    def inside(t):
        return t.inner if isinstance(t, Phantom) else t

    inner = each(inside, tuple(args)), {k: each(inside, v) for k, v in kwargs.items() if k not in ("device", "pin_memory", "generator")}
    if "device" in kwargs:
        inner[1]["device"] = CPU
    if GPU.recording is not None and changes:
        GPU.recording.append((func, *inner, None, chance))
        return None if not results else changes[0] if results == 1 else tuple(changes)
    result = compute(func, *inner, chance)
    if GPU.recording is not None and not func.is_view:
        GPU.recording.append((func, *inner, leaves(result), chance))
    for t in changes:
        if isinstance(t, Phantom) and t.shape != t.inner.shape:
            raise RuntimeError(f"{name} resized a tensor of the pretended device")
    if place == CPU:
        return result
    outer = {id(t.inner): t for t in ours}
    return each(lambda t: outer[id(t)] if id(t) in outer else Phantom(t), result)


def judge(name, args, kwargs, tensors, changes, place) -> None:
    """Raises where CUDA would; counts what the host waits for."""
    strangers = [t for t in tensors if not isinstance(t, Phantom)]
    if name == "_to_copy" or name == "copy_":
        crossing = (len(strangers) == 1 and len(tensors) == 2) if name == "copy_" else bool(strangers) != (place == CPU)
        if crossing and tensors[0].numel() and not (kwargs.get("non_blocking") and place == CUDA and name == "_to_copy"):
            GPU.wait("to the host" if (place == CPU or not isinstance(tensors[0], Phantom) and name == "copy_") else "from the host")
        return
    if name in ("index", "index_put_", "index_put", "_index_put_impl_", "_unsafe_index"):
        if not isinstance(args[0], Phantom):
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
        indices = [i for i in args[1] if i is not None]
        if any(not isinstance(i, Phantom) for i in indices):
            GPU.wait("index from the host")
        if name != "index" and not isinstance(args[2], Phantom) and args[2].dim():
            raise RuntimeError("expected the values of index_put on the same device")
        if any(i.dtype in (torch.bool, torch.uint8) for i in indices) and not (name != "index" and args[2].numel() == 1):
            GPU.wait("index by mask")
        return
    for t in strangers:
        if t.dim() or name in NO_SCALARS or name.startswith("_fused") or any(t is c for c in changes):
            raise RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! (in {name})")
    if name in WAITS or name == "repeat_interleave" and isinstance(args[0], torch.Tensor) and kwargs.get("output_size") is None:
        GPU.wait(name)


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
        return aten._to_copy(x, dtype=dtype, device=torch.device(target), non_blocking=non_blocking, memory_format=memory_format)
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
                GPU.wait("tolist")
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


DEFAULT = Generator("cuda")


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
    global GPU
    held, GPU = GPU, Gpu(limit=limit, capture_fails=capture_fails)
    gpu = GPU
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
            GPU = held
