"""Fit one config: seeds and folds are members of one population; best model, diagnosis, watch, cost (T, V02, V07)."""

import math
from dataclasses import replace

from phasewise.engine.trigger import advise_adam
from phasewise.records.errors import RunError
from phasewise.records.jobs import FitJob
from phasewise.records.models import ModelConfig, apply_change
from phasewise.records.results import Diagnosis, FitResult, ModelResult
from phasewise.worker import background, models, series
from phasewise.worker.bench import open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.diagnosing import diagnosis_of, thin
from phasewise.worker.event_files import EventFile
from phasewise.worker.hooks import Stages
from phasewise.worker.trials import Batch, Outcome, Trial, run_trials
from phasewise.worker.verdicts import sign

HISTOGRAM = 100_000
"""Numbers of a layer that go into its histogram."""


def run(ctx: RunContext, job: FitJob) -> FitResult:
    """Trains, saves every seed as a model folder, and reports the best one by the goal's metric on validation."""
    config = job.config
    if job.reuse_lr:
        found = background.finished(ctx.project, "find_lr")
        if found and found[-1][1].get("chosen"):
            config = apply_change(config, {"train.lr": float(found[-1][1]["chosen"])})
    bench = open_bench(job.data, ctx.project, ctx.device)
    names = models.names(job.role if job.role != "train" else "model", job.seeds)
    trials = [Trial(id=name, config=config, seed=seed) for name, seed in zip(names, job.seeds, strict=True)]
    ctx.control.base_lr = config.train.lr
    ctx.started(job.title or "Training", {"trials": len(trials), "folds": len(bench.splits), "rows": bench.training_rows})
    batch = run_trials(ctx, bench, trials, watch=job.watch, record=job.role != "smallest", stages=Stages(ctx))
    results: dict[str, ModelResult] = {}
    by_hand = _steered(batch)
    for name in names:
        outcome = batch.outcomes.get(name)
        if outcome is not None and outcome.finite:
            results[name] = models.save(ctx, bench, outcome, name)
    if not results:
        raise RunError("training broke down", "No member ended with finite predictions.", "Take a lower learning rate (run the finder again) or clip gradients; the findings name step and layer.")
    direction = sign(bench.metric)
    best = max(results, key=lambda n: direction * results[n].validation.value)
    outcome, result = batch.outcomes[best], results[best]
    lead = outcome.folds[0].member
    diagnosis = diagnosis_of(ctx.project, bench, outcome, result.train, result.validation, goal=job.goal, reference=job.reference)
    if job.role != "smallest":
        _recorded(ctx, config, outcome, result)
    return FitResult(
        model=result, members=list(results.values()), curves={k: thin(v) for k, v in lead.curves.items() if any(math.isfinite(x) for x in v)},
        diagnosis=diagnosis, plan=batch.plan, notes=[*_optimiser_advice(ctx, batch, config, len(outcome.folds[0].train_rows), diagnosis), *by_hand, *batch.notes, *series.tell(ctx, result.name, series.look(bench.kind, bench.dev, outcome.stored))],
        steps=lead.steps, epochs=len(lead.curves.get("objective", [])), stopped=outcome.stopped, watch=batch.violations[:200],
        fallbacks=list(dict.fromkeys(batch.fallbacks)), throughput=_throughput(batch, config.train.batch_size),
    )


def _steered(batch: Batch) -> list[str]:
    """Rates set by hand become part of the configs, so that a repeat and an ejected script have them too (T11); a note that says them."""
    if batch.lr_events and len(batch.plans) == 1:  # steps count from the start of one engine call
        change = {"train.schedule_options.keys": [list(event) for event in batch.lr_events]}
        for name, outcome in batch.outcomes.items():
            batch.outcomes[name] = replace(outcome, trial=replace(outcome.trial, config=apply_change(outcome.trial.config, change)))
    configs = [o.trial.config for o in batch.outcomes.values()]
    keys = configs[0].train.schedule_options.get("keys", []) if configs else []
    said = ", ".join(f"times {factor:.3g} from step {step + 1:,} on" for step, factor in keys[:6])
    return [f"The learning rate was set by hand: {said}{' ...' if len(keys) > 6 else ''} (T11)."] if keys else []


def _recorded(ctx: RunContext, config: ModelConfig, outcome: Outcome, result: ModelResult) -> None:
    """Weights, predictions and settings beside the curves for TensorBoard (V06); a full disk costs these files only."""
    lead = outcome.folds[0].member
    held = outcome.stored.predictions
    said = held.values if held.proba is None else held.proba[:, -1]
    settings = {f"{part}.{k}": v if isinstance(v, int | float | str) else str(v) for part, values in config.model_dump().items() if isinstance(values, dict) for k, v in values.items() if v not in (None, {}, [])}
    try:
        file = EventFile(ctx.run.path)
        try:
            for name, tensor in lead.state.items():
                if tensor.numel() and tensor.is_floating_point():
                    file.histogram(lead.steps, f"weights/{name}", tensor.flatten()[:HISTOGRAM].tolist())
            file.histogram(lead.steps, "validation/predictions", [float(v) for v in said[:HISTOGRAM]])
            file.hparams(settings, {f"hparam/{result.validation.metric}": result.validation.value})
        finally:
            file.close()
    except OSError as error:
        ctx.log(f"the event file could not be written: {error}", "warning")


def _optimiser_advice(ctx: RunContext, batch: Batch, config: ModelConfig, rows: int, diagnosis: Diagnosis) -> list[str]:
    """Advice to leave plain SGD, as a finding and a note (T05); nothing where training is fine or another optimiser is in use."""
    epoch, seen = -(-rows // config.train.batch_size), batch.losses
    if config.train.optimizer == "sgd" and ctx.resume_from is not None:
        seen = _whole(ctx)
    points = sum(step <= epoch for step, _ in seen)
    found = advise_adam([loss for _, loss in seen], points, config.train.optimizer, train_error=diagnosis.train_error, goal_error=diagnosis.goal_error)
    if found is None:
        return []
    ctx.finding("try-adam", "warn", "SGD learns slowly here", found.reason + " Find the learning rate again after the change.")
    return [found.reason]


def _whole(ctx: RunContext) -> list[tuple[int, float]]:
    """Step and training loss of the leading member over all attempts: who goes on from a checkpoint does not see the first epoch again."""
    seen: dict[int, float] = {}
    lead: float | None = None
    begun, offset = -1, 0
    while offset > begun:
        begun, (events, offset) = offset, ctx.run.tail(offset)
        for event in events:
            if event.kind == "metrics" and event.series == "train" and {"step", "loss", "member"} <= set(event.columns):
                step, loss, member = (event.columns.index(n) for n in ("step", "loss", "member"))
                for row in event.rows:
                    lead = row[member] if lead is None else lead
                    if row[member] == lead and row[loss] is not None:
                        seen[int(row[step] or 0)] = float(row[loss])
    return sorted(seen.items())


def _throughput(batch: Batch, batch_size: int) -> float | None:
    """Training rows per second over all members."""
    spent = sum(o.seconds for o in batch.outcomes.values())
    return batch.steps * batch_size / spent if spent > 0 else None
