"""Tensors, generators, graphs and operators of the pretended GPU (`tests.engine.phantom`): what they refuse and what the host waits for."""

import contextlib
import functools
import sys
import weakref
from collections import Counter

import torch

CUDA, CPU = torch.device("cuda:0"), torch.device("cpu")
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "equal", "is_nonzero", "bincount", "histc", "_linalg_check_errors"}
"""Operators that make the host wait for the device."""
NO_SCALARS = {
    "stack", "cat", "index_select", "gather", "scatter", "scatter_", "scatter_add_", "embedding", "mm", "bmm", "addmm", "baddbmm", "convolution", "nll_loss_forward", "index_add_",
    "index_copy_", "native_batch_norm", "take_along_dim", "bucketize", "searchsorted", "equal", "dot", "mv", "linear",
}
"""Operators that take no CPU tensor at all beside one of the GPU, not even a number."""
TRUE_GENERATOR = torch.Generator
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


class Now:
    """The device of the moment."""

    gpu = Gpu()


class Phantom(torch.Tensor):
    """A tensor of the pretended device; C++ takes it for one of the CPU, Python and every operator for one of the Now.gpu."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor):
        Now.gpu.take(inner)
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

    def __deepcopy__(self, memo):
        return self.detach().clone().requires_grad_(self.requires_grad)


class Generator(TRUE_GENERATOR):
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
        """Refuses states of the other device, and states that lie on the Now.gpu."""
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
    if Now.gpu.capture_fails:
        raise RuntimeError("CUDA error: capture is not supported here")
    Now.gpu.recording, Now.gpu.registered = graph.work, graph.generators
    try:
        yield
    except RuntimeError:
        raise RuntimeError("CUDA error: operation failed due to a previous error during capture")  # noqa: B904 - the context stays, as in torch
    finally:
        Now.gpu.recording, Now.gpu.registered = None, []


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
    generator = next((KNOWN.get(g._cdata, g) for g in given if isinstance(g, TRUE_GENERATOR)), None)
    if not ours and place == CPU:
        if getattr(generator, "on_gpu", False):
            raise RuntimeError("Expected a 'cpu' device type for generator but found 'cuda'")
        return func(*args, **kwargs)
    if generator is not None and not getattr(generator, "on_gpu", False):
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
    changes = [t for i, n in written for t in leaves(kwargs[n] if n in kwargs else args[i] if i < len(args) else None)]
    judge(name, args, kwargs, tensors, changes, place)
    chance = (generator or DEFAULT) if random or generator is not None else None
    if chance not in (None, DEFAULT, *Now.gpu.registered) and Now.gpu.recording is not None:
        raise RuntimeError("Attempt to increase offset for a CUDA generator not in capture mode")

    def inside(t):
        return t.inner if isinstance(t, Phantom) else t

    inner = each(inside, tuple(args)), {k: each(inside, v) for k, v in kwargs.items() if k not in ("device", "pin_memory", "generator")}
    if "device" in kwargs:
        inner[1]["device"] = CPU
    if Now.gpu.recording is not None and changes:
        Now.gpu.recording.append((func, *inner, None, chance))
        return None if not results else changes[0] if results == 1 else tuple(changes)
    result = compute(func, *inner, chance)
    if Now.gpu.recording is not None and not func.is_view:
        Now.gpu.recording.append((func, *inner, leaves(result), chance))
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
            Now.gpu.wait("to the host" if (place == CPU or not isinstance(tensors[0], Phantom) and name == "copy_") else "from the host")
        return
    if name in ("index", "index_put_", "index_put", "_index_put_impl_", "_unsafe_index"):
        if not isinstance(args[0], Phantom):
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
        indices = [i for i in args[1] if i is not None]
        if any(not isinstance(i, Phantom) for i in indices):
            Now.gpu.wait("index from the host")
        if name != "index" and not isinstance(args[2], Phantom) and args[2].dim():
            raise RuntimeError("expected the values of index_put on the same device")
        if any(i.dtype in (torch.bool, torch.uint8) for i in indices) and not (name != "index" and args[2].numel() == 1):
            Now.gpu.wait("index by mask")
        return
    for t in strangers:
        if t.dim() or name in NO_SCALARS or name.startswith("_fused") or any(t is c for c in changes):
            raise RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! (in {name})")
    if name in WAITS or name == "repeat_interleave" and isinstance(args[0], torch.Tensor) and kwargs.get("output_size") is None:
        Now.gpu.wait(name)


DEFAULT = Generator("cuda")
"""What draws where no generator is given."""
