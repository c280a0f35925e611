"""What the engine tells while it trains, turned into events, checkpoints, control and an event file."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from phasewise.engine import Hooks, state
from phasewise.engine.member import Control
from phasewise.project.atomic import DiskFull
from phasewise.records.text import safe_text
from phasewise.worker.context import RunContext
from phasewise.worker.event_files import EventFile

CHECKPOINT_EVERY = 30.0
"""Seconds between checkpoints taken by time."""


class Stages:
    """Numbers the engine calls of one job, so that a checkpoint goes back to the call it came from; calls before it are repeated (same bits)."""

    def __init__(self, ctx: RunContext) -> None:
        saved = ctx.resume_from
        self.saved = state.load(saved.path) if saved is not None else None
        self.at = -1

    def next(self, key: str) -> state.EngineState | None:
        """The state to resume the next call from, or None; a checkpoint of another population is never used."""
        self.at += 1
        meta = self.saved.meta if self.saved is not None else {}
        return self.saved if meta.get("stage") == self.at and meta.get("population") == key else None

    def behind(self) -> bool:
        """Whether this call only repeats what lies before the checkpoint (nothing is saved then)."""
        return self.saved is not None and self.at < int(self.saved.meta.get("stage", -1))


class EngineHooks(Hooks):
    """Hooks of one engine call; `findings` and `violations` collect what the watch said."""

    def __init__(
        self, ctx: RunContext, *, series: str = "train", key: str = "", stages: Stages | None = None, share: tuple[float, float] = (0.0, 1.0),
        record: bool = False, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ctx, self.series, self.key, self.stages = ctx, series, key, stages
        self.share = share
        self.findings: list[dict[str, str]] = []
        self.violations: list[dict[str, Any]] = []
        self.losses: list[tuple[int, float]] = []
        """Step and training loss of the member reported first, as far as reported."""
        self._lead: float | None = None
        self._monotonic = monotonic
        self._began = self._saved_at = monotonic()
        self._forced = False
        self._stopping = False
        self._file = EventFile(ctx.run.path) if record else None
        self._finished: dict[str, float | None] = {}

    def on_metrics(self, columns: Sequence[str], rows: Sequence[Sequence[float | None]]) -> None:
        """Points to the event journal and, for a recorded run, to the event file."""
        self.ctx.metrics(self.series, list(columns), [list(r) for r in rows])
        if "member" in columns and "loss" in columns:
            self._note_losses(columns, rows)
        if self._file is not None:
            names = [c for c in columns if c not in ("step", "member")]
            for row in rows:
                named = dict(zip(columns, row, strict=True))
                self._file.scalars(int(named.get("step") or 0), {f"{self.series}/{n}": named[n] for n in names})

    def _note_losses(self, columns: Sequence[str], rows: Sequence[Sequence[float | None]]) -> None:
        """One member's losses, for advice after the run (T05), and what the schedule says now."""
        step, loss, member = (columns.index(n) for n in ("step", "loss", "member"))
        if rows and "lr" in columns and (rate := rows[-1][columns.index("lr")]):
            self.ctx.control.planned_lr = rate / self.ctx.control.lr_factor  # these steps were made under the factor of the last poll
        for row in rows:
            self._lead = row[member] if self._lead is None else self._lead
            if row[member] == self._lead and row[loss] is not None:
                self.losses.append((int(row[step] or 0), float(row[loss])))  # type: ignore[arg-type]

    def on_epoch(self, epoch: int, step: int, values: dict[str, float | None], members: dict[str, float | None], alive: int) -> None:
        """The live leaderboard: members that left keep their last value."""
        self._finished.update(members)
        self.ctx.emit("epoch", epoch=epoch, step=step, values=values, members=dict(self._finished), alive=alive)
        if self._file is not None:
            self._file.scalars(epoch, {f"epoch/{k}": v for k, v in values.items()})

    def on_checkpoint(self, state_fn: Callable[[], Any]) -> None:
        """Saves when asked to or when it is time; a full disk is said and training goes on from what is safe."""
        due = self._monotonic() - self._saved_at >= CHECKPOINT_EVERY
        if self.stages is None or self.stages.behind() or not (self._forced or due):
            return
        self._forced = False
        self._saved_at = self._monotonic()
        captured = state_fn()
        captured.meta.update(stage=self.stages.at, population=self.key)
        try:
            self.ctx.checkpoints.save(state.to_bytes(captured), step=int(captured.meta.get("steps_done", 0)))
        except DiskFull as full:
            self.ctx.finding("checkpoint-failed", "warn", full.title, full.cause)

    def poll(self) -> Control:
        """The person's wishes; a stop takes a checkpoint first, and time asks for one by itself."""
        asked = self.ctx.control.poll()
        wanted = asked.checkpoint_now
        if asked.stop == "now" and not self._stopping:
            self._stopping = wanted = True
        if self.stages is not None and self._monotonic() - self._saved_at >= CHECKPOINT_EVERY:
            wanted = True
        self._forced = self._forced or wanted or asked.paused
        return Control(paused=asked.paused, stop=asked.stop, lr_factor=asked.lr_factor, checkpoint_now=wanted)

    def on_finding(self, id: str, severity: str, title: str, detail: str = "", data: dict[str, Any] | None = None) -> None:
        """Findings as events; the offending batch of a NaN stop is kept; violations of bounds are listed."""
        title, detail = safe_text(title), safe_text(detail, 600)
        self.findings.append({"id": id, "severity": severity, "title": title, "detail": detail})
        self.ctx.finding(id, severity, title, detail)
        if not data:
            return
        plain = {k: v for k, v in data.items() if isinstance(v, int | float | str | bool)}
        if "layer" in plain or "quantity" in plain:
            self.violations.append(plain)
        arrays = {k: np.asarray(v.detach().cpu() if hasattr(v, "detach") else v) for k, v in data.items() if hasattr(v, "shape")}
        if arrays:
            np.savez(self.ctx.run.arrays_dir / f"finding-{len(self.findings)}-{id}.npz", **arrays)

    def on_histograms(self, step: int, values: dict[str, Any]) -> None:
        """Into the event file of a recorded run; the first population of a job only."""
        if self._file is not None:
            for tag, tensor in values.items():
                self._file.histogram(step, tag, tensor.numpy())

    def on_progress(self, done: int, total: int) -> None:
        """Progress of this call inside its share of the whole job, with a range for the time the whole job still takes."""
        low, high = self.share
        part = low + (high - low) * (done / total if total else 1.0)
        spent = self._monotonic() - self._began
        left = spent * (1.0 - part) / (part - low) if part > low and spent > 0.5 else None
        self.ctx.progress(round(part * 1000), 1000, unit="per mille", note=f"{done} of {total} steps", eta_low=None if left is None else 0.8 * left, eta_high=None if left is None else 1.5 * left)

    def close(self) -> None:
        """Closes the event file."""
        if self._file is not None:
            self._file.close()
