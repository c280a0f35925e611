"""LR finder: several sweeps as one population, all suggestions, our own rule chosen (T01-T03)."""

import torch

from phasewise import engine
from phasewise.engine.suggest import own_rule, suggest, trimmed
from phasewise.records.jobs import FindLrJob
from phasewise.records.results import FinderResult, Suggestion
from phasewise.worker.bench import open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import EngineHooks

FALLBACKS = ("valley", "slide", "steep", "minimum")


def run(ctx: RunContext, job: FindLrJob) -> FinderResult:
    """The finder on the first fold's training rows; leaves no trace in any later training."""
    bench = open_bench(job.data, ctx.project, ctx.device)
    stage = bench.stages(job.config.prepare)[0]
    ctx.started(job.title or "Learning-rate finder")
    hooks = EngineHooks(ctx, series="finder")
    curve = engine.find_lr(
        job.config, stage.data, stage.info, bench.build, hooks, sweeps=job.sweeps, lo=job.lo, hi=job.hi, points=job.points,
        rows=torch.from_numpy(stage.train),
    )
    found, rule = suggest(curve), own_rule(curve)
    suggestions = [Suggestion(name=name, lr=lr, note=rule.why if name == "phasewise" else "") for name, lr in found.items()]
    chosen = found["phasewise"] or next((found[n] for n in FALLBACKS if found[n]), None)
    start, stop = trimmed(len(curve.lrs))
    if found["phasewise"] is None:
        ctx.finding("finder-unsure", "warn", "The finder's own rule has no answer", rule.why or "The curve never falls clearly.")
    ctx.metrics("finder", ["step", "lr", "loss", "smooth", "low", "high"], [
        [float(i), lr, a, b, lo, hi] for i, (lr, a, b, lo, hi) in enumerate(zip(curve.lrs, curve.losses, curve.smooth, curve.low, curve.high, strict=True))
    ])
    return FinderResult(
        lrs=curve.lrs, losses=curve.losses, smooth=curve.smooth, low=curve.low, high=curve.high, sweeps=job.sweeps, suggestions=suggestions, chosen=chosen,
        skip_start=start, skip_end=len(curve.lrs) - stop, stopped=curve.stopped, optimizer=job.config.train.optimizer,
    )
