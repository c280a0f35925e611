"""Rank units, drop the lowest, fine-tune, repeat while it costs nothing; against the same small network from scratch (X09-X11)."""

from dataclasses import replace
from typing import Any

import torch

from phasewise.records.errors import UsageError
from phasewise.records.jobs import PruneJob
from phasewise.records.models import ModelConfig
from phasewise.records.results import ModelResult, PruneResult
from phasewise.stats.paired import difference
from phasewise.worker import models
from phasewise.worker import speed as side
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import Stages
from phasewise.worker.trials import Outcome, Trial, run_trials
from phasewise.worker.verdicts import sign

DEFAULTS: dict[str, Any] = {"criterion": "l1", "normaliser": "mean", "step": 0.1, "share": 0.5, "epochs": 3, "lr_factor": 0.3, "tolerance": None}
RANKED_ROWS = 4096


def run(ctx: RunContext, job: PruneJob) -> PruneResult:
    """Stops when the share of units is gone or the score falls by more than the tolerance (default: one standard error)."""
    unknown = sorted(set(job.options) - set(DEFAULTS))
    if unknown:
        raise UsageError(f"unknown option {unknown[0]!r} for pruning", "", f"Valid: {', '.join(DEFAULTS)}.")
    options = DEFAULTS | job.options
    bench = open_bench(job.data, ctx.project, ctx.device)
    folder = models.folder_of(ctx.project, job.model)
    predictor = bench.kind.room("predictor").load(folder)
    if predictor.card.get("type") != "network":
        raise UsageError("only a single network can be pruned", f"{job.model} is of type {predictor.card.get('type')!r}.", "Name a network; with folds train one on a holdout split.")
    config = ModelConfig.model_validate(predictor.card["config"])
    shrinking = bench.kind.room("shrinking")
    if why := shrinking.why_not(config.network):
        raise UsageError("this network cannot be pruned", why, "Train a network of a prunable family, or keep this one.")
    original = models.result_of(ctx.project, bench, job.model)
    module = bench.kind.room("predictor").read_network(folder, predictor.card)
    ctx.started(job.title or f"Pruning {job.model}")
    options_left = {k: v for k, v in config.prepare.items() if k != "auxiliary"}  # its head is gone already (R20)
    config = config.model_copy(update={"network": shrinking.start(config.network, module), "prepare": options_left})
    tolerance = options["tolerance"] if options["tolerance"] is not None else original.validation.se
    units = sum(shrinking.sizes(module))
    rounds, best, stages = _loop(ctx, bench, job, config, module, original.validation.value, tolerance, units, options)
    if best is None:
        return PruneResult(original=original, pruned=original, rounds=rounds, notes=["The first step already cost more than the tolerance: nothing was removed."])
    outcome = best
    pruned = models.save(ctx, bench, outcome, "pruned")
    small = config.model_copy(update={"network": outcome.trial.config.network})
    control = run_trials(ctx, bench, [Trial(id="scratch", config=small, seed=job.seed)], stages=stages, watch=False, share=(0.8, 1.0)).outcomes.get("scratch")
    scratch = models.save(ctx, bench, control, "scratch") if control is not None and control.finite else None
    speed = _speed(bench, original, pruned, predictor, bench.kind.room("predictor").load(ctx.model_dir("pruned")))
    return PruneResult(original=original, pruned=pruned, scratch=scratch, rounds=rounds, speed=speed, notes=[side.sentence(speed, "picture" if bench.kind.id == "images" else "row"), *_notes(bench, ctx, job, pruned, outcome, control)])


def _loop(ctx: RunContext, bench: Bench, job: PruneJob, config: ModelConfig, module: torch.nn.Module, before: float, tolerance: float, units: int, options: dict[str, Any]) -> tuple[list[dict[str, Any]], Outcome | None, Stages]:
    shrinking = bench.kind.room("shrinking")
    stage = bench.stages(config.prepare)[0]
    rows = torch.from_numpy(stage.train[:: max(1, len(stage.train) // RANKED_ROWS)])
    inputs = {name: x.index_select(0, rows.to(x.device)).cpu() for name, x in stage.data.inputs.items()}
    count = max(1, round(options["step"] * units))
    most = max(1, round(options["share"] / options["step"]))
    tuned = config.train.model_copy(update={"epochs": int(options["epochs"]), "lr": config.train.lr * options["lr_factor"], "schedule": "constant", "schedule_options": {}, "patience": None})
    rounds: list[dict[str, Any]] = []
    best: Outcome | None = None
    now, stages = config, Stages(ctx)
    for number in range(1, most + 1):
        drop = shrinking.choose(shrinking.scores(module, options["criterion"], inputs, normaliser=options["normaliser"], seed=job.seed), count)
        if not drop:
            break
        weights, spec = shrinking.remove(module, now.network, drop)
        now = now.model_copy(update={"network": spec, "train": tuned})
        started = replace(bench, start=weights)
        span = (0.8 * (number - 1) / most, 0.8 * number / most)
        outcome = run_trials(ctx, started, [Trial(id=f"round-{number}", config=now, seed=job.seed)], stages=stages, watch=False, share=span).outcomes.get(f"round-{number}")
        if outcome is None or not outcome.finite:
            break
        loss = sign(bench.metric) * (before - outcome.value)
        small = bench.build(spec, stage.info)
        rounds.append({"round": number, "hidden": shrinking.sizes(small), "value": outcome.value, "loss": loss, "removed": {k: len(v) for k, v in drop.items()}, "kept": loss <= tolerance})
        if loss > tolerance or ctx.control.stop is not None:
            break
        best = outcome
        module = small
        module.load_state_dict(outcome.folds[0].member.state)
        module.eval()
    return rounds, best, stages


def _speed(bench: Bench, original: ModelResult, pruned: ModelResult, before: Any, after: Any) -> dict[str, Any]:
    """Parameters and file size before and after, and both models timed side by side (X11)."""
    sizes = {name: {"before": getattr(original, name), "after": getattr(pruned, name)} for name in ("parameters", "size_mb")}
    return {**sizes, **side.side_by_side(before, after, bench.dev.table, bench.splits[0][1])}


def _notes(bench: Bench, ctx: RunContext, job: PruneJob, pruned: ModelResult, outcome: Outcome, control: Outcome | None) -> list[str]:
    """Pruned against the original, and against the same network trained from scratch (1810.05270)."""
    out = [f"{pruned.parameters:,} parameters; the same architecture from scratch is the control."]
    held = models.stored_of(ctx.project, job.model)
    mine = outcome.stored
    if held is not None:
        gap = difference(bench.metric, mine.y, mine.predictions, held.at(mine.rows).predictions, bench.groups(mine.rows))
        out.append(f"Pruned minus original: {gap.value:+.4g} [{gap.low:.4g}, {gap.high:.4g}].")
    if control is not None and control.finite:
        gap = difference(bench.metric, mine.y, mine.predictions, control.stored.at(mine.rows).predictions, bench.groups(mine.rows))
        out.append(f"Pruned minus scratch: {gap.value:+.4g} [{gap.low:.4g}, {gap.high:.4g}]" + ("." if gap.low > 0 else ": pruning is not shown to be better than training the small network at once."))
    return out
