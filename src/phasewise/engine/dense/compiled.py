"""A population of dense networks whose steps are one compiled function (engine/native): the same words as `DensePopulation`, in C."""

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from phasewise.engine import device
from phasewise.engine.data import Dataset
from phasewise.engine.dense.layout import Store
from phasewise.engine.dense.network import Buffers
from phasewise.engine.dense.population import DensePopulation
from phasewise.engine.dense.struct import ACTIVATIONS, LOSSES, OPTIMISERS, Net, address, buffers, place, space, table
from phasewise.engine.member import Member
from phasewise.engine.native import threads
from phasewise.engine.native.build import Library, library
from phasewise.engine.population import Setting
from phasewise.engine.sampling import BatchPlan


def fits(activation: str, loss: str, optimiser: str) -> bool:
    """Whether the compiled step knows a network's activation, its loss and its optimiser."""
    return activation in ACTIVATIONS and loss in LOSSES and optimiser in OPTIMISERS and isinstance(library(), Library)


class CompiledPopulation(DensePopulation):
    """N >= 1 members on a CPU; a member does all the steps between two looks before the next one begins, so that they stay in its core's cache."""

    def __init__(self, members: Sequence[Member], setting: Setting, plan: BatchPlan, *, blank: bool = False) -> None:
        super().__init__(members, setting, plan, blank=blank)
        found = library()
        if not isinstance(found, Library):
            raise TypeError(found)
        self.library = found
        self._net: Net | None = None
        self._cores = 1
        self._plain: tuple[weakref.ref[Dataset], tuple[Tensor, Tensor, Tensor]] | None = None

    # -- steps -----------------------------------------------------------------------------------------------------

    def begin(self, epoch: int, orders: Tensor, lrs: Tensor) -> None:
        """See Population."""
        super().begin(epoch, orders, lrs)
        self.lrs = lrs.contiguous()

    def set_rates(self, lrs: Tensor) -> None:
        """See Population."""
        self.lrs = lrs.contiguous()

    def _ready(self) -> None:
        if self._training is None:
            self._training = buffers(self.net, self.size, self.plan.batch, activation=self.activation, major=self.layout.class_major)
            self._net = None
        if self._net is None:
            self._net = self._described(self._training, self.plan.batch)

    def rest(self) -> None:
        """See DensePopulation."""
        super().rest()
        self._net = None

    def run(self, data: Dataset, start: int, stop: int) -> None:
        """See Population."""
        self._run(data, start, stop, self._free())

    @device.one_thread
    @torch.no_grad()
    def _run(self, data: Dataset, start: int, stop: int, cores: int) -> None:
        """Members side by side on `cores` threads; a member's bits do not depend on their number."""
        self._ready()
        num, cat, y = self._rows(data)
        batches, lrs, losses = self.batches[start:stop].to(torch.int64).contiguous(), self.lrs[start:stop], self.losses[start:stop]
        _within(batches, len(y))
        noise = torch.empty(cores, -(-self.plan.batch * sum(self.net.sizes) // 8), dtype=torch.int64)
        given = [address(t) for t in (num, cat, y, batches, lrs, losses)]

        def work(k: int, m: int) -> None:
            self.library.run(ctypes.byref(self._net), *_whole(m, self.size, stop - start), address(noise[k]), *given)

        threads.share(work, range(self.size), cores, self._alone)
        self.done = stop

    def _free(self) -> int:
        """Cores for this tile: one where this BLAS would share out every product in every thread, which adds up otherwise."""
        return threads.cores(self.size) if self.library.alone is not None else 1

    def _alone(self) -> None:
        if self.library.alone is not None:
            self.library.alone(1)

    def _rows(self, data: Dataset) -> tuple[Tensor, Tensor, Tensor]:
        """Numbers float32, codes int32, targets int64 or float32, as the compiled step reads them; kept while the rows are the same."""
        if self._plain is None or self._plain[0]() is not data:
            num = data.inputs.get("num", torch.zeros(0)).to(torch.float32).contiguous()
            cat = data.inputs.get("cat", torch.zeros(0, dtype=torch.int32)).to(torch.int32).contiguous()
            if cat.numel() and (cat.amin() < 0 or (cat.amax(0) >= torch.tensor(self.net.cardinalities)).any()):
                raise IndexError("a category's code is out of range")
            if num.numel() != len(data.y) * self.net.numbers or cat.numel() != len(data.y) * len(self.net.cardinalities):
                raise IndexError("inputs and targets have different numbers of rows")
            y = data.y.to(torch.float32 if data.y.is_floating_point() else torch.int64).contiguous()
            if self.loss.closed != "mse":
                _within(y, max(2, self.net.outputs))
            self._plain = weakref.ref(data), (num, cat, y)
        return self._plain[1]

    # -- evaluation ------------------------------------------------------------------------------------------------

    def outputs(self, data: Dataset, rows: Sequence[Tensor]) -> list[Tensor]:
        """See Population."""
        self._cores = self._free()  # asked before torch is held to one thread
        return super().outputs(data, rows)

    def _room(self) -> list[Net]:
        """One member's buffers for every thread, for all members in turn."""
        rooms = [buffers(self.net, 1, self._block, activation=self.activation, major=self.layout.class_major) for _ in range(self._cores)]
        return [self._described(room, self._block) for room in rooms]

    def _in_blocks(self, data: Dataset, rows: Sequence[Tensor], rooms: list[Net]) -> list[Tensor]:
        num, cat, y = self._rows(data)
        for index in {id(r): r for r in rows}.values():
            _within(index, len(y))
        parameters, statistics = self.net.parameters.memory(), self.net.statistics.memory()  # the averaged ones, where there are such
        major = self.layout.class_major
        where = [r.to(torch.int64).contiguous() for r in rows]
        out = [torch.empty((self.net.outputs, len(r)) if major else (len(r), self.net.outputs)) for r in rows]

        def work(k: int, m: int) -> None:
            self.library.outputs(
                ctypes.byref(rooms[k]), *_whole(m), address(num), address(cat), address(where[m]), *_whole(len(where[m])),
                *(address(t) for t in (parameters, statistics, out[m])),
            )

        threads.share(work, range(self.size), len(rooms), self._alone)
        return [z.t() for z in out] if major else out

    # -- description -----------------------------------------------------------------------------------------------

    def _described(self, room: Buffers, b: int) -> Net:
        """The struct of `step.c` for batches of b rows; it holds every tensor and array that it points to."""
        net, layout, depth = self.net, self.layout, len(self.net.sizes)
        specs, moments = [m.config.train for m in self.members], list(self.optimiser.moments.values())
        keep: list[Any] = []

        def ints(values: Sequence[int]) -> Any:
            return table(keep, values, ctypes.c_int64)

        def doubles(values: Sequence[float]) -> Any:
            return table(keep, values, ctypes.c_double)

        def places(store: Store, names: Sequence[str]) -> Any:
            return table(keep, [place(store, name) for name in names])

        def spaces(tensors: Sequence[Tensor]) -> Any:
            return table(keep, [space(keep, t) for t in tensors])

        def limits(values: Sequence[float | None]) -> Any:
            return doubles([float("inf") if v is None else v for v in values]) if any(v is not None for v in values) else None

        hidden, p = range(depth), net.parameters
        rates = self.dropout.rates
        states = [self.dropout.bits[n].ctypes.state_address if n in self.dropout.drawing else None for n in range(self.size)]
        weights = self.loss.weights.contiguous() if self.loss.weights is not None else None
        keep += [room, weights, net.parameters, net.gradients, net.statistics, moments, self.shadow, self.optimiser.steps]
        embedded = bool(net.embedded)
        described = Net(
            gemm=self.library.gemm, depth=depth, numbers=net.numbers, inputs=net.inputs, outputs=net.outputs, cats=len(net.cardinalities), embedded=embedded,
            major=layout.class_major, normed=net.normed, activation=ACTIVATIONS.index(self.activation), loss=LOSSES.index(self.loss.closed),
            optimiser=OPTIMISERS.index(self.optimiser.kind), batch=b, pieces=len(p.pieces), targets=self.setting.data.y.is_floating_point(),
            sizes=ints(net.sizes), widths=ints(net.embedded or net.cardinalities), cards=ints(net.cardinalities), drops=ints([i in self.dropout.layers for i in hidden]),
            counts=ints([int(torch.Size(piece.shape).numel()) for piece in p.pieces]), decays=ints([piece.decay for piece in p.pieces]),
            weight=places(p, [*(f"layers.{i}.weight" for i in hidden), "head.weight"]),
            bias=places(p, [*(f"norms.{i}.bias" if net.normed else f"layers.{i}.bias" for i in hidden), "head.bias"]),
            gain=places(p, [f"norms.{i}.weight" for i in hidden if net.normed]),
            mean=places(net.statistics, [f"norms.{i}.running_mean" for i in hidden if net.normed]),
            variance=places(net.statistics, [f"norms.{i}.running_var" for i in hidden if net.normed]),
            table=places(p, [f"embeddings.{i}.weight" for i in range(len(net.embedded))]), piece=places(p, [piece.name for piece in p.pieces]),
            parameters=address(p.memory()), gradients=address(net.gradients.memory()), statistics=address(net.statistics.memory()),
            first=address(moments[0].memory()), second=address(moments[1].memory()) if len(moments) > 1 else None,
            ema=address(self.shadow[0].memory()) if self.shadow else None, ema_statistics=address(self.shadow[1].memory()) if self.shadow else None,
            x=space(keep, room.x), z=space(keep, room.z), dz=space(keep, room.dz), dx=space(keep, room.dx),
            pre=spaces(room.pre), h=spaces(room.h), grad=spaces(room.grad), norm=spaces(room.norm), rstd=spaces(room.rstd),
            random=table(keep, states, ctypes.c_void_p), threshold=ints([r[i][0] for r in rates for i in hidden]),
            scale=doubles([r[i][1] for r in rates for i in hidden]), decay=doubles([s.weight_decay for s in specs]), momentum=doubles([s.momentum for s in specs]),
            nesterov=doubles([float(s.nesterov and s.momentum > 0) for s in specs]), smoothing=doubles([s.label_smoothing for s in specs]),
            clip_value=limits([s.clip_value for s in specs]), clip_norm=limits([s.clip_norm for s in specs]),
            average=doubles([1 - (s.ema or 0.0) for s in specs]) if self.shadow else None, class_weights=address(weights) if weights is not None else None,
            steps=address(self.optimiser.steps),
        )
        described.held = keep
        return described

    @property
    def activation(self) -> str:
        """The activation's name."""
        return self.members[0].config.network.activation


def _within(index: Tensor, end: int) -> None:
    """Compiled code reads what it is told to: IndexError for a number outside 0..end-1."""
    if index.numel() and (index.amin() < 0 or index.amax() >= end):
        raise IndexError(f"index out of range 0 to {end - 1}")


def _whole(*values: int) -> tuple[ctypes.c_int64, ...]:
    return tuple(ctypes.c_int64(v) for v in values)
