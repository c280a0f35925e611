"""The records of a population: members in, results out, and the hooks through which a caller watches and steers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from phasewise.records.models import ModelConfig


@dataclass(frozen=True, kw_only=True)
class Member:
    """One training run: a config, a seed, and its own training and validation rows (int64 index tensors)."""

    id: str
    config: ModelConfig
    seed: int = 0
    train: Tensor
    validation: Tensor


def moved(members: Sequence[Member], device: torch.device) -> list[Member]:
    """The members with their rows on a device; equal rows become one tensor there, so that `is` tells them apart without waiting for a GPU."""
    held: list[tuple[Tensor, Tensor]] = []

    def there(rows: Tensor) -> Tensor:
        for mine, theirs in held:
            if mine is rows or (len(mine) == len(rows) and mine.device == rows.device and torch.equal(mine, rows)):
                return theirs
        held.append((rows, rows.to(device)))
        return held[-1][1]

    return [replace(m, train=there(m.train), validation=there(m.validation)) for m in members]


@dataclass(frozen=True, kw_only=True)
class Control:
    """What the person asks for now.

    `lr_factor` is the factor in force (absolute, 1 = as scheduled), so asking twice changes nothing;
    `checkpoint_now` is true once per request.
    """

    paused: bool = False
    stop: Literal["epoch", "now"] | None = None
    lr_factor: float = 1.0
    checkpoint_now: bool = False


class Hooks:
    """What happens outside the engine; every method may be replaced, the defaults do nothing."""

    def on_metrics(self, columns: Sequence[str], rows: Sequence[Sequence[float | None]]) -> None:
        """A block of training points, `step` first."""

    def on_epoch(self, epoch: int, step: int, values: dict[str, float | None], members: dict[str, float | None], alive: int) -> None:
        """End of an epoch: the mean values, and the objective of each living member."""

    def on_checkpoint(self, state_fn: Callable[[], Any]) -> None:
        """A moment at which a checkpoint may be taken; `state_fn()` gives the `state.EngineState` of now."""

    def poll(self) -> Control:
        """The control in force; called at most every few dozen milliseconds."""
        return Control()

    def on_finding(self, id: str, severity: str, title: str, detail: str = "", data: dict[str, Any] | None = None) -> None:
        """Something noticed; `data` may hold tensors (the offending batch of a NaN stop)."""

    def on_histograms(self, step: int, values: dict[str, Tensor]) -> None:
        """Weights, gradients and activations of the first member by `<kind>/<layer>` at a step, as flat samples (V03)."""

    def on_progress(self, done: int, total: int) -> None:
        """Member-steps done of the total still planned."""


@dataclass(frozen=True, kw_only=True)
class Halving:
    """Successive halving: after `rungs[i]` epochs the best `keep[i]` groups go on (Jamieson & Talwalkar 1502.07943).

    `group` maps a member id to its group (paired seeds or folds of one config); members without an entry stand alone.
    """

    rungs: tuple[int, ...]
    keep: tuple[int, ...]
    group: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MemberResult:
    """What became of a member: best weights, raw outputs on its validation and training rows, curves per epoch."""

    id: str
    state: dict[str, Tensor]
    outputs: Tensor
    train_outputs: Tensor | None
    curves: dict[str, list[float]]
    best_epoch: int
    stopped: str
    """`done`, `early`, `halved`, `diverged` or `asked`."""
    steps: int
    seconds: float
    best: float = float("nan")
    """The objective at the best epoch."""


@dataclass(frozen=True, kw_only=True)
class PopulationResult:
    """All members in the order given, the execution plan in words and figures, and every fallback taken."""

    members: list[MemberResult]
    plan: dict[str, Any]
    fallbacks: list[str]
    lr_events: list[tuple[int, float]] = field(default_factory=list)
    """Changes of the learning rate by hand: (step, factor), replayable through the `manual` schedule."""
    rungs: list[dict[str, Any]] = field(default_factory=list)
    """One entry per halving: epoch, kept, dropped, rank correlation with the rung before."""
    notes: list[str] = field(default_factory=list)
    """What happened by itself and changes what the curves mean, for example the switch of the optimiser (T08)."""
