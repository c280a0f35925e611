"""What the fit loop asks of a set of members that step together, whatever executes them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from phasewise.engine.data import Dataset, InputInfo
from phasewise.engine.member import Member
from phasewise.engine.sampling import BatchPlan
from phasewise.records.models import NetworkSpec

if TYPE_CHECKING:
    from phasewise.engine.shards import ShardedData

Build = Callable[[NetworkSpec, InputInfo], nn.Module]
Slot = dict[str, Tensor]
"""The whole training state of one member as named tensors: parameters, buffers, optimiser, best copy, random state."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all members of a run share."""

    data: Dataset
    info: InputInfo
    build: Build
    device: torch.device
    precision: str = "fp32"
    stream: "ShardedData | None" = None
    """Training rows that do not fit into memory; `data` then holds validation rows and a sample."""
    made: Mapping[str, Tensor] = field(default_factory=dict)
    """Member id -> row numbers of the rows made for it (SMOTE), drawn from beside its training rows."""

    def drawn_from(self, member: Member) -> Tensor:
        """Row numbers an epoch of a member draws from: its training rows, and those made for it."""
        more = self.made.get(member.id)
        return member.train if more is None else torch.cat([member.train, more])

    def sampling(self, member: Member) -> str:
        """How its rows are drawn: made rows have evened the classes already; without them SMOTE falls back to drawing classes evenly."""
        asked = member.config.train.sampling
        return ("none" if member.id in self.made else "over") if asked == "smote" else asked


@dataclass(frozen=True, kw_only=True)
class LayerView:
    """One weight with what the last step left of it, for the watch: leading axis = slots."""

    name: str
    weight: Tensor
    grad: Tensor | None
    activation: Tensor | None


class Population(Protocol):
    """N members in lockstep. Slots are numbered 0..size-1; `losses` is float32 [steps, size] on the device."""

    size: int
    losses: Tensor
    done: int

    def begin(self, epoch: int, orders: Tensor, lrs: Tensor) -> None:
        """Prepares an epoch: row numbers int64 [size, steps * batch] and learning rates float64 [steps, size] (CPU)."""

    def set_rates(self, lrs: Tensor) -> None:
        """Replaces the learning rates of the epoch, same shape; steps already done are not touched."""

    def run(self, data: Dataset, start: int, stop: int) -> None:
        """Does the steps start..stop-1 of the epoch."""

    def outputs(self, data: Dataset, rows: Sequence[Tensor]) -> list[Tensor]:
        """Raw outputs in evaluation mode, float32 [rows, outputs] per slot."""

    def remember(self, slots: Sequence[int]) -> None:
        """Keeps the present weights of some slots as their best."""

    def state_dict(self, slot: int, *, best: bool = True) -> dict[str, Tensor]:
        """Weights and buffers of a slot under the module's names (a copy)."""

    def slot(self, index: int) -> Slot:
        """The whole training state of a slot (a copy)."""

    def load(self, index: int, slot: Slot) -> None:
        """Puts a training state back, bit for bit."""

    def show(self, index: int, state: dict[str, Tensor]) -> None:
        """Puts weights and buffers (a `state_dict`) into a slot for evaluation only."""

    def layers(self) -> list[LayerView]:
        """Weights, gradients and activations of the last step."""


class Observer(Protocol):
    """Looks at a population every `every` steps of an epoch, between two steps: weights are new, gradients those of the last step."""

    every: int

    def observe(self, population: Population, tracks: Sequence[Any], epoch: int, step: int) -> None:
        """`population.layers()` holds weights, gradients and activations; `tracks[slot].member` is whose they are."""


class Maker(Protocol):
    """Builds a population of some members; `blank` when their states are loaded next, so that initial weights need not be drawn."""

    def __call__(self, members: Sequence[Member], setting: Setting, plan: BatchPlan, *, blank: bool = False) -> Any: ...


def initial_module(member: Member, setting: Setting) -> nn.Module:
    """The member's network with its own initial weights, built under its own init stream; the global generator is left as it was."""
    from phasewise.engine import streams

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(streams.torch_seed(member.seed, "init"))  # the CPU's alone: torch.manual_seed is 100 times slower
        return setting.build(member.config.network, setting.info)
