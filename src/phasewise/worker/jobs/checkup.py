"""Network check-up: cheapest stage first, then the subset that already learns, then the smallest network (B01-B05, B08, V01)."""

import numpy as np
import torch

from phasewise.engine import checkup
from phasewise.engine.checkup import stages
from phasewise.records.jobs import CheckupJob
from phasewise.records.results import CheckupResult
from phasewise.stats.intervals import judged
from phasewise.worker import background, models
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import EngineHooks
from phasewise.worker.trials import Trial, run_trials
from phasewise.worker.verdicts import sign

FIRST = 256
LOOKED = 2000
"""Validation pictures up to which looking at all of them every epoch costs little beside training."""


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


def find_subset(ctx: RunContext, bench: Bench, job: CheckupJob) -> tuple[int | None, list[str]]:
    """The smallest of n0 = 256, 512, ... rows on which the network learns; None when none below the full set does."""
    y = np.asarray(bench.dev.y)
    train, validation = bench.splits[0]
    held = background.constant(y[train], bench.task, tuple(bench.dev.classes), len(validation))
    trivial = judged(bench.metric, y[validation], held)
    notes: list[str] = []
    count = job.subset or FIRST
    while count < len(train):
        rows = subset_rows(y, train, count, bench.task, job.seed)
        epochs = max(10, min(60, 200_000 // max(count, 1) // 10))
        if bench.kind.id == "images" and len(validation) > LOOKED:  # every epoch looks at all validation pictures: fewer epochs, more steps in each
            epochs = max(10, epochs * LOOKED // len(validation))
        config = job.config.model_copy(update={"train": job.config.train.model_copy(update={"epochs": epochs, "patience": None, "batch_size": min(32 if bench.kind.id == "images" else 64, job.config.train.batch_size)})})
        batch = run_trials(ctx, bench, [Trial(id=f"subset-{count}", config=config, seed=job.seed, rows=rows)], watch=False, series="watch", share=(0.4, 0.6))
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
    if red:
        return CheckupResult(**common, locked=[*stages.locked(verdicts), "subset", "smallest"])
    subset, notes = find_subset(ctx, bench, job)
    for note in notes:
        ctx.log(f"subset: {note}")
    if ctx.control.stop is not None:
        return None
    batch = run_trials(ctx, bench, [Trial(id="smallest", config=job.config, seed=job.seed)], watch=True, share=(0.6, 1.0))
    outcome = batch.outcomes.get("smallest")
    if ctx.control.stop is not None:
        return None
    smallest = models.save(ctx, bench, outcome, "smallest") if outcome is not None and outcome.finite else None
    return CheckupResult(**common, subset=subset, locked=[] if smallest else ["smallest"], smallest=smallest)
