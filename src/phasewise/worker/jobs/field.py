"""New rows through the frozen model: contract, what was seen before, drift, judged score, and which loop to take (E05-E07, L07, checks 3.9 and 7.8)."""

from typing import Any

import numpy as np

from phasewise.checks.newdata import ENOUGH, NewData, field_report
from phasewise.records.findings import Finding
from phasewise.records.jobs import FieldJob
from phasewise.records.results import FieldResult, ModelResult, Score
from phasewise.records.text import safe_text
from phasewise.stats.intervals import judged
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import score
from phasewise.worker import background, models, priors, verdicts
from phasewise.worker.arrays import Stored
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.inspecting import columns_of, neighbours
from phasewise.worker.inspecting.slices import find

RANKS = ("roc_auc", "average_precision")
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
    seen = arriving.seen_before(bench.dev, new)
    held_out, unknown = arriving.sealed_met(ctx.project, bench.dev, new) if hasattr(arriving, "sealed_met") else (np.zeros(len(seen), bool), "this kind of data keeps no list of them")
    held_out &= ~seen
    alike = arriving.sealed_alike(ctx.project, bench.dev, new)[0] & ~seen & ~held_out if hasattr(arriving, "sealed_alike") else np.zeros(len(seen), bool)
    near = arriving.seen_alike(bench.dev, new) & ~seen & ~held_out & ~alike if hasattr(arriving, "seen_alike") else np.zeros(len(seen), bool)
    again = arriving.repeated(bench.dev, new) & ~seen & ~held_out & ~alike & ~near if hasattr(arriving, "repeated") else np.zeros(len(seen), bool)
    fresh = np.flatnonzero(~seen & ~held_out & ~alike & ~near & ~again)
    ctx.progress(1, 4, unit="steps", note="contract")
    predictions = predictor.predict(new.table)
    file = _write(ctx, bench, predictions)
    ctx.progress(2, 4, unit="steps", note="predictions")
    kept = np.intersect1d(new.labelled, fresh)
    result = _score(bench, new, predictions, kept, candidate.threshold)
    looked = background.last_look(ctx.project, job.model)
    reference, generation = looked if looked is not None else (candidate.validation, 1)
    held = models.validation_of(ctx.project, bench, job.model)
    report = field_report(NewData(
        reference=bench.dev.natural, new=new.remedied[fresh], target=bench.dev.target, roles=bench.dev.roles, reference_outputs=held.predictions, outputs=predictions.take(fresh),
        prior=None if bench.task == "regression" else np.bincount(held.y.astype(int), minlength=len(bench.dev.classes)) / len(held.y), reference_score=reference, score=result, seed=job.seed,
    ))
    ctx.progress(3, 4, unit="steps", note="drift")
    mixed = _reweighted(bench, held, new.y[kept] if result is not None else None, candidate.threshold)
    loop = verdicts.field_loop(
        judged=result, reference=reference, reweighted=mixed, drifted=any(d.drifted for d in report.drift),
        domain_auc=report.domain_auc if any(f.check == "joint-drift" for f in report.findings) else None, generation=generation,
    )
    broken = next((f for f in report.findings if f.check == "field-contract" and f.severity == "block"), None)
    if broken is not None:  # the contract comes first (7.8): what follows from a file that does not fit says nothing
        loop = verdicts.Loop(loop="collect", reason=f"The file does not fit the model: {broken.title[:1].lower()}{broken.title[1:]} ({broken.seen.rstrip('.')}). Give a file that fits before anything is decided; until then its score says nothing.")
    return FieldResult(
        name=job.name, file=new.file, rows=len(seen), score=result, findings=[*_own_findings(bench, new, seen, again, kept), *_sealed_findings(bench, seen, held_out, unknown), *_alike_findings(alike), *_near_findings(near), *report.findings], drift=report.drift, domain_auc=report.domain_auc,
        domain_low=report.domain_low, overlap=int(seen.sum()), loop=loop.loop, loop_reason=loop.reason, prior=report.prior,
        do_not_trust=[*report.do_not_trust, *_weak(bench, new, kept, predictions, candidate, result, job)], predictions_file=file, judged=int(len(kept)),
        reweighted=mixed, reference=reference.model_dump(), coverage=[c.model_dump() for c in report.coverage],
        examples=_examples(bench, new, fresh, predictions, predictor, job.seed),
    )


def _examples(bench: Bench, new: Any, fresh: np.ndarray, predictions: Predictions, predictor: Any, seed: int, count: int = 5) -> list[dict[str, Any]]:
    """The rows a classifier is least sure of and their nearest training rows with labels; tables only."""
    one = predictor
    while getattr(one, "preparing", None) is None and getattr(one, "members", None):
        one = one.members[0]
    if bench.kind.id != "tabular" or predictions.proba is None or not len(fresh) or getattr(one, "preparing", None) is None:
        return []
    train = np.sort(np.random.default_rng(seed).permutation(bench.splits[0][0])[: neighbours.MOST])
    chosen = fresh[neighbours.least_sure(predictions.proba[fresh], count)]
    places, far = neighbours.nearest(one.preparing.transform(bench.dev.table[train]), one.preparing.transform(new.table[chosen]))
    showing, classes = bench.kind.room("showing"), predictions.classes
    said = predictions.labels()
    out = []
    for row, near, gaps in zip(chosen, places, far, strict=True):
        like = [{"row": int(train[p]), "label": safe_text(classes[int(bench.dev.y[train[p]])], 60), "distance": round(float(g), 4), "shown": showing.row(bench.dev, int(train[p]))} for p, g in zip(near, gaps, strict=True)]
        out.append({"row": int(row) + 1, "prediction": safe_text(classes[said[row]], 60), "confidence": float(predictions.proba[row].max()), "nearest": like})
    return out


def _own_findings(bench: Bench, new: Any, seen: np.ndarray, again: np.ndarray, kept: np.ndarray) -> list[Finding]:
    """What only the job knows: rows that were among the development rows (D09) or repeat, no target column, labels of no known class."""
    out = [*_unjudged(bench, new)]
    if seen.any():
        out.append(Finding(id="rows-seen-before", check="rows-seen-before", severity="warn", title="Rows that are among the development rows", seen=f"{int(seen.sum()):,} of {len(seen):,} rows; they are left out.", rows=int(seen.sum()), source="D09"))
    if again.any():
        out.append(Finding(id="rows-repeated", check="rows-repeated", severity="warn", title="Rows that repeat others of this file", seen=f"{int(again.sum()):,} of {len(again):,} rows; each counts once.", rows=int(again.sum()), source="D09"))
    if new.unknown_labels:
        named = f" ({', '.join(repr(safe_text(c, 40)) for c in _strange(bench, new))})" if bench.kind.id == "tabular" else ""
        out.append(Finding(id="unknown-labels", check="unknown-labels", severity="warn", title="Labels of no known class", seen=f"{new.unknown_labels:,} rows{named}; they are not judged. Known: {', '.join(repr(safe_text(c, 40)) for c in bench.dev.classes[:6])}.", rows=new.unknown_labels, source="D06"))
    if len(kept) >= JUDGED and bench.task != "regression" and len(np.unique(new.y[kept])) < 2:
        only = bench.dev.classes[int(new.y[kept][0])]
        out.append(Finding(id="one-class", check="one-class", severity="warn", title=f"All {len(kept):,} judged rows are {safe_text(only, 40)!r}", seen=f"{bench.metric} compares classes: it needs rows of at least two." if bench.metric in RANKS else "The score says nothing about the other classes.", rows=int(len(kept)), source="D06"))
    broken = getattr(new, "broken", [])
    if broken:
        named = "; ".join(f"{safe_text(name, 60)}: {why}" for name, why in broken[:3])
        title = f"{len(broken):,} {'file' if len(broken) == 1 else 'files'} cannot be read"
        out.append(Finding(id="unreadable", check="unreadable", severity="warn", title=title, seen=f"{named}. {'It has' if len(broken) == 1 else 'They have'} no prediction.", rows=len(broken), source="I01"))
    return out


def _sealed_findings(bench: Bench, seen: np.ndarray, met: np.ndarray, unknown: str) -> list[Finding]:
    """Sealed test rows among the new ones (a score on them would be a look at the test set), or what can be said where they cannot be told."""
    if met.any():
        told = f"{int(met.sum()):,} of {len(met):,} rows have the inputs of sealed test rows; they are left out, for a score on them would be a look at the test set. Told by keyed hashes of inputs: no value was read, the vault stays shut, and a row with a changed input is not recognised."
        return [Finding(id="sealed-rows-seen", check="sealed-rows-seen", severity="warn", title="Rows that are sealed test rows", seen=told, rows=int(met.sum()), source="D09")]
    parts = (bench.dev.split or {}).get("parts") or {}
    known, sealed = len(bench.dev.y), int(parts.get("test") or 0) if isinstance(parts.get("test"), int) else 0
    rest = min(round(int(seen.sum()) * sealed / max(known, 1)), len(seen) - int(seen.sum()))
    if not unknown or not rest:
        return []
    told = f"Whether sealed test rows are among the others cannot be told: {unknown}. If the file is the project's own, expect about {rest:,}; they are no new evidence."
    return [Finding(id="sealed-rows-seen", check="sealed-rows-seen", severity="info", title="Sealed test rows cannot be recognised", seen=told, rows=rest, source="D09")]


def _copy_findings(check: str, copies: np.ndarray, of: str, why: str) -> list[Finding]:
    """Pictures that look like copies `of` others, saved again, resized or mirrored, and `why` they are left out."""
    n = int(copies.sum())
    if not n:
        return []
    said = "looks like a copy" if n == 1 else "look like copies"
    told = f"{n:,} of {len(copies):,} {said} of {of} (saved again, resized or mirrored); they are left out of the score, for {why}"
    return [Finding(id=check, check=check, severity="warn", title=f"{n:,} {said} of {of}", seen=told, rows=n, source="D09")]


def _alike_findings(alike: np.ndarray) -> list[Finding]:
    """Copies of sealed pictures, saved with loss or resized (checks.md 7.3)."""
    why = "that would be a look at the test set. Told by perceptual hashes: no sealed picture was opened, and a different picture of the same scene may be among them."
    return _copy_findings("sealed-copies-seen", alike, "sealed pictures", why)


def _near_findings(near: np.ndarray) -> list[Finding]:
    """Copies of development pictures: the model knows them as good as by heart (D09)."""
    return _copy_findings("copies-seen-before", near, "development pictures", "the model was made with them.")


def _strange(bench: Bench, new: Any) -> list[str]:
    """Up to three labels of the file that are no class of the model."""
    if bench.dev.target not in new.natural.columns:
        return []
    labels = new.natural[bench.dev.target].drop_nulls().cast(str).unique(maintain_order=True).to_list()
    return [v for v in labels if v.strip() not in set(bench.dev.classes)][:3]


def _unjudged(bench: Bench, new: Any) -> list[Finding]:
    """The file has no target, so nothing is judged; a column with the target's own classes was perhaps renamed."""
    target, found = bench.dev.target, new.natural
    if new.y is not None or target in found.columns:
        return []
    if bench.kind.id == "images":
        return [Finding(id="target-missing", check="target-missing", severity="info", title="The pictures lie in no class folders", seen="No picture can be judged. Predictions and drift are all that can be said.", source="D01")]
    extra = [c for c in found.columns if c not in bench.dev.natural.columns and not c.startswith("__")]
    alike = [c for c in extra if bench.dev.classes and 0 < found[c].n_unique() <= 50 and set(found[c].drop_nulls().cast(str).to_list()) <= set(bench.dev.classes)]
    hint = f" Column {safe_text(alike[0], 60)!r} holds the same classes: if it is the target, give it that name." if alike else " Predictions and drift are all that can be said."
    return [Finding(id="target-missing", check="target-missing", severity="warn" if alike else "info", title=f"There is no column {safe_text(target, 60)!r}", seen=f"No row can be judged.{hint}", source="D01")]


def _write(ctx: RunContext, bench: Bench, predictions: Predictions) -> str:
    """Predictions for every row as a file of the run folder; field rows are no development rows and get no row numbers of theirs."""
    path = ctx.run.arrays_dir / "field.npz"
    held = predictions.values if predictions.proba is None else predictions.proba
    np.savez(path, predictions=np.asarray(held, np.float64), classes=np.array(predictions.classes, dtype=str))
    return str(path.relative_to(ctx.project.path))


def _score(bench: Bench, new: Any, predictions: Predictions, kept: np.ndarray, threshold: float | None) -> Score | None:
    """The judged score of rows the model has never met, from 20 judged rows on (E05)."""
    if len(kept) < JUDGED or bench.task != "regression" and len(np.unique(new.y[kept])) < 2 and bench.metric in RANKS:
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


def _weak(bench: Bench, new: Any, kept: np.ndarray, predictions: Predictions, candidate: ModelResult, result: Score | None, job: FieldJob) -> list[str]:
    """A missed target, and slices of the judged rows where the model is weak."""
    out = []
    if result is not None and job.target is not None and verdicts.sign(bench.metric) * (job.target - (result.high if verdicts.sign(bench.metric) > 0 else result.low)) > 0:
        out.append(f"this file's predictions for the target {job.target:.6g}: the whole interval misses it")
    if len(kept) >= 2 * ENOUGH:
        rows = find(bench.metric, new.y[kept], predictions.take(kept), columns_of(new.table, bench.dev, kept), threshold=candidate.threshold, with_pairs=False)
        out += [f"{s.name}: {s.value:.4g} against {s.rest:.4g} elsewhere ({s.rows} rows)" for s in rows if s.significant and s.harm > 0 and not s.name.startswith("class = ")][:5]
    return out
