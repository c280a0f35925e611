"""New rows through the frozen model: contract, what was seen before, drift, judged score, and which loop to take (E05-E07, L07, checks 3.9 and 7.8)."""

from typing import Any

import numpy as np

from phasewise.records.findings import Finding
from phasewise.records.jobs import FieldJob
from phasewise.records.results import DriftRow, FieldResult, ModelResult, Score
from phasewise.stats.drift import ColumnDrift, Domain, compare_columns, domain
from phasewise.stats.intervals import judged
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import score
from phasewise.worker import background, models, priors, verdicts
from phasewise.worker.arrays import Stored
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.inspecting import columns_of
from phasewise.worker.inspecting.slices import find

FEW = 100
"""Below this many rows no drift verdict is given (D07)."""
JUDGED = 20
"""Judged rows from which a score is given (E05)."""


def run(ctx: RunContext, job: FieldJob) -> FieldResult:
    """Every step uses the transforms stored with the model; nothing is fitted to the new rows."""
    bench = open_bench(job.data, ctx.project, "cpu")
    arriving = bench.kind.room("arriving")
    new = arriving.arrived(ctx.project, job.data, bench.dev, job.file)
    folder = models.folder_of(ctx.project, job.model)
    predictor = bench.kind.room("predictor").load(folder)
    candidate = models.result_of(ctx.project, bench, job.model)
    ctx.started(job.title or f"Field data {job.name}")
    findings = _contract(predictor, new)
    seen = arriving.seen_before(bench.dev, new)
    if seen.any():
        findings.append(_finding("field-overlap", "warn", "Rows that are among the development rows", f"{int(seen.sum()):,} of {len(seen):,} rows; they do not count.", int(seen.sum()), "D09"))
    fresh = np.flatnonzero(~seen)
    ctx.progress(1, 4, unit="steps", note="contract")
    predictions = predictor.predict(new.table)
    file = _write(ctx, bench, predictions)
    ctx.progress(2, 4, unit="steps", note="predictions")
    drift, joint = _drift(bench, new, predictions, models.validation_of(ctx.project, bench, job.model), fresh)
    findings += _drift_findings(drift, joint, len(fresh))
    ctx.progress(3, 4, unit="steps", note="drift")
    kept = np.intersect1d(new.labelled, fresh)
    result = _score(bench, new, predictions, kept, candidate.threshold)
    looked = background.last_look(ctx.project, job.model)
    reference, generation = looked if looked is not None else (candidate.validation, 1)
    held = models.validation_of(ctx.project, bench, job.model)
    mixed = _reweighted(bench, held, new.y[kept] if result is not None else None, candidate.threshold)
    loop = verdicts.field_loop(
        judged=result, reference=reference, reweighted=mixed, drifted=any(d.drifted for d in drift), domain_auc=joint.auc if joint is not None and joint.drifted else None, generation=generation,
    )
    return FieldResult(
        name=job.name, file=new.file, rows=len(seen), score=result, findings=findings, drift=[DriftRow(column=d.column, p=d.p, q=d.q, effect=d.effect, drifted=d.drifted, detail=d.detail) for d in drift],
        domain_auc=joint.auc if joint is not None else None, domain_low=joint.low if joint is not None else None, overlap=int(seen.sum()), loop=loop.loop, loop_reason=loop.reason,
        prior=priors.label_shift(held.y, held.predictions, predictions.take(fresh)) if len(fresh) >= FEW else {}, do_not_trust=_do_not_trust(bench, new, kept, predictions, drift, joint, candidate, result, job),
        predictions_file=file, judged=int(len(kept)), reweighted=mixed, reference=reference.model_dump(),
    )


def _finding(id: str, severity: str, title: str, seen: str, rows: int | None = None, source: str = "") -> Finding:
    return Finding(id=id, check=id.partition(":")[0], severity=severity, title=title, seen=seen, rows=rows, source=source)


def _contract(predictor: Any, new: Any) -> list[Finding]:
    """What the model's own contract says of the natural rows, and columns that were added empty (D01)."""
    findings = [_finding(f"absent-column:{name}", "block", f"The column {name} is absent", "It was filled with missing values; predictions without it are not what was tested.", None, "D01") for name in new.missing]
    if new.unknown_labels:
        findings.append(_finding("unknown-labels", "warn", "Labels of no known class", f"{new.unknown_labels:,} rows; they are not judged.", new.unknown_labels, "D06"))
    return findings + (list(predictor.check(new.natural)) if hasattr(predictor, "check") else [])


def _write(ctx: RunContext, bench: Bench, predictions: Predictions) -> str:
    """Predictions for every row as a file of the run folder; field rows are no development rows and get no row numbers of theirs."""
    path = ctx.run.arrays_dir / "field.npz"
    held = predictions.values if predictions.proba is None else predictions.proba
    np.savez(path, predictions=np.asarray(held, np.float64), classes=np.array(predictions.classes, dtype=str))
    return str(path.relative_to(ctx.project.path))


def coded(reference: dict[str, np.ndarray], new: dict[str, np.ndarray]) -> tuple[dict[str, tuple[np.ndarray, bool]], dict[str, np.ndarray]]:
    """Columns of both sides as numbers: numbers stay, texts become level codes shared by both (NaN where missing)."""
    old_out: dict[str, tuple[np.ndarray, bool]] = {}
    new_out: dict[str, np.ndarray] = {}
    for name, values in reference.items():
        if name not in new:
            continue
        if values.dtype.kind in "iufb" and new[name].dtype.kind in "iufb":
            old_out[name], new_out[name] = (values.astype(float), False), new[name].astype(float)
            continue
        levels = {v: float(i) for i, v in enumerate(sorted({str(v) for side in (values, new[name]) for v in side.tolist() if v is not None}))}
        if len(levels) > 1000:
            continue
        code = [np.array([np.nan if v is None else levels[str(v)] for v in side.tolist()]) for side in (values, new[name])]
        old_out[name], new_out[name] = (code[0], True), code[1]
    return old_out, new_out


def _drift(bench: Bench, new: Any, predictions: Predictions, held: Stored, fresh: np.ndarray) -> tuple[list[ColumnDrift], Domain | None]:
    """Columns, the model's own answers (D04) and all columns together (D03), against the training rows."""
    if len(fresh) < FEW:
        return [], None
    train = bench.splits[0][0] if bench.dev.folds is None else np.arange(len(bench.dev.y))
    reference, recent = coded(columns_of(bench.dev.table, bench.dev, train), columns_of(new.table, bench.dev, fresh))
    joint = None
    names = tuple(reference)
    if names:
        joint = domain(np.stack([reference[n][0] for n in names], 1), np.stack([recent[n] for n in names], 1), names)
    answer = predictions.take(fresh)
    if answer.proba is None:
        reference["(model's answer)"], recent["(model's answer)"] = (held.predictions.values, False), answer.values
    else:
        for i, c in enumerate(answer.classes[-1:] if len(answer.classes) == 2 else answer.classes[:10]):
            at = len(answer.classes) - 1 if len(answer.classes) == 2 else i
            reference[f"(p of {c})"], recent[f"(p of {c})"] = (held.predictions.proba[:, at], False), answer.proba[:, at]
    return compare_columns(reference, recent), joint


def _drift_findings(drift: list[ColumnDrift], joint: Domain | None, rows: int) -> list[Finding]:
    if rows < FEW:
        return [_finding("few-rows", "info", "Too few rows for a verdict on drift", f"{rows} rows; {FEW} are needed.", rows, "D07")]
    out = [_finding(f"drift:{d.column}", "warn", f"{d.column} has moved", f"{d.detail}; effect {d.effect:.2f}, q {d.q:.2g}.", rows, "D02") for d in drift if d.drifted]
    if joint is not None and joint.drifted:
        severity = "block" if joint.other_population else "warn"
        why = f"A classifier tells new rows from old with AUC {joint.auc:.2f} (lower end {joint.low:.2f})" + (f"; most by {', '.join(joint.causes)}." if joint.causes else ".")
        out.append(_finding("joint-drift", severity, "The rows come from another population" if joint.other_population else "The rows differ from the training data", why, rows, "D03"))
    return out


def _score(bench: Bench, new: Any, predictions: Predictions, kept: np.ndarray, threshold: float | None) -> Score | None:
    """The judged score of rows the model has never met, from 20 judged rows on (E05)."""
    if len(kept) < JUDGED or bench.task != "regression" and len(np.unique(new.y[kept])) < 2 and bench.metric in ("roc_auc", "average_precision"):
        return None
    groups = None if new.groups is None else new.groups[kept]
    return judged(bench.metric, new.y[kept], predictions.take(kept), groups, threshold=threshold)


def _reweighted(bench: Bench, held: Stored, y: np.ndarray | None, threshold: float | None) -> float | None:
    """The validation score if its mix of classes (or fifths of the target) were the field's (7.8 step 3)."""
    if y is None or not len(y):
        return None
    weights = priors.mix_weights(held.y, y, bench.task)
    value = score(bench.metric, held.y, held.predictions, weights, threshold=threshold)
    return float(value) if np.isfinite(value) else None


def _do_not_trust(bench: Bench, new: Any, kept: np.ndarray, predictions: Predictions, drift: list[ColumnDrift], joint: Domain | None, candidate: ModelResult, result: Score | None, job: FieldJob) -> list[str]:
    """Where predictions should not be used without a person: weak field slices, another population, absent columns, a missed target."""
    out = [f"rows without the column {name}" for name in new.missing]
    if joint is not None and joint.other_population:
        out.append("rows of this file as a whole: they come from another population")
    out += [f"rows where {d.column} is unlike the training data ({d.detail})" for d in drift if d.drifted and d.effect >= 0.25 and not d.column.startswith("(")]
    if result is not None and job.target is not None and verdicts.sign(bench.metric) * (job.target - (result.high if verdicts.sign(bench.metric) > 0 else result.low)) > 0:
        out.append(f"this file's predictions for the target {job.target:.6g}: the whole interval misses it")
    if len(kept) >= 2 * FEW:
        rows = find(bench.metric, new.y[kept], predictions.take(kept), columns_of(new.table, bench.dev, kept), threshold=candidate.threshold, with_pairs=False)
        out += [f"{s.name}: {s.value:.4g} against {s.rest:.4g} elsewhere ({s.rows} rows)" for s in rows if s.significant and s.harm > 0 and not s.name.startswith("class = ")][:5]
    return out



