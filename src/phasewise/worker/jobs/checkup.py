"""Network check-up: cheapest stage first, then the subset that already learns, then the smallest network (B01-B05, B08, V01)."""

import time
from dataclasses import replace

import numpy as np
import torch

from phasewise.engine import checkup
from phasewise.engine.checkup import stages
from phasewise.records.jobs import CheckupJob
from phasewise.records.models import ModelConfig
from phasewise.records.results import CheckupResult
from phasewise.records.results.baseline import StageTime
from phasewise.stats.intervals import judged
from phasewise.worker import background, models
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import EngineHooks
from phasewise.worker.trials import Trial, run_trials
from phasewise.worker.verdicts import sign

FIRST = 256
LOOKED = 1000
"""Validation pictures that tell whether a network beats a constant: a look at 12,000 costs more than the epoch before it."""
VISITS = 20_000
"""Pictures seen in one try of the subset search, counted with repetition."""


def subset_rows(y: np.ndarray, rows: np.ndarray, count: int, task: str, seed: int = 0) -> np.ndarray:
    """A stratified subset of training rows: every class (or rank band of the target) keeps its share (B02)."""
    if count >= len(rows):
        return rows
    rng = np.random.default_rng(seed)
    values = y[rows].astype(float)
    order = np.lexsort((rng.random(len(rows)), values))
    picks = np.unique(np.linspace(0, len(rows) - 1, count).round().astype(int))
    return np.sort(rows[order[picks]])


def _learns(bench: Bench, outcome_value: float, trivial: float, se: float, curve: list[float]) -> bool:
    """Beats the constant predictor by 2 SE, and the training loss fell by half from its first epoch (B02)."""
    better = sign(bench.metric) * (outcome_value - trivial) > 2 * se
    return better and len(curve) > 1 and curve[-1] < 0.5 * curve[0] or better and len(curve) <= 1


def _sampled(bench: Bench) -> Bench:
    """The bench with a stratified sample of its validation pictures."""
    dev = bench.dev
    if bench.kind.id != "images" or dev.folds is not None or len(dev.validation) <= LOOKED:
        return bench
    return replace(bench, dev=replace(dev, validation=subset_rows(np.asarray(dev.y), np.asarray(dev.validation), LOOKED, bench.task)), _stages={})


def _tries(bench: Bench, job: CheckupJob, count: int) -> ModelConfig:
    """The job's config for a try on `count` rows: enough epochs to see whether it learns; pictures cost a thousand times a table's row."""
    pictures = bench.kind.id == "images"
    epochs = max(4, min(20, VISITS // count)) if pictures else max(10, min(60, VISITS // count))
    train = job.config.train.model_copy(update={"epochs": epochs, "patience": None, "batch_size": min(32 if pictures else 64, job.config.train.batch_size)})
    return job.config.model_copy(update={"train": train})


def find_subset(ctx: RunContext, bench: Bench, job: CheckupJob) -> tuple[int | None, list[str]]:
    """The smallest of n0 = 256, 512, ... rows on which the network learns; None when none below the full set does."""
    bench = _sampled(bench)
    y = np.asarray(bench.dev.y)
    train, validation = bench.splits[0]
    held = background.constant(y[train], bench.task, tuple(bench.dev.classes), len(validation))
    trivial = judged(bench.metric, y[validation], held)
    notes: list[str] = []
    count = job.subset or FIRST
    while count < len(train):
        rows = subset_rows(y, train, count, bench.task, job.seed)
        batch = run_trials(ctx, bench, [Trial(id=f"subset-{count}", config=_tries(bench, job, count), seed=job.seed, rows=rows)], watch=False, series="watch", share=(0.4, 0.6))
        outcome = batch.outcomes.get(f"subset-{count}")
        if outcome is None or ctx.control.stop is not None:
            return None, notes
        value = outcome.validation_score(bench) if outcome.finite else None
        if value is not None and _learns(bench, value.value, trivial.value, max(value.se, trivial.se), outcome.folds[0].member.curves.get("train_eval_loss", [])):
            return count, notes
        notes.append(f"{count} rows: {bench.metric} {value.value:.4g}, constant {trivial.value:.4g}" if value else f"{count} rows: not finite")
        if job.subset:
            return None, notes
        count *= 2
    return None, notes


def run(ctx: RunContext, job: CheckupJob) -> CheckupResult | None:
    """Later stages stay locked while an earlier one is red; None after a stop."""
    bench = open_bench(job.data, ctx.project, ctx.device)
    stage = bench.stages(job.config.prepare)[0]
    ctx.started(job.title or "Network check-up")
    hooks = EngineHooks(ctx, series="watch", share=(0.0, 0.4))
    verdicts, shapes = checkup.run(job.config, stage.data, stage.info, bench.build, hooks, rows=torch.from_numpy(stage.train))
    if ctx.control.stop is not None:
        return None
    with torch.random.fork_rng(devices=[]):
        parameters = sum(p.numel() for p in bench.build(job.config.network, stage.info).parameters())
    for v in verdicts:
        if v.verdict == "fail":
            ctx.finding(f"checkup-{v.id}", "block", v.title or v.id, v.detail)
    red = [v.id for v in verdicts if v.verdict == "fail"]
    common = {"verdicts": verdicts, "shapes": list(shapes), "parameters": int(parameters)}
    spent = stages.times(verdicts)
    for s in spent:
        ctx.log(f"stage {s.stage}: {s.checks} check{'' if s.checks == 1 else 's'}, {_seconds(s.seconds)}, {s.state}")
    if red:
        return CheckupResult(**common, stages=spent, locked=[*stages.locked(verdicts), "subset", "smallest"])
    began = time.perf_counter()
    subset, notes = find_subset(ctx, bench, job)
    spent.append(_ran(ctx, "subset", began, len(notes) + (subset is not None), subset is not None))
    for note in notes:
        ctx.log(f"subset: {note}")
    if ctx.control.stop is not None:
        return None
    began = time.perf_counter()
    batch = run_trials(ctx, bench, [Trial(id="smallest", config=job.config, seed=job.seed)], watch=True, share=(0.6, 1.0))
    outcome = batch.outcomes.get("smallest")
    if ctx.control.stop is not None:
        return None
    smallest = models.save(ctx, bench, outcome, "smallest") if outcome is not None and outcome.finite else None
    spent.append(_ran(ctx, "smallest", began, 1, smallest is not None))
    return CheckupResult(**common, stages=spent, subset=subset, locked=[] if smallest else ["smallest"], smallest=smallest)


def _seconds(value: float) -> str:
    return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"


def _ran(ctx: RunContext, stage: str, began: float, runs: int, learns: bool) -> StageTime:
    found = StageTime(stage=stage, checks=runs, seconds=time.perf_counter() - began, state="green" if learns else "open")
    ctx.log(f"stage {stage}: {runs} run{'' if runs == 1 else 's'}, {_seconds(found.seconds)}" + ("" if learns else ", nothing learned yet"))
    return found
