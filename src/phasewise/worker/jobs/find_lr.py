"""LR finder: several sweeps as one population, all suggestions, our own rule chosen (T01-T03)."""

import math

import torch

from phasewise import engine
from phasewise.engine.checkup.case import Case, copied, quiet
from phasewise.engine.suggest import cycle_bounds, own_rule, suggest, trimmed
from phasewise.engine.watch_probe import stability
from phasewise.records.jobs import FindLrJob
from phasewise.records.rates import rate_in_force
from phasewise.records.results import FinderResult, Suggestion
from phasewise.worker import streaming
from phasewise.worker.bench import Bench, Stage, open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.effort import Effort, effort
from phasewise.worker.hooks import EngineHooks
from phasewise.worker.racing import raced

PROBE_BATCHES = 20
LARGE_PICTURE = 3 * 48 * 48
"""Numbers of a picture from which on a step takes long: five sweeps on photographs of 128 pixels took longer than the training they were for."""
SWEEPS_SHARE, FINDER_SHARE = 0.4, 0.75
"""Of the job's progress that belongs to the sweeps, and to them and the race; the rest is the probe's."""
FALLBACKS = ("valley", "slide", "steep", "minimum")


class _AskedError(Exception):
    """The person stopped the run: the curve is kept, the probe is left out."""


def run(ctx: RunContext, job: FindLrJob) -> FinderResult:
    """The finder on the first fold's training rows; leaves no trace in any later training."""
    bench = open_bench(job.data, ctx.project, ctx.device)
    stage = bench.stages(job.config.prepare)[0]
    ctx.started(job.title or "Learning-rate finder")
    large = sum(x[0].numel() for x in stage.data.inputs.values()) > LARGE_PICTURE and bench.kind.id == "images"
    cost = effort(job, rows=len(stage.train), pictures=bench.kind.id == "images", large=large)
    racing = job.usual is None and not large
    hooks = EngineHooks(ctx, series="finder", share=(0.0, SWEEPS_SHARE if racing else FINDER_SHARE))
    curve = engine.find_lr(
        job.config, stage.data, stage.info, bench.build, hooks, sweeps=cost.sweeps, lo=job.lo, hi=job.hi, points=cost.points,
        rows=torch.from_numpy(stage.train),
    )
    found, rule = suggest(curve), own_rule(curve)
    suggestions = [Suggestion(name=name, lr=lr, note=rule.why if name == "phasewise" else "") for name, lr in found.items()]
    chosen = found["phasewise"] or next((found[n] for n in FALLBACKS if found[n]), None)
    if racing and chosen is not None and ctx.control.stop is None:
        won = raced(ctx, job, stage, bench, chosen, (SWEEPS_SHARE, FINDER_SHARE))
        if won is not None:
            suggestions.append(won)
            chosen = won.lr or chosen
    start, stop = trimmed(len(curve.lrs))
    if found["phasewise"] is None:
        ctx.finding("finder-unsure", "warn", "The finder's own rule has no answer", rule.why or "The curve never falls clearly.")
    notes = _stability(ctx, job, stage, bench, None if chosen is None else rate_in_force(chosen, job.usual), cost)
    notes += [cost.note] if cost.note else []
    notes += streaming.sampled(bench.dev, "the sweeps use them")
    cycle = list(cycle_bounds(curve) or ())
    if job.config.train.schedule == "cyclic" and cycle:
        notes.append(f"The cyclic rate goes from {cycle[0]:.2g} to {cycle[1]:.2g}: where the curve falls (T16).")
    ctx.metrics("finder", ["step", "lr", "loss", "smooth", "low", "high"], [
        [float(i), lr, a, b, lo, hi] for i, (lr, a, b, lo, hi) in enumerate(zip(curve.lrs, curve.losses, curve.smooth, curve.low, curve.high, strict=True))
    ])
    return FinderResult(
        lrs=curve.lrs, losses=curve.losses, smooth=curve.smooth, low=curve.low, high=curve.high, sweeps=cost.sweeps, suggestions=suggestions, chosen=chosen, cycle=cycle,
        skip_start=start, skip_end=len(curve.lrs) - stop, stopped=curve.stopped, optimizer=job.config.train.optimizer, notes=notes,
    )


def _stability(ctx: RunContext, job: FindLrJob, stage: Stage, bench: Bench, lr: float | None, cost: Effort) -> list[str]:
    """After a short warm-up at the rate training will take: how much a 20 % other rate moves the loss (V15)."""
    if lr is None or ctx.control.stop is not None or not cost.probe:
        return []
    case = Case(config=job.config, data=stage.data, info=stage.info, build=bench.build, rows=torch.from_numpy(stage.train), seed=job.seed)
    count = min(max(2, job.config.train.batch_size), len(stage.train))  # batch norm needs two rows, as in training
    places = range(0, max(1, len(stage.train) - count + 1), count)[:PROBE_BATCHES]
    with quiet():
        module = case.fresh()
        optimizer = case.optimiser(module, lr=lr)
        batches = [case.batch(count, skip=at) for at in places]

        total, done = cost.warm + 3 * cost.probe, 0

        def loss(network: torch.nn.Module, batch: object) -> torch.Tensor:
            nonlocal done
            done += 1
            if done % 10 == 0:
                ctx.progress(round(1000 * (FINDER_SHARE + (1 - FINDER_SHARE) * min(done / total, 1.0))), 1000, unit="per mille", note="stability")
                if ctx.control.poll().stop is not None:
                    raise _AskedError
            inputs, y = batch  # type: ignore[misc]
            return case.loss_of(network(copied(inputs)), y)

        module.train()
        try:
            for step in range(cost.warm):
                optimizer.zero_grad(set_to_none=True)
                loss(module, batches[step % len(batches)]).backward()
                optimizer.step()
            found = stability(module, optimizer, loss, batches, steps=cost.probe)
        except _AskedError:
            return []
    moved = f"moves the loss by {found.sensitivity:.0%}" if math.isfinite(found.sensitivity) else "makes the loss break down"
    text = f"A rate 20 % higher or lower than {lr:.2g} {moved} within {cost.probe} steps"
    if found.unstable:
        ctx.finding("rate-unstable", "warn", "Training is unstable at this learning rate", f"{text}; over 25 % means: take a lower one (V15).")
        return [f"{text}: unstable, take a lower one."]
    return [f"{text}: stable."]
