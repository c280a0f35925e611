"""Ensembles of networks and baselines: average, weights, vote; better than the best single beyond noise, else it says so (X03-X07)."""

from collections.abc import Sequence

import numpy as np

from phasewise.records.errors import UsageError
from phasewise.records.jobs import CombineJob
from phasewise.records.results import CombineResult, ModelResult
from phasewise.stats import conformal
from phasewise.stats.paired import difference
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import all_scores, score
from phasewise.worker import arrays, models
from phasewise.worker.augmenting import variants
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.combining import average, disagreement, fit_weights, halves, vote
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import Stages
from phasewise.worker.thresholds import crossfitted, decided
from phasewise.worker.trials import Trial, run_trials
from phasewise.worker.verdicts import sign
from phasewise.worker.versus import against_baseline


def _new_members(ctx: RunContext, bench: Bench, job: CombineJob) -> list[ModelResult]:
    """Networks that differ by initial weights and data order, trained as one population (X03)."""
    if job.config is None or job.members < 1:
        return []
    trials = [Trial(id=f"member-{i}", config=job.config, seed=job.seed + 1000 + i) for i in range(job.members)]
    batch = run_trials(ctx, bench, trials, stages=Stages(ctx), share=(0.0, 0.8))
    return [models.save(ctx, bench, batch.outcomes[t.id], t.id) for t in trials if t.id in batch.outcomes and batch.outcomes[t.id].finite]


def fit_shares(method: str, parts: Sequence[Predictions], y: np.ndarray) -> list[float]:
    """Weights that ship: fitted on all validation rows for `weighted`, equal else."""
    return [float(w) for w in fit_weights(parts, y)] if method == "weighted" else [1 / len(parts)] * len(parts)


def crossed(method: str, parts: Sequence[Predictions], y: np.ndarray, half: np.ndarray) -> Predictions:
    """Weighted on half A and judged on half B, and the other way round (X06); the rest need no fitting."""
    if method == "vote":
        return vote(parts)
    if method == "average":
        return average(parts)
    first = parts[0]
    shape = first.values.shape if first.proba is None else first.proba.shape
    out = np.empty(shape)
    for fit_on, judge_on in ((half, ~half), (~half, half)):
        weights = fit_weights([p.take(fit_on) for p in parts], y[fit_on])
        mixed = average([p.take(judge_on) for p in parts], weights)
        out[judge_on] = mixed.values if mixed.proba is None else mixed.proba
    return Predictions(task=first.task, classes=first.classes, values=out if first.proba is None else None, proba=out if first.proba is not None else None)


def _chosen_by_halves(metric_id: str, y: np.ndarray, options: Sequence[Predictions], half: np.ndarray) -> Predictions:
    """Predictions of "take the best": chosen on one half, used on the other, both ways, so that choosing brings no luck."""
    direction = sign(metric_id)
    first = options[0]
    shape = first.values.shape if first.proba is None else first.proba.shape
    out = np.empty(shape)
    for choose_on, use_on in ((half, ~half), (~half, half)):
        values = [direction * score(metric_id, y[choose_on], p.take(choose_on)) for p in options]
        best = options[int(np.nanargmax(values))]
        out[use_on] = (best.values if best.proba is None else best.proba)[use_on]
    return Predictions(task=first.task, classes=first.classes, values=out if first.proba is None else None, proba=out if first.proba is not None else None)


def run(ctx: RunContext, job: CombineJob) -> CombineResult:
    """All singles and ensembles on the same validation rows; the gain is that of choosing, cross-fitted over two halves."""
    bench = open_bench(job.data, ctx.project, ctx.device)
    ctx.started(job.title or "Combining models")
    singles = [models.result_of(ctx.project, bench, ref) for ref in dict.fromkeys(job.models)] + _new_members(ctx, bench, job)
    ctx.control.check()
    if job.options.get("tta") and bench.kind.has("tta"):
        plain = next((m for m in singles if m.source == "network"), None)
        singles += variants(ctx, bench, plain) if plain is not None else []
    if len(singles) < 2:
        raise UsageError("an ensemble needs at least two models", f"{len(singles)} were given or trained.", "Name models, or ask for members to train.")
    held = [arrays.load(ctx.run.arrays_dir, m.name) if m.ref.startswith(f"{ctx.run.id}/") else models.validation_of(ctx.project, bench, m.ref) for m in singles]
    rows = held[0].rows
    held = [h.at(rows) for h in held]
    y, parts = held[0].y, [h.predictions for h in held]
    groups = bench.groups(rows)
    half = halves(y, bench.task, groups, job.seed)
    names = [m.ref for m in singles]
    direction = sign(bench.metric)
    needs_labels = "vote" in job.methods
    ensembles, honest, weights = [], {}, {}
    for number, method in enumerate(job.methods):
        ctx.control.check()
        shares = fit_shares(method, parts, y)
        honest[method] = crossed(method, parts, y, half)
        if method == "weighted":
            weights = dict(zip(names, shares, strict=True))
        ensembles.append(_save(ctx, bench, method, singles, shares, honest[method], rows, y, groups))
        ctx.progress(800 + 200 * (number + 1) / len(job.methods), 1000, unit="per mille", note=method)
    together = _chosen_by_halves(bench.metric, y, [crossfitted(bench.metric, y, p) for p in honest.values()], half)
    single = _chosen_by_halves(bench.metric, y, [crossfitted(bench.metric, y, p) for p in parts], half)
    gain = difference(bench.metric, y, together, single, groups)
    best_single = max(singles, key=lambda m: direction * m.validation.value)
    best_ensemble = max(ensembles, key=lambda m: direction * m.validation.value)
    real = gain.low > 0
    notes = [
        f"The best ensemble ({best_ensemble.name}) beats the best single model ({best_single.name}) beyond noise." if real
        else f"No gain beyond noise: {best_ensemble.name} {best_ensemble.validation.value:.4g} against {best_single.name} {best_single.validation.value:.4g}; the single model goes on.",
        "Which ensemble and which single model: chosen on one half of validation, compared on the other, both ways.",
    ]
    if needs_labels and bench.task != "regression":
        notes.append("A vote gives shares of votes, not calibrated probabilities; ties go to the higher mean probability, then to the first class.")
    return CombineResult(
        singles=singles, ensembles=ensembles, best=best_ensemble if real else best_single, gain=gain.value, low=gain.low, high=gain.high, weights=weights,
        disagreement=disagreement(parts), notes=notes, evaluations=len(job.methods) + job.members * bool(job.config),
    )


def _save(ctx: RunContext, bench: Bench, method: str, singles: list[ModelResult], shares: list[float], honest: Predictions, rows: np.ndarray, y: np.ndarray, groups: np.ndarray | None) -> ModelResult:
    """An ensemble as a self-contained folder; its score is the cross-fitted one."""
    name = method
    folder = ctx.model_dir(name)
    kept = [(models.folder_of(ctx.project, m.ref), w) for m, w in zip(singles, shares, strict=True) if w > 1e-3 or method == "vote"]
    validation, threshold = decided(bench.metric, y, honest, groups)
    card = {"name": name, "metric": bench.metric, "threshold": threshold, "source": f"{ctx.run.id}/{name}", "members": [m.ref for m in singles], "sets": conformal.promise(y, honest)}
    bench.kind.room("predictor").save_ensemble(folder, members=kept, method=method, card=card)
    arrays.save(ctx.run.arrays_dir, name, rows=rows, y=y, predictions=honest)
    return ModelResult(
        ref=f"{ctx.run.id}/{name}", name=name, family="ensemble", source="ensemble",
        validation=validation, threshold=threshold, others=all_scores(y, honest, threshold=threshold), seconds=sum(m.seconds for m in singles),
        parameters=sum(m.parameters or 0 for m in singles) or None, size_mb=models.size_mb(folder), latency_ms=models.latency_of(bench, folder), digest=models.digest(folder),
        versus=against_baseline(ctx.project, bench, arrays.Stored(rows=rows, y=y, predictions=honest)),
    )
