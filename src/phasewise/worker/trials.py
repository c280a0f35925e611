"""Trials on a bench: configs, seeds and folds become one population wherever the data allow it (I11), and come back as outcomes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from phasewise import engine
from phasewise.engine import Halving, InputInfo, Member, MemberResult
from phasewise.records.base import fingerprint
from phasewise.records.models import ModelConfig
from phasewise.records.results import Score
from phasewise.stats.intervals import judged
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import joined, score
from phasewise.worker import streaming
from phasewise.worker.arrays import Stored
from phasewise.worker.bench import Bench, Stage, joint_data, joint_info
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import EngineHooks, Stages
from phasewise.worker.thresholds import crossfitted, decided


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """A config and a seed; `rows` limits the training rows (numbers of the development table)."""

    id: str
    config: ModelConfig
    seed: int = 0
    rows: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class FoldOutcome:
    """One trained member on one fold."""

    stage: Stage
    info: InputInfo
    member: MemberResult
    validation: Predictions
    train: Predictions | None
    train_rows: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a trial: one fold outcome, or K of them pooled."""

    trial: Trial
    folds: list[FoldOutcome]
    metric: str
    y: np.ndarray = field(repr=False)

    @property
    def stopped(self) -> str:
        """The worst end among the folds: `diverged`, `halved`, `asked`, `early`, `done`."""
        ends = {f.member.stopped for f in self.folds}
        return next((e for e in ("diverged", "halved", "asked", "early") if e in ends), "done")

    @property
    def finite(self) -> bool:
        """Whether all predictions are finite numbers."""
        return all(np.isfinite(f.validation.proba if f.validation.proba is not None else f.validation.values).all() for f in self.folds)

    @property
    def stored(self) -> Stored:
        """Predictions on validation rows, out of fold where there are folds."""
        rows = np.concatenate([f.stage.validation for f in self.folds])
        return Stored(rows=rows, y=self.y[rows], predictions=joined([f.validation for f in self.folds]))

    @property
    def value(self) -> float:
        """The goal's metric on the pooled validation rows; nan when broken."""
        if not self.finite or not len(self.stored.rows):
            return math.nan
        held = self.stored
        return score(self.metric, held.y, crossfitted(self.metric, held.y, held.predictions))

    @property
    def seconds(self) -> float:
        """Training time, all folds."""
        return sum(f.member.seconds for f in self.folds)

    def decided(self, bench: Bench) -> tuple[Score, float | None]:
        """Pooled value with interval and the value of each fold; and the decision threshold, where the metric depends on one."""
        held = self.stored
        found, threshold = decided(self.metric, held.y, held.predictions, bench.groups(held.rows))
        if len(self.folds) == 1:
            return found, threshold
        each = [score(self.metric, self.y[f.stage.validation], f.validation, threshold=threshold) for f in self.folds]
        return found.model_copy(update={"folds": [float(v) for v in each if math.isfinite(v)], "method": f"{found.method} on out-of-fold rows"}), threshold

    def validation_score(self, bench: Bench) -> Score:
        """The score of `decided`."""
        return self.decided(bench)[0]

    def train_score(self, bench: Bench, threshold: float | None = None) -> Score | None:
        """The same on training rows in evaluation mode; with folds every row counts once however often it was used."""
        parts = [(f.train_rows, f.train) for f in self.folds if f.train is not None]
        if not parts:
            return None
        rows, predictions = np.concatenate([r for r, _ in parts]), joined([p for _, p in parts])
        groups = bench.groups(rows) if len(parts) == 1 or bench.dev.groups is not None else rows
        found = judged(self.metric, self.y[rows], predictions, groups, threshold=threshold)
        return found.model_copy(update={"n": len(np.unique(rows))})


@dataclass(kw_only=True)
class Batch:
    """All outcomes of a call, with plans, fallbacks, findings and what halving did."""

    outcomes: dict[str, Outcome]
    plans: list[dict[str, Any]] = field(default_factory=list)
    fallbacks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    violations: list[dict[str, Any]] = field(default_factory=list)
    rungs: list[dict[str, Any]] = field(default_factory=list)
    lr_events: list[tuple[int, float]] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)
    """Step and training loss of the first call's leading member, as far as reported."""
    steps: int = 0

    @property
    def plan(self) -> dict[str, Any]:
        """The plan of the largest population."""
        return max(self.plans, key=lambda p: p.get("members", 0)) if self.plans else {}


@dataclass(frozen=True, kw_only=True)
class _Call:
    """One engine call: trials that share prepared data."""

    trials: list[Trial]
    stages: list[Stage]
    streams: bool = False
    """All training rows of the one stage stream from disk."""


def _calls(bench: Bench, trials: Sequence[Trial]) -> list[_Call]:
    by_options: dict[str, list[Trial]] = {}
    for t in trials:
        by_options.setdefault(fingerprint(t.config.prepare), []).append(t)
    calls = []
    for group in by_options.values():
        stages = bench.stages(group[0].config.prepare)
        flowing = [t for t in group if t.rows is None and bench.streams(t.config)]
        if flowing:
            calls += [_Call(trials=flowing, stages=[s], streams=True) for s in stages]
            group = [t for t in group if not any(t is f for f in flowing)]
        joint = [t for t in group if bench.joinable(stages, t.config.network)]
        apart = [t for t in group if not any(t is j for j in joint)]
        if joint:
            calls.append(_Call(trials=joint, stages=stages))
        if apart:
            calls += [_Call(trials=apart, stages=[s]) for s in stages]
    return calls


def run_trials(
    ctx: RunContext, bench: Bench, trials: Sequence[Trial], *, halving: Callable[[list[Trial], int], Halving | None] | None = None, watch: bool = True,
    record: bool = False, stages: Stages | None = None, series: str = "train", objective: str | None = None, share: tuple[float, float] = (0.0, 1.0),
) -> Batch:
    """Trains all trials; members are `<trial>` or `<trial>.f<fold>`.

    `halving(trials, folds)` gives the rungs of one call (its groups keep the folds of a trial together). A stop by the person
    ends the present call with what it has and skips the calls after it.
    """
    calls = _calls(bench, trials)
    parts: dict[str, list[FoldOutcome]] = {t.id: [] for t in trials}
    batch = Batch(outcomes={})
    low, high = share
    for number, call in enumerate(calls):
        if number and ctx.control.stop is not None:
            break
        joined_call = len(call.stages) > 1
        data = streaming.of(ctx, bench, call.stages[0]) if call.streams else joint_data(call.stages)
        info = joint_info(call.stages)
        rows = call.stages[0].data.rows
        members = [_member(t, s, rows * i, bench) for t in call.trials for i, s in enumerate(call.stages)]
        key = fingerprint([m.id for m in members] + [t.config.model_dump() for t in call.trials] + [t.seed for t in call.trials])
        span = (low + (high - low) * number / len(calls), low + (high - low) * (number + 1) / len(calls))
        hooks = EngineHooks(ctx, series=series, key=key, stages=stages, share=span, record=record)
        resume = stages.next(key) if stages is not None else None
        if resume is not None:
            ctx.control.lr_factor = float(resume.meta.get("factor", 1.0))  # a rate set by hand outlives the process it was set in
        try:
            result = engine.fit(
                members, data, info, bench.build, hooks, device=bench.device, watch=watch, objective=objective or bench.objective,
                halving=halving(call.trials, len(call.stages)) if halving else None, resume=resume,
            )
        finally:
            hooks.close()
        place = {_member_id(t, s, joined_call or len(bench.splits) > 1): (t, s) for t in call.trials for s in call.stages}
        for member in result.members:
            trial, stage = place[member.id]
            parts[trial.id].append(_outcome(bench, trial, stage, info if joined_call else stage.info, member))
        batch.plans.append({**result.plan, "members": len(members)})
        for fallback in result.fallbacks:
            if fallback not in batch.fallbacks:
                ctx.log(fallback, "warning")
        batch.fallbacks += result.fallbacks
        batch.notes += [n for n in (*result.notes, *streaming.notes(ctx, bench, call.trials, result.plan)) if n not in batch.notes]
        batch.violations += hooks.violations
        batch.losses = batch.losses or hooks.losses
        batch.rungs += result.rungs
        batch.lr_events += result.lr_events
        batch.steps += sum(m.steps for m in result.members)
    y = np.asarray(bench.dev.y)
    for t in trials:
        if parts[t.id]:
            batch.outcomes[t.id] = Outcome(trial=t, folds=sorted(parts[t.id], key=lambda f: f.stage.fold), metric=bench.metric, y=y)
    return batch


def _member_id(trial: Trial, stage: Stage, folded: bool) -> str:
    return f"{trial.id}.f{stage.fold}" if folded else trial.id


def _train_rows(trial: Trial, stage: Stage) -> np.ndarray:
    return stage.train if trial.rows is None else np.intersect1d(stage.train, trial.rows)


def _member(trial: Trial, stage: Stage, offset: int, bench: Bench) -> Member:
    return Member(
        id=_member_id(trial, stage, len(bench.splits) > 1), config=trial.config, seed=trial.seed,
        train=torch.from_numpy(_train_rows(trial, stage).astype(np.int64) + offset), validation=torch.from_numpy(stage.validation.astype(np.int64) + offset),
    )


def _outcome(bench: Bench, trial: Trial, stage: Stage, info: InputInfo, member: MemberResult) -> FoldOutcome:
    batches = bench.kind.room("batches")
    return FoldOutcome(
        stage=stage, info=info, member=member, validation=batches.predictions(member.outputs, stage.preparing),
        train=None if member.train_outputs is None else batches.predictions(member.train_outputs, stage.preparing), train_rows=_train_rows(trial, stage),
    )
