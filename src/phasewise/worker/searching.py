"""How a search goes through its trials: at random, learned from generation to generation, one setting after another, or by moving units between layers (T19-T22, R17)."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from phasewise.engine import Halving
from phasewise.engine import halving as rungs
from phasewise.engine.evaluate import signed
from phasewise.records.jobs import SearchJob
from phasewise.stats.scores import score
from phasewise.worker import sampling
from phasewise.worker.bench import Bench
from phasewise.worker.comparing import changed
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import Stages
from phasewise.worker.trials import Batch, Outcome, Trial, run_trials
from phasewise.worker.verdicts import sign

Changes = dict[str, dict[str, Any]]
"""Trial id to its diff against the start config."""


def searched(ctx: RunContext, bench: Bench, job: SearchJob) -> tuple[Changes, Batch, list[int]]:
    """All trials of a search in its mode, the start config is trial 0; with them the sizes of its generations where there are several."""
    run = _Run(ctx, bench, job)
    if job.mode == "sequential":
        run.one_after_another()
        return run.changes, run.whole, []
    if job.mode == "layers":
        run.train([{}, *sampling.layer_changes(job.config, job.trials - 1, job.seed)])
        return run.changes, run.whole, []
    parts = rungs.generations(job.trials) if job.mode == "learned" else [job.trials]
    run.generations(parts)
    return run.changes, run.whole, parts if len(parts) > 1 else []


def objective(outcome: Outcome, which: str) -> float:
    """Validation value (step 4), or the value on training rows (step 3 of the ladder)."""
    if which == "validation":
        return outcome.value
    parts = [(f.train_rows, f.train) for f in outcome.folds if f.train is not None]
    return float(np.mean([score(outcome.metric, outcome.y[rows], p) for rows, p in parts])) if parts and outcome.finite else math.nan


class _Run:
    """Trials so far and their outcomes; every call of the engine is a stage of its own, so that a stopped search goes on where it was."""

    def __init__(self, ctx: RunContext, bench: Bench, job: SearchJob) -> None:
        self.ctx, self.bench, self.job, self.stages = ctx, bench, job, Stages(ctx)
        self.changes: Changes = {}
        self.whole = Batch(outcomes={})

    def generations(self, sizes: Sequence[int]) -> None:
        """The first generation at random, every other proposed from what those before it reached, with halving in each (T22)."""
        space = sampling.translated(self.job.space, self.job.config)
        size, *later = sizes
        cube = sampling.random_cube(space, size - 1, self.job.seed)
        self.train([{}, *sampling.changes_at(space, self.job.config, cube)], rungs.opening if later else rungs.even)
        for number, size in enumerate(later):
            if self.ctx.control.stop is not None:
                return
            self.ctx.log(f"{size} trials are proposed from what the {len(self.changes)} before them reached")
            fresh = sampling.learned_cube(space, cube, rungs.ranked(self.reached()[1:]), size, self.job.seed + number)
            self.train(sampling.changes_at(space, self.job.config, fresh), rungs.following)
            cube = np.concatenate([cube, fresh])

    def one_after_another(self) -> None:
        """One setting after another, the best value kept each time."""
        direction, best = sign(self.bench.metric), "t0"
        self.train([{}])
        each = max(1, (self.job.trials - 1) // len(self.job.space))
        for path in self.job.space:
            room = min(each, self.job.trials - len(self.changes))
            if room < 1 or self.ctx.control.stop is not None:
                break
            self.train(sampling.coordinate_changes(self.job.space, path, self.job.config, self.changes[best], room))
            values = {t: objective(o, self.job.objective) for t, o in self.whole.outcomes.items()}
            finite = {t: v for t, v in values.items() if math.isfinite(v)}
            best = max(finite, key=lambda t: direction * finite[t], default="t0")

    def train(self, drawn: Sequence[Mapping[str, Any]], rule: Callable[..., Halving] = rungs.even) -> None:
        """Some more trials as one batch, numbered on; `rule` says how they are halved."""
        done, job = len(self.changes), self.job
        fresh = {f"t{done + i}": dict(change) for i, change in enumerate(drawn)}
        self.changes |= fresh
        epochs = job.config.train.epochs
        halving = (lambda some, folds: _halving(some, folds, epochs, rule)) if job.halving and job.mode != "sequential" else None
        batch = run_trials(
            self.ctx, self.bench, [Trial(id=t, config=changed(job.config, c), seed=job.seed) for t, c in fresh.items()], halving=halving, stages=self.stages,
            watch=False, series="population", share=(done / job.trials, min(1.0, (done + len(fresh)) / job.trials)),
        )
        self.whole.outcomes |= batch.outcomes
        self.whole.plans += batch.plans
        self.whole.fallbacks += batch.fallbacks
        self.whole.rungs += batch.rungs

    def reached(self) -> list[list[float]]:
        """What each trial reached rung after rung and at its end, smaller is better (`rungs.ranked`)."""
        direction = sign(self.bench.metric)
        marks = sorted({int(r["epoch"]) for r in self.whole.rungs})
        out = []
        for name in self.changes:
            outcome = self.whole.outcomes.get(name)
            if outcome is None:
                out.append([])
                continue
            curves = [f.member.curves.get("objective", []) for f in outcome.folds]
            length = min(map(len, curves))
            values = [float(np.mean([signed(self.bench.objective, c[r - 1]) for c in curves])) for r in marks if r <= length]
            out.append([*values, *([] if outcome.stopped == "halved" else [-direction * objective(outcome, self.job.objective)])])
        return out


def _halving(trials: Sequence[Trial], folds: int, epochs: int, rule: Callable[..., Halving]) -> Halving | None:
    """What the rule says of these trials; the folds of a trial are kept or dropped together."""
    groups = {f"{t.id}.f{k}": t.id for t in trials for k in range(folds)} if folds > 1 else {}
    if len(trials) < 4 or epochs < 3:
        return None
    return rule(len(trials), epochs, group=groups)
