"""Members of any side-effect-free module at once through torch.func: vmap over stacked parameters, no new code per architecture."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from phasewise.engine import losses
from phasewise.engine.data import Dataset
from phasewise.engine.dense.layout import Piece, Store
from phasewise.engine.dense.optimise import KINDS, Clipper, StackedOptimiser
from phasewise.engine.member import Member
from phasewise.engine.modules import module_outputs
from phasewise.engine.optimisers import decays
from phasewise.engine.population import LayerView, Setting, Slot, initial_module
from phasewise.engine.sampling import BatchPlan
from phasewise.records.models import TrainSpec


def fits(module: nn.Module, train: TrainSpec) -> bool:
    """Whether vmap can run a module with each member's own randomness: no recurrent layers, no buffers, no dropout, no averaging."""
    if train.optimizer not in KINDS or train.ema is not None or any(True for _ in module.buffers()):
        return False
    random = (nn.modules.dropout._DropoutNd,)
    if any(isinstance(m, nn.RNNBase | nn.EmbeddingBag) or isinstance(m, random) and m.p > 0 for m in module.modules()):
        return False
    return all(p.requires_grad for p in module.parameters()) and not getattr(module, "random_in_forward", False)


class VmapPopulation:
    """N members of one architecture; parameters stacked in a `Store`, gradients by vmap(grad), updates by the stacked optimiser."""

    def __init__(self, members: Sequence[Member], setting: Setting, plan: BatchPlan, *, blank: bool = False) -> None:
        self.members, self.setting, self.plan, self.size, self.device = list(members), setting, plan, len(members), setting.device
        modules = [initial_module(m, setting).to(self.device) for m in (members[:1] if blank else members)]
        self.module = modules[0]
        pieces = [Piece(name=n, shape=tuple(p.shape) or (1,), decay=decays(n, p)) for n, p in self.module.named_parameters()]
        self.shapes = {n: tuple(p.shape) for n, p in self.module.named_parameters()}
        self.parameters, self.gradients, self.best = (Store(pieces, self.size, self.device) for _ in range(3))
        self.optimiser = StackedOptimiser([m.config.train for m in members], self.parameters, self.gradients)
        self.clip = Clipper([m.config.train for m in members], self.gradients.tensors()[0])
        data = setting.data
        each = [losses.loss_fn(m.config.train, data, m.train) for m in members]
        self.loss = each[0]
        weights = [x.class_weights for x in each]
        self.weights = None if weights[0] is None else torch.stack([w for w in weights if w is not None]).to(self.device)
        self.remembered = [False] * self.size
        for slot, module in enumerate(modules):
            self._put(slot, module.state_dict(), self.parameters)
        self.losses = torch.zeros(plan.steps, self.size, device=self.device)
        self.done = 0
        self._gradient = torch.func.vmap(torch.func.grad_and_value(self._member_loss), in_dims=(0, 0, 0, None if self.weights is None else 0))

    def _member_loss(self, parameters: dict[str, Tensor], inputs: dict[str, Tensor], y: Tensor, weights: Tensor | None) -> Tensor:
        out = torch.func.functional_call(self.module, parameters, (inputs,))
        return replace(self.loss, class_weights=weights)(out, y)

    def begin(self, epoch: int, orders: Tensor, lrs: Tensor) -> None:
        """See Population."""
        self.orders, self.lrs, self.done = orders, lrs.to(self.device), 0
        self.losses = torch.zeros(len(lrs), self.size, device=self.device)

    def set_rates(self, lrs: Tensor) -> None:
        """See Population."""
        self.lrs = lrs.to(self.device)

    def run(self, data: Dataset, start: int, stop: int) -> None:
        """See Population."""
        b = self.plan.batch
        self.module.train()
        for step in range(start, stop):
            rows = self.orders[:, step * b : (step + 1) * b]
            inputs, y = data.take(rows.reshape(-1))
            inputs = {n: x.view(self.size, b, *x.shape[1:]) for n, x in inputs.items()}
            named = {n: self.parameters[n].view(self.size, *shape) for n, shape in self.shapes.items()}
            gradients, loss = self._gradient(named, inputs, y.view(self.size, b), self.weights)
            for name, g in gradients.items():
                self.gradients[name].copy_(g.view_as(self.gradients[name]))
            self.clip(self.gradients.tensors())
            self.optimiser.step(self.lrs[step])
            self.losses[step] = loss.detach()
            self.done = step + 1

    def outputs(self, data: Dataset, rows: Sequence[Tensor]) -> list[Tensor]:
        """See Population."""
        out = []
        for slot, index in enumerate(rows):
            self.module.load_state_dict(self._take(slot, self.parameters))
            out.append(module_outputs(self.module, data, index))
        return out

    def remember(self, slots: Sequence[int]) -> None:
        """See Population."""
        for slot in slots:
            self.remembered[slot] = True
            self.best.copy_slot(self.parameters, slot)

    def state_dict(self, slot: int, *, best: bool = True) -> dict[str, Tensor]:
        """See Population."""
        return self._take(slot, self.best if best and self.remembered[slot] else self.parameters)

    def slot(self, index: int) -> Slot:
        """See Population."""
        stores = {"param": self.parameters} | self.optimiser.moments | ({"best": self.best} if self.remembered[index] else {})
        out = {f"{kind}/{n}": t for kind, store in stores.items() for n, t in self._take(index, store).items()}
        return out | {"steps": self.optimiser.steps[index].clone()}

    def load(self, index: int, slot: Slot) -> None:
        """See Population."""
        stores = {"param": self.parameters, "best": self.best} | self.optimiser.moments
        for kind, store in stores.items():
            self._put(index, {n.removeprefix(kind + "/"): t for n, t in slot.items() if n.startswith(kind + "/")}, store)
        self.remembered[index] = any(n.startswith("best/") for n in slot)
        if "steps" in slot:
            self.optimiser.steps[index] = slot["steps"].to(self.device)

    def show(self, index: int, state: dict[str, Tensor]) -> None:
        """See Population."""
        self._put(index, state, self.parameters)

    def layers(self) -> list[LayerView]:
        """See Population."""
        return [LayerView(name=p.name, weight=self.parameters[p.name], grad=self.gradients[p.name], activation=None) for p in self.parameters.pieces]

    def _put(self, slot: int, state: dict[str, Tensor], store: Store) -> None:
        for name, value in state.items():
            store[name][slot].copy_(value.to(self.device).reshape(store[name].shape[1:]))

    def _take(self, slot: int, store: Store) -> dict[str, Tensor]:
        return {n: store[n][slot].reshape(shape).clone() for n, shape in self.shapes.items()}
