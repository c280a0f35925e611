"""Automatic inspection of one model on validation rows: the same JSON for the same model, whatever runs it (V04-V09, V14, R16, D16)."""

import time
from typing import Any

import numpy as np

from phasewise.checks.evaluation import Evaluation, evaluation_findings
from phasewise.records.errors import PhasewiseError, UsageError
from phasewise.records.jobs import InspectJob
from phasewise.records.results import InspectResult, ModelResult
from phasewise.stats.diagnosis import error_of
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import all_scores, joined
from phasewise.worker import models
from phasewise.worker.arrays import Stored
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import Stages
from phasewise.worker.inspecting import (
    calibration_of,
    columns_of,
    confusion,
    curve,
    gallery,
    importance,
    pipeline,
    slices,
    threshold,
)
from phasewise.worker.jobs.checkup import subset_rows
from phasewise.worker.trials import Trial, run_trials

PARTS = ("slices", "gallery", "confusion", "calibration", "importance", "pipeline", "threshold", "learning_curve", "lesion", "findings")
"""In the order they are made: findings look at slices and importance."""
IMPORTANCE_ROWS = 2000
"""Rows that are shuffled: enough to see a drop of a hundredth of AUC, and half a minute less than four thousand for a network of 32 members."""
PICTURES = 24
"""Sampled mistakes of a picture model: each travels with its thumbnail."""
PIECE = 1000
"""Rows predicted at once: the activations of a wide network then stay in the cache (four times faster a row, measured)."""


def run(ctx: RunContext, job: InspectJob) -> InspectResult:
    """Each asked part on the stored validation predictions; a part that cannot be made says why in the log."""
    unknown = [p for p in job.parts if p not in PARTS]
    if unknown:
        raise UsageError(f"unknown part {unknown[0]!r} of an inspection", "", f"Valid: {', '.join(PARTS)}.")
    bench = open_bench(job.data, ctx.project, ctx.device)
    model = models.result_of(ctx.project, bench, job.model)
    held = models.validation_of(ctx.project, bench, job.model)
    ctx.started(job.title or f"Inspecting {job.model}")
    found: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for number, part in enumerate(sorted(job.parts, key=PARTS.index)):
        ctx.control.check()
        began = time.perf_counter()
        try:
            found |= _findings(bench, job, model, held, found) if part == "findings" else {part: _part(ctx, bench, job, part, model, held)}
        except (ValueError, TypeError, KeyError, ArithmeticError, MemoryError, PhasewiseError) as error:
            # One part that cannot be made for this model must not cost the others.
            skipped[part] = f"{type(error).__name__}: {str(error)[:200]}"
            ctx.log(f"{part} could not be made: {skipped[part]}", "warning")
        ctx.log(f"{part}: {time.perf_counter() - began:.1f} s")
        ctx.progress(number + 1, len(job.parts), unit="parts", note=part)
    return InspectResult(model=job.model, metrics=all_scores(held.y, held.predictions, threshold=model.threshold), skipped=skipped, **found)


def _part(ctx: RunContext, bench: Bench, job: InspectJob, part: str, model: ModelResult, held: Stored) -> Any:
    y, predictions, cut = held.y, held.predictions, model.threshold
    if part == "slices":
        return slices.find(bench.metric, y, predictions, columns_of(bench.dev.table, bench.dev, held.rows), threshold=cut)
    if part == "gallery":
        showing = bench.kind.room("showing")
        sample = PICTURES if hasattr(showing, "pictures") else gallery.SAMPLE
        found = gallery.rows(y, predictions, held.rows, lambda row: showing.row(bench.dev, row), seed=job.seed, sample=sample, threshold=cut)
        if hasattr(showing, "pictures"):
            folder = models.folder_of(ctx.project, job.model)
            showing.pictures(found, bench.dev, lambda: bench.kind.room("predictor").load(folder), folder=folder)
        return found
    if part == "confusion":
        return confusion(y, predictions, cut)
    if part == "calibration":
        return calibration_of(y, predictions)
    if part == "threshold":
        return threshold.choose(bench.metric, y, predictions)
    if part == "importance":
        return _importance(ctx, bench, job, held)
    if part == "pipeline":
        return _pipeline(ctx, bench, job, held, cut)
    if part == "lesion":
        return _lesion(ctx, bench, job, held)
    return _learning_curve(ctx, bench, job, model)


def _findings(bench: Bench, job: InspectJob, model: ModelResult, held: Stored, found: dict[str, Any]) -> dict[str, Any]:
    """Is the score what it seems (E01-E11); a baseline that keeps its rows has no gap between train and validation worth a word."""
    about = Evaluation(
        metric=bench.metric, y=held.y, predictions=held.predictions, score=model.validation, rows=held.rows, fit=model.train if model.source == "network" else None, versus=model.versus,
        seeds=job.seeds, base_seeds=job.base_seeds, evaluations=job.evaluations, shared=job.shared_luck, slices=found.get("slices", []),
        importance={str(i["column"]): float(i["drop"]) for i in found.get("importance", [])}, seed=job.seed,
    )
    findings, coverage = evaluation_findings(about)
    return {"findings": findings, "coverage": coverage}


def _lesion(ctx: RunContext, bench: Bench, job: InspectJob, held: Stored) -> dict[str, Any]:
    """Blocks of a picture network taken out one by one and together (X12); nothing for models without such blocks."""
    if bench.kind.id != "images":
        return {}
    judge = bench.kind.room("previewing").judge(models.folder_of(ctx.project, job.model))
    if judge is None:
        return {}
    rows = bench.splits[0][1] if bench.dev.folds is not None else held.rows
    return bench.kind.room("shrink.lesion").report(*judge, bench.dev, rows, seed=job.seed, check=ctx.control.check)


def _importance(ctx: RunContext, bench: Bench, job: InspectJob, held: Stored) -> list[dict[str, Any]]:
    """Columns of a table shuffled one by one; at most 2,000 rows, drawn with the job's seed."""
    room = bench.kind.room("showing")
    if hasattr(room, "regions"):
        predictor = bench.kind.room("predictor").load(models.folder_of(ctx.project, job.model))
        return room.regions(bench.metric, bench.dev, predictor, held, seed=job.seed)
    table = bench.dev.table
    if not hasattr(table, "with_columns"):
        ctx.log("importance: this kind of data has no columns to shuffle", "warning")
        return []
    rng = np.random.default_rng(job.seed)
    pick = np.sort(rng.permutation(len(held.rows))[:IMPORTANCE_ROWS])
    part = models.take(table, held.rows[pick])
    predictor = bench.kind.room("predictor").load(models.folder_of(ctx.project, job.model))
    if bench.dev.folds is not None:
        ctx.log("importance: with folds the shipped average has seen these rows; drops are relative to its own fit", "warning")

    def said(rows: Any) -> Predictions:
        return joined([predictor.predict(models.take(rows, np.arange(i, min(i + PIECE, len(pick))))) for i in range(0, len(pick), PIECE)])

    base = said(part)

    def predict(column: str, order: np.ndarray) -> Predictions:
        ctx.control.check()
        return said(part.with_columns(part[column][order].alias(column)))

    columns = [c for c in bench.dev.features if c in part.columns]
    return importance.permutation_importance(bench.metric, held.y[pick], base, columns, predict, seed=job.seed)


def _pipeline(ctx: RunContext, bench: Bench, job: InspectJob, held: Stored, threshold: float | None) -> dict[str, Any]:
    """What each stage of a table's pipeline loses (V09b); other kinds have no stages whose truth is known."""
    dev = bench.dev
    if not hasattr(dev.table, "with_columns") or bench.kind.id != "tabular":
        return {}
    part = np.zeros(len(dev.y), np.int64)
    part[np.asarray(dev.validation)] = 1
    fold = part if dev.folds is None else np.asarray(dev.folds).clip(min=0)
    levels = [c for c in dev.features if dev.roles.get(c) == "category" and c in dev.table.columns]
    strange = {c: m[held.rows] for c in levels if (m := pipeline.unseen_levels(dev.table[c], fold))[held.rows].any()}
    raw = None
    if job.data.relabel:
        before = bench.kind.room("development").load(ctx.project, job.data.model_copy(update={"relabel": {}}))
        place = {int(r): i for i, r in enumerate(before.rows)}
        now = [place.get(int(r)) for r in dev.rows[held.rows]]
        raw = np.asarray(before.y)[now] if before.classes == dev.classes and None not in now else None
    predictor = bench.kind.room("predictor").load(models.folder_of(ctx.project, job.model))
    found = pipeline.analyse(
        bench.metric, held.y, held.predictions, models.take(dev.table, held.rows), dev.features, strange, predictor.predict,
        raw_y=raw, threshold=threshold, seed=job.seed,
    )
    if dev.folds is not None:
        found["notes"].append("with folds the shipped average has seen these rows: it leans on their own values, so what stages before it lose is an upper bound")
    return found


def _learning_curve(ctx: RunContext, bench: Bench, job: InspectJob, model: ModelResult) -> dict[str, Any]:
    """The config trained again on n/16 .. n of the training rows, three seeds each, as one population (D16)."""
    config = models.config_of(model)
    if config is None:
        return {"note": "only networks are trained again for a learning curve"}
    y = np.asarray(bench.dev.y)
    train = bench.splits[0][0] if len(bench.splits) == 1 else np.flatnonzero(np.asarray(bench.dev.folds) >= 0)
    trials = [
        Trial(id=f"n{size}-s{seed}", config=config, seed=seed, rows=subset_rows(y, train, size, bench.task, seed))
        for size in curve.sizes_for(len(train)) for seed in range(3)
    ]
    batch = run_trials(ctx, bench, trials, stages=Stages(ctx), watch=False, series="population")
    points = [
        (len(outcome.folds[0].train_rows), error_of(bench.metric, outcome.value)) for t in trials
        if (outcome := batch.outcomes.get(t.id)) is not None and np.isfinite(outcome.value)
    ]
    return {"metric": bench.metric, **curve.learning_curve(points, seed=job.seed)} if points else {"note": "no training ended with finite numbers"}
