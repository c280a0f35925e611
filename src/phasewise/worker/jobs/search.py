"""A search of settings: its trials, its winner, and the luck of choosing among many (T19-T22, E04)."""

import math
from typing import Any

import numpy as np

from phasewise.kinds.registry import kind
from phasewise.records.errors import UsageError
from phasewise.records.jobs import SearchJob
from phasewise.records.results import SearchResult, TrialResult
from phasewise.stats.optimism import candidate_correlation, correlated
from phasewise.stats.scores import row_losses
from phasewise.worker import models
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.comparing import resolved
from phasewise.worker.context import RunContext
from phasewise.worker.diagnosing import diagnosis_of
from phasewise.worker.searching import objective, searched
from phasewise.worker.trials import Batch, Outcome
from phasewise.worker.verdicts import sign


def run(ctx: RunContext, job: SearchJob) -> SearchResult | None:
    """Trials share seed and folds, so that they differ by their settings only; the start config is trial 0. None after a stop: the run can be resumed."""
    if not job.space or job.trials < 2:
        raise UsageError("there is nothing to search", f"{len(job.space)} settings, {job.trials} trials.", "Name at least one setting and two trials.")
    job = job.model_copy(update={"config": resolved(kind(job.data.kind), job.config)})
    bench = open_bench(job.data, ctx.project, ctx.device)
    ctx.started(job.title or "Search", {"trials": job.trials, "halving": job.halving, "mode": job.mode})
    changes, batch, generations = searched(ctx, bench, job)
    if ctx.control.stop is not None:
        return None
    direction = sign(bench.metric)
    values = {t: objective(batch.outcomes[t], job.objective) for t in changes if t in batch.outcomes}
    ranked = {t: v for t, v in values.items() if math.isfinite(v) and batch.outcomes[t].stopped not in ("halved", "diverged")}
    trials = [_trial(t, change, batch.outcomes.get(t), values.get(t)) for t, change in changes.items()]
    evaluations = len(values)
    if not ranked:
        return SearchResult(trials=trials, best=None, generations=generations, evaluations=evaluations)
    best = max(ranked, key=lambda t: direction * ranked[t])
    outcome = batch.outcomes[best]
    result = models.save(ctx, bench, outcome, "best")
    return SearchResult(
        trials=trials, best=result, best_change=changes[best], best_config=outcome.trial.config.model_dump(mode="json"), rung_correlation=_agreement(batch),
        generations=generations, evaluations=evaluations, optimism=_luck(bench, batch, list(ranked), result.validation.se, evaluations), diagnosis=diagnosis_of(ctx.project, bench, outcome, result.train, result.validation),
        plan=batch.plan, fallbacks=list(dict.fromkeys(batch.fallbacks)),
    )


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


