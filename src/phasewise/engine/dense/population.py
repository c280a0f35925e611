"""A population of dense networks in lockstep: order, batch, forward, loss, backward, clip, update; same words as a plain loop."""

from collections.abc import Sequence

import torch
from torch import Tensor

from phasewise.engine import device
from phasewise.engine.data import Dataset
from phasewise.engine.dense.dropout import DropoutSource
from phasewise.engine.dense.layout import Store, layout_of
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.dense.network import Buffers, StackedNet
from phasewise.engine.dense.objective import StackedLoss
from phasewise.engine.dense.optimise import Clipper, StackedOptimiser
from phasewise.engine.member import Member
from phasewise.engine.population import LayerView, Setting, Slot, initial_module
from phasewise.engine.sampling import BatchPlan

EVAL_ROWS = {"cpu": 512, "cuda": 4096}
EVAL_LEAST = 64
"""Rows evaluated at once, and how few where memory is short."""


class DensePopulation:
    """N >= 1 members of one bucket (same shapes, batch plan, optimiser kind); everything numeric is each member's own.

    On a CPU it steps on one thread, so that a member's bits depend neither on its neighbours nor on the number of threads
    (a product shared by two threads is added up otherwise); more cores are used by more processes (C6, C7).
    """

    def __init__(self, members: Sequence[Member], setting: Setting, plan: BatchPlan, dtype: torch.dtype = torch.float32, *, blank: bool = False) -> None:
        self.members, self.setting, self.plan, self.size, self.device = list(members), setting, plan, len(members), setting.device
        nets = [initial_module(m, setting) for m in (members[:1] if blank else members)]
        example = nets[0]
        if not isinstance(example, DenseNet):
            raise TypeError("only networks of the dense family can be stacked")
        self.layout = layout_of(example)
        specs = [m.config.train for m in members]
        self.net = StackedNet(example, self.layout, self.size, self.device, dtype)
        self.dropout = DropoutSource(members, len(self.net.sizes), self.device)
        self.net.scale = [None if s is None else s.to(dtype) for s in self.dropout.scales()]
        self.loss = StackedLoss(members, setting, class_major=self.layout.class_major, dtype=dtype)
        self.optimiser = StackedOptimiser(specs, self.net.parameters, self.net.gradients)
        self.clip = Clipper(specs, self.net.gradients.tensors()[0])
        self.decay = None if all(s.ema is None for s in specs) else torch.tensor([1 - (s.ema or 0.0) for s in specs], device=self.device, dtype=dtype)
        self.shadow = self._like() if self.decay is not None else None
        self.best = self._like()
        self.counted = [0] * self.size
        for slot, net in enumerate(nets):
            self._put(slot, net.state_dict(), (self.net.parameters, self.net.statistics))
            if self.shadow is not None:
                self._put(slot, net.state_dict(), self.shadow)
        self.remembered = [False] * self.size
        self.losses = torch.zeros(plan.steps, self.size, device=self.device)
        self.done = 0
        self._training: Buffers | None = None
        self._evaluation: Buffers | None = None
        self._block = EVAL_ROWS.get(self.device.type, 1024)

    # -- one epoch -------------------------------------------------------------------------------------------------

    def begin(self, epoch: int, orders: Tensor, lrs: Tensor) -> None:
        """See Population."""
        self._ready()
        self.lrs, self.done = lrs, 0
        self.batches = orders.view(self.size, -1, self.plan.batch).transpose(0, 1).contiguous()  # [steps, N, b]
        self.losses = torch.zeros(len(lrs), self.size, device=self.device)

    def _ready(self) -> None:
        if self._training is None:
            self._training = self.net.buffers(self.plan.batch, training=True)

    def rest(self) -> None:
        """Gives back what only a step or an evaluation needs; it is made again when the next one comes."""
        self._training = self._evaluation = None

    def set_rates(self, lrs: Tensor) -> None:
        """See Population."""
        self.lrs = lrs

    @device.one_thread
    @torch.no_grad()
    def run(self, data: Dataset, start: int, stop: int) -> None:
        """See Population."""
        self._ready()
        batches = self.batches[start:stop]
        targets = data.y.index_select(0, batches.reshape(-1)).view(batches.shape)
        for i, step in enumerate(range(start, stop)):
            self.losses[step] = self.step(data, batches[i], self.lrs[step], targets[i])
            self.done = step + 1

    def step(self, data: Dataset, rows: Tensor, lrs: Tensor, y: Tensor | None = None) -> Tensor:
        """One step of every member on its own rows [N, b], whose targets may be given; the losses [N]."""
        buffers = self._training
        assert buffers is not None
        self.net.gather(data.inputs, rows, buffers)
        if y is None:
            y = data.y.index_select(0, rows.reshape(-1)).view(rows.shape)
        self.dropout.fill(buffers.mask, self.net.scale)
        z = self.net.forward(buffers, training=True)
        loss = self.loss(z, y, buffers.dz)
        self.net.backward(buffers)
        self.clip(self.net.gradients.tensors())
        self.optimiser.step(lrs)
        if self.shadow is not None:
            self._average()
        return loss

    def _average(self) -> None:
        assert self.shadow is not None and self.decay is not None
        for kept, now in zip(self.shadow, (self.net.parameters, self.net.statistics), strict=True):
            for a, b in zip(kept.tensors(), now.tensors(), strict=True):
                a.lerp_(b, self.decay.view(-1, *[1] * (b.dim() - 1)).expand_as(b))

    # -- evaluation ------------------------------------------------------------------------------------------------

    @device.one_thread
    @torch.no_grad()
    def outputs(self, data: Dataset, rows: Sequence[Tensor]) -> list[Tensor]:
        """See Population; always in blocks of the same size, so that a member's figures do not depend on its neighbours."""
        while True:
            try:
                return self._evaluated(data, rows)
            except (RuntimeError, MemoryError) as error:
                if not device.out_of_memory(error) or self._block <= EVAL_LEAST:
                    raise
                self._block, self._evaluation = max(EVAL_LEAST, self._block // 4), None
                device.let_go(error)

    def _evaluated(self, data: Dataset, rows: Sequence[Tensor]) -> list[Tensor]:
        if self._evaluation is None:
            self._evaluation = self._room()
        live = (self.net.parameters, self.net.statistics)
        if self.shadow is not None:
            self.net.parameters, self.net.statistics = self.shadow
        try:
            return self._in_blocks(data, rows, self._evaluation)
        finally:
            self.net.parameters, self.net.statistics = live

    def _room(self) -> Buffers:
        return self.net.buffers(self._block, training=False)

    def _in_blocks(self, data: Dataset, rows: Sequence[Tensor], buffers: Buffers) -> list[Tensor]:
        block, longest, outputs, dim = self._block, max(len(r) for r in rows), self.net.outputs, 2 if self.layout.class_major else 1
        whole = torch.empty((self.size, outputs, longest) if dim == 2 else (self.size, longest, outputs), device=self.device, dtype=self.net.dtype)
        shared = all(r is rows[0] or torch.equal(r, rows[0]) for r in rows)
        for at in range(0, longest, block):
            index = torch.zeros(1 if shared else self.size, block, dtype=torch.int64, device=self.device)
            for slot, r in enumerate(rows[:1] if shared else rows):
                piece = r[at : at + block]
                index[slot, : len(piece)] = piece
            self.net.gather(data.inputs, index, buffers)
            count = min(block, longest - at)
            whole.narrow(dim, at, count).copy_(self.net.forward(buffers, training=False).narrow(dim, 0, count))
        whole = whole.transpose(1, 2) if dim == 2 else whole
        return [whole[slot, : len(r)] for slot, r in enumerate(rows)]

    # -- states ----------------------------------------------------------------------------------------------------

    def remember(self, slots: Sequence[int]) -> None:
        """See Population."""
        source = self.shadow or (self.net.parameters, self.net.statistics)
        for slot in slots:
            self.remembered[slot] = True
            for kept, now in zip(self.best, source, strict=True):
                kept.copy_slot(now, slot)

    def state_dict(self, slot: int, *, best: bool = True) -> dict[str, Tensor]:
        """See Population."""
        if best and self.remembered[slot]:
            return self._take(slot, self.best)
        return self._take(slot, self.shadow or (self.net.parameters, self.net.statistics))

    def slot(self, index: int) -> Slot:
        """See Population."""
        out = {f"param/{n}": t for n, t in self._take(index, (self.net.parameters, self.net.statistics)).items()}
        if self.remembered[index]:
            out |= {f"best/{n}": t for n, t in self._take(index, self.best).items()}
        if self.shadow is not None:
            out |= {f"shadow/{n}": t for n, t in self._take(index, self.shadow).items()}
        for name, store in self.optimiser.moments.items():
            out |= {f"{name}/{n}": t for n, t in self._take(index, (store,)).items()}
        out["steps"] = self.optimiser.steps[index].clone()
        out["random"] = self.dropout.state(index)
        return out

    def load(self, index: int, slot: Slot) -> None:
        """See Population."""
        def part(prefix: str) -> dict[str, Tensor]:
            return {n.removeprefix(prefix): t for n, t in slot.items() if n.startswith(prefix)}

        self._put(index, part("param/"), (self.net.parameters, self.net.statistics))
        best = part("best/")
        self.remembered[index] = bool(best)
        if best:
            self._put(index, best, self.best)
        if self.shadow is not None:
            self._put(index, part("shadow/"), self.shadow)
        for name, store in self.optimiser.moments.items():
            self._put(index, part(f"{name}/"), (store,))
        if "steps" in slot:
            self.optimiser.steps[index] = slot["steps"].to(self.device)
        if "random" in slot:
            self.dropout.load(index, slot["random"])

    def show(self, index: int, state: dict[str, Tensor]) -> None:
        """See Population."""
        for stores in ((self.net.parameters, self.net.statistics), self.shadow or ()):
            self._put(index, state, stores)

    def layers(self) -> list[LayerView]:
        """See Population."""
        hidden = self._training.h if self._training is not None else []
        out = []
        for piece in self.layout.parameters:
            kind, number = piece.name.split(".")[0], piece.name.split(".")[1]
            activation = hidden[int(number)] if kind == "layers" and piece.name.endswith("weight") and hidden else None
            out.append(LayerView(name=piece.name, weight=self.net.parameters[piece.name], grad=self.net.gradients[piece.name], activation=activation))
        return out

    def _like(self) -> tuple[Store, Store]:
        dtype = self.net.dtype
        return Store(self.layout.parameters, self.size, self.device, dtype), Store(self.layout.buffers, self.size, self.device, dtype)

    def _put(self, slot: int, state: dict[str, Tensor], stores: Sequence[Store]) -> None:
        for store in stores:
            for piece in store.pieces:
                if piece.name in state:
                    store[piece.name][slot].copy_(piece.stacked(state[piece.name].to(self.device)))

    def _take(self, slot: int, stores: Sequence[Store]) -> dict[str, Tensor]:
        out = {p.name: p.plain(s[p.name][slot], self.layout.plain_shapes[p.name]) for s in stores for p in s.pieces}
        if len(stores) == 2:
            counters = [n for n in self.layout.plain_shapes if n.endswith("num_batches_tracked")]
            out |= {n: self.optimiser.steps[slot].to(torch.int64).reshape(()).cpu() for n in counters}
        return out

