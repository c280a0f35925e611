"""The race of learning rates in the finder's job, where no rate is known for the family (T02, T04)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from phasewise.engine.dense.module import DenseNet
from phasewise.engine.race import FACTORS, SEEDS, STEPS, Race, race
from phasewise.records.jobs import FindLrJob
from phasewise.records.results import Suggestion
from phasewise.worker.bench import Bench, Stage
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import EngineHooks


class _Silent(EngineHooks):
    """Progress and control alone: the points of a race are no training's curves, and it is too short for checkpoints."""

    def on_metrics(self, columns: Sequence[str], rows: Sequence[Sequence[float | None]]) -> None:
        """Nothing is recorded."""

    def on_epoch(self, epoch: int, step: int, values: dict[str, float | None], members: dict[str, float | None], alive: int) -> None:
        """Nothing is recorded."""

    def on_checkpoint(self, state_fn: Callable[[], Any]) -> None:
        """Nothing is saved."""

    def on_finding(self, id: str, severity: str, title: str, detail: str = "", data: dict[str, Any] | None = None) -> None:
        """That the fastest rates break down is what a race is for."""


def raced(ctx: RunContext, job: FindLrJob, stage: Stage, bench: Bench, lr: float, share: tuple[float, float]) -> Suggestion | None:
    """The winner with what it was measured against; None when the person stopped it.

    Networks that train as one batch run three seeds a rate, the others one seed and half the steps.
    """
    cheap = isinstance(bench.build(job.config.network, stage.info), DenseNet)
    found = race(
        job.config, stage.data, stage.info, bench.build, _Silent(ctx, share=share), lr=lr, rows=torch.from_numpy(stage.train),
        seeds=SEEDS if cheap else 1, steps=STEPS if cheap else STEPS // 2, device=ctx.device,
    )
    return None if found.stopped else Suggestion(name="race", lr=found.lr, note=said(found))


def said(found: Race) -> str:
    """The race in a line: every rate and the training loss it reached."""
    reached = ", ".join(f"{rate:.2g}: {loss:.3g}" if loss < float("inf") else f"{rate:.2g}: broke down" for rate, loss in zip(found.rates, found.losses, strict=True))
    return f"training loss after {found.steps} steps at {len(FACTORS)} rates: {reached}"
