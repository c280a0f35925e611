"""Random search with successive halving inside one population, or one coordinate after another; the luck of choosing is said (T19-T22, E04)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from phasewise.engine import Halving
from phasewise.engine.halving import even
from phasewise.kinds.registry import kind
from phasewise.records.errors import UsageError
from phasewise.records.jobs import SearchJob
from phasewise.records.results import SearchResult, TrialResult
from phasewise.stats.optimism import candidate_correlation, correlated
from phasewise.stats.scores import row_losses, score
from phasewise.worker import models
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.comparing import changed, resolved
from phasewise.worker.context import RunContext
from phasewise.worker.diagnosing import diagnosis_of
from phasewise.worker.hooks import Stages
from phasewise.worker.sampling import coordinate_changes, random_changes
from phasewise.worker.trials import Batch, Outcome, Trial, run_trials
from phasewise.worker.verdicts import sign


def run(ctx: RunContext, job: SearchJob) -> SearchResult | None:
    """Trials share seed and folds, so that they differ by their settings only; the start config is trial 0. None after a stop: the run can be resumed."""
    if not job.space or job.trials < 2:
        raise UsageError("there is nothing to search", f"{len(job.space)} settings, {job.trials} trials.", "Name at least one setting and two trials.")
    job = job.model_copy(update={"config": resolved(kind(job.data.kind), job.config)})
    bench = open_bench(job.data, ctx.project, ctx.device)
    ctx.started(job.title or "Search", {"trials": job.trials, "halving": job.halving, "mode": job.mode})
    changes, batch = _sequential(ctx, bench, job) if job.mode == "sequential" else _random(ctx, bench, job)
    if ctx.control.stop is not None:
        return None
    direction = sign(bench.metric)
    values = {t: objective(batch.outcomes[t], job.objective) for t in changes if t in batch.outcomes}
    ranked = {t: v for t, v in values.items() if math.isfinite(v) and batch.outcomes[t].stopped not in ("halved", "diverged")}
    trials = [_trial(t, change, batch.outcomes.get(t), values.get(t)) for t, change in changes.items()]
    evaluations = len(values)
    if not ranked:
        return SearchResult(trials=trials, best=None, evaluations=evaluations)
    best = max(ranked, key=lambda t: direction * ranked[t])
    outcome = batch.outcomes[best]
    result = models.save(ctx, bench, outcome, "best")
    return SearchResult(
        trials=trials, best=result, best_change=changes[best], best_config=outcome.trial.config.model_dump(mode="json"), rung_correlation=_agreement(batch),
        evaluations=evaluations, optimism=_luck(bench, batch, list(ranked), result.validation.se, evaluations), diagnosis=diagnosis_of(ctx.project, bench, outcome, result.train, result.validation),
        plan=batch.plan, fallbacks=list(dict.fromkeys(batch.fallbacks)),
    )


def objective(outcome: Outcome, which: str) -> float:
    """Validation value (step 4), or the value on training rows (step 3 of the ladder)."""
    if which == "validation":
        return outcome.value
    parts = [(f.train_rows, f.train) for f in outcome.folds if f.train is not None]
    return float(np.mean([score(outcome.metric, outcome.y[rows], p) for rows, p in parts])) if parts and outcome.finite else math.nan


def _random(ctx: RunContext, bench: Bench, job: SearchJob) -> tuple[dict[str, dict[str, Any]], Batch]:
    drawn = random_changes(job.space, job.config, job.trials, job.seed)
    changes = {f"t{i}": change for i, change in enumerate(drawn)}
    trials = [Trial(id=t, config=changed(job.config, c), seed=job.seed) for t, c in changes.items()]
    epochs = job.config.train.epochs
    halving = (lambda part, folds: _halving(part, folds, epochs)) if job.halving else None
    return changes, run_trials(ctx, bench, trials, halving=halving, stages=Stages(ctx), watch=False, series="population")


def _halving(trials: Sequence[Trial], folds: int, epochs: int) -> Halving | None:
    """Thirds at epochs/9 and epochs/3; the folds of a trial are kept or dropped together."""
    groups = {f"{t.id}.f{k}": t.id for t in trials for k in range(folds)} if folds > 1 else {}
    if len(trials) < 4 or epochs < 3:
        return None
    return even(len(trials), epochs, group=groups)


def _sequential(ctx: RunContext, bench: Bench, job: SearchJob) -> tuple[dict[str, dict[str, Any]], Batch]:
    """One setting after another, the best value kept each time."""
    direction, stages = sign(bench.metric), Stages(ctx)
    changes: dict[str, dict[str, Any]] = {"t0": {}}
    whole = run_trials(ctx, bench, [Trial(id="t0", config=job.config, seed=job.seed)], stages=stages, watch=False, series="population", share=(0.0, 1 / job.trials))
    best = "t0"
    paths = list(job.space)
    each = max(1, (job.trials - 1) // len(paths))
    for path in paths:
        room = min(each, job.trials - len(changes))
        if room < 1 or ctx.control.stop is not None:
            break
        drawn = coordinate_changes(job.space, path, job.config, changes[best], room)
        fresh = {f"t{len(changes) + i}": c for i, c in enumerate(drawn)}
        span = (len(changes) / job.trials, (len(changes) + len(fresh)) / job.trials)
        changes |= fresh
        part = run_trials(ctx, bench, [Trial(id=t, config=changed(job.config, c), seed=job.seed) for t, c in fresh.items()], stages=stages, watch=False, series="population", share=span)
        whole.outcomes |= part.outcomes
        whole.plans += part.plans
        whole.fallbacks += part.fallbacks
        finite = {t: objective(o, job.objective) for t, o in whole.outcomes.items() if math.isfinite(objective(o, job.objective))}
        best = max(finite, key=lambda t: direction * finite[t], default="t0")
    return changes, whole


def _trial(name: str, change: dict[str, Any], outcome: Outcome | None, value: float | None) -> TrialResult:
    if outcome is None:
        return TrialResult(id=name, config=change, value=None, epochs=0, state="failed")
    ended = outcome.stopped
    state = "diverged" if ended == "diverged" or value is None or not math.isfinite(value) else "halved" if ended == "halved" else "finished"
    fold = outcome.folds[0]
    return TrialResult(
        id=name, config=change, value=value if value is not None and math.isfinite(value) else None, epochs=len(fold.member.curves.get("objective", [])), state=state,
        parameters=sum(int(t.numel()) for t in fold.member.state.values()),
    )


def _agreement(batch: Batch) -> float | None:
    """Rank correlation between the last two rungs, as the engine measured it."""
    found = [r["rank_correlation"] for r in batch.rungs if r.get("rank_correlation") is not None and math.isfinite(r["rank_correlation"])]
    return float(found[-1]) if found else None


def _luck(bench: Bench, batch: Batch, names: list[str], se: float, evaluations: int) -> float:
    """Expected best-of-K luck in points of the metric; what candidates share on the same rows cannot be luck."""
    rows = batch.outcomes[names[0]].stored
    losses = np.stack([row_losses(bench.metric, rows.y, batch.outcomes[n].stored.at(rows.rows).predictions) for n in names[:60]], axis=1)
    return correlated(evaluations, se, candidate_correlation(losses))


