"""Baselines and the need-DL verdict: every model on the same rows and folds as the networks (G01, G02)."""

from typing import Any

import numpy as np

from phasewise.kinds import need
from phasewise.kinds.registry import kind
from phasewise.records.jobs import BaselinesJob
from phasewise.records.metrics import metric
from phasewise.records.results.baseline import BaselinesResult
from phasewise.records.results.common import ModelResult
from phasewise.stats import conformal, intervals, scores
from phasewise.stats.optimism import candidate_correlation
from phasewise.worker import arrays, series, streaming
from phasewise.worker.thresholds import decided

DEFAULT_METRIC = {"regression": "rmse"}


def run(ctx: Any, job: BaselinesJob) -> BaselinesResult:
    """Fit, score, store and rank the baselines; a model that fails is skipped with the reason."""
    wing = kind(job.data.kind)
    rooms = wing.room("baselines")
    dev = wing.room("development").load(ctx.project, job.data)
    metric_id = job.data.metric or DEFAULT_METRIC.get(dev.task, "accuracy")
    names = list(dict.fromkeys(rooms.known(n).name for n in job.models or rooms.NAMES))
    if "dummy" not in names:
        names.insert(0, "dummy")
    results: list[ModelResult] = []
    skipped: dict[str, str] = {}
    notes = [] if dev.folds is None else [f"scored out of fold on {int(np.max(dev.folds)) + 1} folds; the kept models learned from all {len(dev.y):,} development rows"]
    notes += streaming.sampled(dev, "the baselines learn from them; networks train on all that stream from disk")
    for done, name in enumerate(names):
        ctx.progress(done, len(names), unit="models", note=name)
        ctx.control.poll()
        if ctx.control.stop:
            skipped.update({n: "stopped" for n in names[done:]})
            break
        why = rooms.why_skipped(name, dev)
        if why:
            skipped[name] = why
            continue
        try:
            fitted = rooms.fit(name, dev, job.data, job.seed, ctx.threads)
            results.append(_result(ctx, wing, dev, fitted, metric_id, job))
        except (ValueError, TypeError, MemoryError, ArithmeticError) as error:
            skipped[name] = f"{type(error).__name__}: {str(error)[:150]}"
            ctx.log(f"{name} failed: {skipped[name]}", "warning")
            continue
        notes += [f"{fitted.name}: {n}" for n in fitted.notes]
    ctx.progress(len(names), len(names), unit="models", note="done")
    results.sort(key=lambda m: m.validation.value, reverse=metric(metric_id).maximize)
    contenders = [need.Contender(ref=m.ref, name=m.name, family=m.family, score=m.validation) for m in results]
    best = next((m for m in results if m.family != "dummy"), None)
    if best is not None:
        notes += series.tell(ctx, best.name, series.look(wing, dev, arrays.load(ctx.run.arrays_dir, best.name)))
    verdict = need.verdict(contenders, target=job.target, rows=streaming.rows_of(dev), kind=job.data.kind, proposed=job.proposed)
    return BaselinesResult(models=results, need=verdict, skipped=skipped, notes=notes, luck_correlation=_shared_luck(ctx, metric_id, results))


def _shared_luck(ctx: Any, metric_id: str, results: list[ModelResult]) -> float | None:
    """Mean correlation of row losses between the models of this run; None with fewer than three (E04)."""
    if len(results) < 3:
        return None
    rows = arrays.load(ctx.run.arrays_dir, results[0].name).rows
    held = [arrays.load(ctx.run.arrays_dir, m.name).at(rows) for m in results]
    return candidate_correlation(np.stack([scores.row_losses(metric_id, h.y, h.predictions) for h in held], 1))


def _result(ctx: Any, wing: Any, dev: Any, fitted: Any, metric_id: str, job: BaselinesJob) -> ModelResult:
    from phasewise.worker import models

    order = np.argsort(fitted.rows, kind="stable")
    rows, fold, said = fitted.rows[order], fitted.fold[order], fitted.predictions.take(order)
    y = np.asarray(dev.y)[rows]
    groups = None if dev.groups is None else np.asarray(dev.groups)[rows]
    score, threshold = decided(metric_id, y, said, groups, seed=job.seed)
    if dev.folds is not None:
        score = score.model_copy(update={"folds": [scores.score(metric_id, y[fold == f], said.take(fold == f), threshold=threshold) for f in range(int(fold.max()) + 1)]})
    train = intervals.judged(metric_id, np.asarray(dev.y)[fitted.train_rows], fitted.train_predictions, seed=job.seed, threshold=threshold)
    ref = f"{ctx.run.id}/{fitted.name}"
    folder = ctx.model_dir(fitted.name)
    card = {"name": fitted.name, "family": fitted.family, "metric": metric_id, "source": ref, "seed": job.seed, "threshold": threshold, "validation": score.model_dump(), "sets": conformal.promise(y, said)}
    wing.room("predictor").save_sklearn(folder, estimator=fitted.estimator, preparing=fitted.preparing, matrix=fitted.matrix, card=card)
    arrays.save(ctx.run.arrays_dir, fitted.name, rows=rows, y=y, predictions=said)
    return ModelResult(
        ref=ref, name=fitted.name, family=fitted.family, source="baseline", train=train, validation=score, others=scores.all_scores(y, said, threshold=threshold), threshold=threshold, seconds=fitted.seconds,
        size_mb=models.size_mb(folder), latency_ms=models.latency_ms(wing.room("predictor").load(folder), dev.table, rows, repeats=10, limit=0.3), seed=job.seed,
        config={"matrix": fitted.matrix}, digest=models.digest(folder),
    )
