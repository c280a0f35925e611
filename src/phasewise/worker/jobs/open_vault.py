"""One look at the sealed test set with a frozen candidate (E01, E02; checks.md 7.4-7.7).

Besides `split` the only job that touches the vault. The opening is in the ledger before a row leaves; only aggregates come out.
"""

import io

import numpy as np

from phasewise.project.vault import Opening, Vault
from phasewise.records.errors import GateError
from phasewise.records.jobs import OpenVaultJob
from phasewise.records.results import PairedRow, VerifyResult
from phasewise.records.text import safe_text
from phasewise.stats import conformal
from phasewise.stats.chosen import best_left_out
from phasewise.stats.intervals import judged
from phasewise.stats.paired import Difference, difference
from phasewise.stats.power import chance_to_confirm
from phasewise.stats.predictions import Predictions
from phasewise.stats.promise import promised
from phasewise.stats.scores import all_scores, score
from phasewise.worker import background, models, verdicts
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.inspecting import columns_of, pictures
from phasewise.worker.inspecting.slices import find


def run(ctx: RunContext, job: OpenVaultJob) -> VerifyResult:
    """Judge the frozen candidate and the baselines on the test rows; everything is frozen and predicted before the opening."""
    bench = open_bench(job.data, ctx.project, "cpu")
    candidate = models.result_of(ctx.project, bench, job.model)
    folder = models.folder_of(ctx.project, job.model)
    if candidate.digest and models.digest(folder) != candidate.digest:
        raise GateError("the candidate is not the model that was recorded", f"The files of {job.model} changed since its run.", "Train it again; a changed model cannot be verified.")
    predictors = {job.model: bench.kind.room("predictor").load(folder)}
    for ref in job.baselines:
        if ref not in predictors:
            predictors[ref] = bench.kind.room("predictor").load(models.folder_of(ctx.project, ref))
    ctx.started(job.title or "Opening the vault")
    with Vault(ctx.project.path) as vault:
        rows = int(vault.manifest()["parts"]["test"]["rows"])
        evaluations = max(job.evaluations, vault.ledger.evaluations(), 1)
        validation = candidate.validation
        held = models.stored_of(ctx.project, job.model)
        shared = background.luck_correlation(ctx.project, bench.metric, held.rows) if held is not None else None
        corrected, luck = verdicts.corrected(validation, evaluations, shared)
        foreseen = job.foreseen or promised(validation, corrected, rows)
        power = _power(job, bench, validation.se, validation.n, corrected, rows)
        vault.freeze(job.freeze, {"model": job.model, "digest": candidate.digest, "claim": job.claim, "target": job.target, "margin": job.margin, "metric": bench.metric, "threshold": candidate.threshold})
        opening = vault.open_container(job.reason, job.freeze, run=ctx.run.id)
        redrawn = [str(e.data["reason"]) for e in vault.ledger.of_generation("resplit") if e.data.get("reason")]
        ctx.log(f"Look {opening.look} of generation {opening.generation} is in the ledger; intervals at level {opening.level:.4g}.")
        test = bench.kind.room("arriving").opened(ctx.project, job.data, bench.dev, opening.data)
        kept = test.labelled
        y, table = test.y[kept], models.take(test.table, kept)
        groups = None if test.groups is None else test.groups[kept]
        predictions: dict[str, Predictions] = {}
        for number, (ref, predictor) in enumerate(predictors.items()):
            predictions[ref] = predictor.predict(table)
            ctx.progress(number + 1, len(predictors) + 1, unit="models")
        earlier = {name: _unpack(vault.stored(name), predictions[job.model]) for name in vault.stored_names()}
        for ref, found in predictions.items():
            vault.store(_store_name(ref), _pack(found))
    threshold = candidate.threshold
    mine = predictions[job.model]
    test_score = judged(bench.metric, y, mine, groups, level=opening.level, threshold=threshold)
    usual = test_score if opening.look == 1 else judged(bench.metric, y, mine, groups, threshold=threshold)
    cuts = {ref: p.threshold for ref, p in predictors.items()} | {job.model: threshold}
    pairs = {ref: difference(bench.metric, y, mine, p, groups, level=opening.level, thresholds=(threshold, cuts[ref])) for ref, p in predictions.items() if ref != job.model}
    values = {ref: score(bench.metric, y, p, threshold=cuts[ref]) for ref, p in predictions.items()}
    z = verdicts.gap_z(bench.metric, corrected, validation.se, usual.value, usual.se)
    rival = job.rival if job.rival in pairs else _rival(bench.metric, pairs, values)
    claim = (pairs[rival].value, pairs[rival].low, pairs[rival].high) if job.claim == "better_than_baseline" and rival else None
    seen = verdicts.look(test_score, z=z, wanted=job.target if claim is None else None, difference=claim, margin=job.margin, against=rival or "",
        raw_z=verdicts.gap_z(bench.metric, validation.value, validation.se, usual.value, usual.se), cause=verdicts.cause_of(str(opening.manifest.get("policy", "")), evaluations),
        promised=foreseen, by_time=str(opening.manifest.get("policy", "")) == "time")
    reason = seen.reason if claim is None or job.target is None else f"{seen.reason} {verdicts.beside_goal(test_score, job.target)}"
    warning, shrunk = _reuse(ctx, bench.metric, y, mine, job.model, earlier, opening, groups) if opening.look > 1 else ("", None)
    if redrawn:
        warning = f"The parts were drawn anew after models had been scored on them ({safe_text('; '.join(redrawn), 300)}): this score is honest only as far as that choice owed nothing to scores. {warning}".strip()
    others = all_scores(y, mine, threshold=threshold)
    others |= _real_prior(bench, job, y, mine, threshold)
    if (limit := predictors[job.model].sets) is not None:
        others["coverage of 90 % sets"] = conformal.covered(y, mine, limit)
    looked = pictures(y, mine, threshold)
    return VerifyResult(
        test=test_score, validation=validation, corrected=corrected, expected=corrected if job.expected is None else job.expected, foreseen=foreseen, evaluations=evaluations, z=z, verdict=seen.verdict, reason=reason, looks=opening.look,
        generation=opening.generation, level=opening.level, others=others, paired=[_paired(ref, d, values[ref]) for ref, d in pairs.items()],
        confusion=looked["confusion"], calibration=looked["calibration"], claim=job.claim, target=job.target, power=power, predicted=job.predicted, freeze=job.freeze,
        slices=[s.model_dump() for s in find(bench.metric, y, mine, columns_of(table, bench.dev), threshold=threshold, with_pairs=False)[:20]],
        rows=len(y), model=job.model, changes=job.changes, shrunk=shrunk, manifest=str(opening.manifest.get("digest", "")), warning=warning, luck=luck, unlabelled=int(len(test.table) - len(kept)),
    )


def _power(job: OpenVaultJob, bench: Bench, se: float, n: int, corrected: float, rows: int) -> float | None:
    """Chance to confirm a target on this many test rows when the corrected validation value is the truth (7.4)."""
    if job.claim != "target" or job.target is None or not rows or se <= 0:
        return None
    return chance_to_confirm(corrected, job.target, se * (n / rows) ** 0.5, maximize=verdicts.sign(bench.metric) > 0)


def _rival(metric_id: str, pairs: dict[str, Difference], values: dict[str, float]) -> str | None:
    """The best of the baselines on these rows: the one the claim must beat."""
    return max(pairs, key=lambda ref: verdicts.sign(metric_id) * values[ref], default=None)


def _paired(ref: str, found: Difference, value: float) -> PairedRow:
    name = ref.partition("/")[2]
    return PairedRow(name=name, value=value, difference=found.value, low=found.low, high=found.high, method=found.method)


def _store_name(ref: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in ref)[:100].lstrip("._-") or "model"


def _pack(predictions: Predictions) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, predictions=np.asarray(predictions.values if predictions.proba is None else predictions.proba, np.float32))
    return buffer.getvalue()


def _unpack(data: bytes, like: Predictions) -> Predictions | None:
    """Stored predictions of an earlier look; None when they do not fit these rows or classes."""
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        values = held["predictions"].astype(float)
    now = like.values if like.proba is None else like.proba
    if values.shape != now.shape:
        return None
    return Predictions(task=like.task, classes=like.classes, values=values if like.proba is None else None, proba=values if like.proba is not None else None)


def _reuse(ctx: RunContext, metric_id: str, y: np.ndarray, mine: Predictions, model: str, earlier: dict[str, Predictions | None], opening: Opening, groups: np.ndarray | None) -> tuple[str, float | None]:
    """The adaptive-reuse warning (7.7): better than before counts only beyond its own standard error; and the value corrected for the choice.

    The corrected value is that of "the best of the opened models": picked on resampled rows (or groups), judged on those left out.
    """
    first = background.first_look(ctx.project, opening.generation)
    headline = f"the first opening ({first.value:.4g} [{first.low:.4g}, {first.high:.4g}])" if first is not None else "the first opening"
    text = f"Look {opening.look} at the same test set: it is no longer unseen, later numbers may be optimistic; {headline} stays the headline. The interval of this look is at level {opening.level:.4g}."
    opened = {_store_name(m) for m in background.opened_models(ctx.project, opening.generation)}
    known = {n: p for n, p in earlier.items() if p is not None and n in opened and n != _store_name(model)}
    if not known:
        return text, None
    direction = verdicts.sign(metric_id)
    best = max(known, key=lambda n: direction * score(metric_id, y, known[n]))
    gap = difference(metric_id, y, mine, known[best], groups, level=0.6827)
    beyond = gap.value > (gap.high - gap.low) / 2
    verdict = "beyond its own standard error: acknowledged" if beyond else "not beyond its own standard error: the earlier number stands"
    shrunk = best_left_out(metric_id, y, [mine, *known.values()], groups)
    luck = f" Picking the best of {len(known) + 1} opened models on these rows: {shrunk:.4g} after correction for the choice." if shrunk is not None else ""
    return f"{text} Difference to the best model opened before: {gap.value:+.4g}, {verdict}.{luck}", shrunk


def _real_prior(bench: Bench, job: OpenVaultJob, y: np.ndarray, mine: Predictions, threshold: float | None) -> dict[str, float]:
    """The metric re-weighted to the entered real-world class shares (G06, D04)."""
    prior = job.data.real_prior
    if not prior or bench.task == "regression":
        return {}
    shares = np.bincount(y.astype(int), minlength=len(bench.dev.classes)) / len(y)
    wanted = np.array([float(prior.get(c, s)) for c, s in zip(bench.dev.classes, shares, strict=True)])
    if wanted.sum() <= 0:
        return {}
    ratio = np.divide(wanted / wanted.sum(), shares, out=np.zeros_like(shares), where=shares > 0)
    return {f"{bench.metric} at real prior": score(bench.metric, y, mine, ratio[y.astype(int)], threshold=threshold)}

