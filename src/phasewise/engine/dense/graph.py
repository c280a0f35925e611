"""The stacked step as a CUDA graph: one launch for a whole step, or for eight of them; position, rows and rates lie on the device."""

import weakref
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from phasewise.engine import device as devices
from phasewise.engine.data import Dataset
from phasewise.engine.dense.population import DensePopulation
from phasewise.engine.member import Member
from phasewise.engine.population import Setting
from phasewise.engine.sampling import BatchPlan

LONG = 8


class GraphPopulation(DensePopulation):
    """A dense population on a GPU; where the graph cannot be captured the same step runs eagerly and `fallback` says why."""

    def __init__(self, members: Sequence[Member], setting: Setting, plan: BatchPlan, *, blank: bool = False, graph: bool = True) -> None:
        super().__init__(members, setting, plan, blank=blank)
        self.wanted = graph and bool(self.loss.closed)
        self.fallback = "" if self.loss.closed else "CUDA graph: this loss runs through autograd, so the step runs eagerly"
        self.graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self.captured_for: Dataset | None = None
        self.window: Dataset | None = None
        self.shown: weakref.ref[Dataset] | None = None
        n, steps, device = self.size, plan.steps, self.device
        self.place = torch.zeros(1, dtype=torch.int64, device=device)
        self.within = torch.arange(plan.batch, device=device)
        self.orders = torch.zeros(n, steps * plan.batch, dtype=torch.int64, device=device)
        self.lrs = torch.zeros(steps, n, dtype=torch.float64, device=device)

    def begin(self, epoch: int, orders: Tensor, lrs: Tensor) -> None:
        """See Population."""
        self._ready()
        self.orders.copy_(orders)
        self.lrs.copy_(lrs)
        self.losses.zero_()
        self.place.zero_()
        self.done = 0

    def rest(self) -> None:
        """As every dense population; a graph holds the addresses of what is given back, so it is recorded anew."""
        super().rest()
        self.graphs.clear()
        self.captured_for = None

    def set_rates(self, lrs: Tensor) -> None:
        """See Population."""
        self.lrs.copy_(lrs)

    @torch.no_grad()
    def run(self, data: Dataset, start: int, stop: int) -> None:
        """See Population."""
        self._ready()
        data = self._standing(data)
        if self.wanted and self.captured_for is not data:
            self._capture(data, start)
        self.place.fill_(start)
        left = stop - start
        while left:
            size = LONG if left >= LONG else 1
            if size in self.graphs:
                self.graphs[size].replay()
            else:
                size = 1
                self._one(data)
            left -= size
        self.done = stop

    def _standing(self, data: Dataset) -> Dataset:
        """The rows at an address that stays: windows of a table on disk are copied into one place, so that one graph serves them all."""
        if self.setting.stream is None:
            return data
        if self.window is None:
            most = max(stop - start for start, stop in self.setting.stream.spans())
            self.window = replace(data, inputs={n: x.new_zeros((most, *x.shape[1:])) for n, x in data.inputs.items()}, y=data.y.new_zeros(most))
        if self.shown is None or self.shown() is not data:
            for to, x in [(self.window.y, data.y), *((self.window.inputs[n], x) for n, x in data.inputs.items())]:
                to[: len(x)].copy_(x)
            self.shown = weakref.ref(data)
        return self.window

    def _one(self, data: Dataset) -> None:
        rows = self.orders.index_select(1, self.place * self.plan.batch + self.within)
        lrs = self.lrs.index_select(0, self.place)[0]
        loss = self.step(data, rows, lrs)
        self.losses.index_copy_(0, self.place, loss.to(self.losses.dtype)[None])
        self.place += 1

    def _capture(self, data: Dataset, start: int) -> None:
        """Warms up on a side stream with the rows of step `start`, records one step and eight steps, and puts every changed tensor back."""
        self.graphs.clear()
        self.captured_for = data
        stores = [self.net.parameters, self.net.statistics, *self.optimiser.moments.values(), *(self.shadow or ())]
        live = [t for s in stores for t in s.tensors()] + [self.optimiser.steps, self.losses, self.place]
        held, random = [t.clone() for t in live], self.dropout.generator.get_state()
        try:
            stream = torch.cuda.Stream(self.device)
            stream.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(stream):
                for _ in range(3):
                    self.place.fill_(start)
                    self._one(data)
            torch.cuda.current_stream(self.device).wait_stream(stream)
            torch.cuda.synchronize(self.device)
            for size in (1, LONG):
                if size > self.plan.steps:
                    continue
                graph = torch.cuda.CUDAGraph()
                graph.register_generator_state(self.dropout.generator)
                with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # what other threads do with the device is no part of it
                    for _ in range(size):
                        self._one(data)
                self.graphs[size] = graph
        except RuntimeError as error:
            self.captured_for = None
            if devices.out_of_memory(error) or isinstance(error.__context__, RuntimeError) and devices.out_of_memory(error.__context__):
                raise torch.cuda.OutOfMemoryError(str(error.__context__ or error)) from error  # the end of a failed recording hides why it failed
            self.graphs.clear()
            self.wanted = False
            self.fallback = f"CUDA graph: capture failed ({str(error).splitlines()[0][:120]}); the step runs eagerly"
        finally:
            for tensor, value in zip(live, held, strict=True):
                tensor.copy_(value)
            self.dropout.generator.set_state(random)
