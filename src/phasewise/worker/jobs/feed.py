"""New labelled rows for the model in service: drift, a candidate from old and new rows, promote or keep by paired comparison on held rows (X14)."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phasewise.checks.newdata import NewData, field_report
from phasewise.kinds.tabular.rows import content_hashes
from phasewise.records.errors import BadInputError, RunError, UsageError
from phasewise.records.findings import Finding
from phasewise.records.jobs import FeedJob
from phasewise.records.metrics import metric
from phasewise.records.results import FeedResult, ModelResult, PairedRow
from phasewise.stats.intervals import judged
from phasewise.stats.paired import Difference, difference
from phasewise.stats.scores import score
from phasewise.worker import arrays, models, streaming
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.context import RunContext
from phasewise.worker.feeding import Fed, appended, held_out
from phasewise.worker.hooks import Stages
from phasewise.worker.thresholds import decided
from phasewise.worker.trials import Outcome, Trial, run_trials

LEAST = 30
"""Held labelled rows below which nothing can be said about new rows."""
SEED = "seed-"
"""How candidates are named before one is chosen."""


def run(ctx: RunContext, job: FeedJob) -> FeedResult | None:
    """The incumbent stays unless the candidate is better on new rows beyond noise and loses no more than `forget` on old ones."""
    if job.data.kind != "tabular":
        raise UsageError("only tables can be fed", f"This project holds {job.data.kind}.", "Make new sets from the new data instead: `phasewise run --reopen data=REASON`.")
    bench = open_bench(job.data, ctx.project, ctx.device)
    ctx.started(job.title or f"Feed {job.name}")
    incumbent = models.result_of(ctx.project, bench, job.model)
    new, fresh, seen = _fresh(ctx, bench, job.data, job.file)
    held = fresh[held_out(_hashes(bench, new, fresh))]
    learned = np.setdiff1d(fresh, held)
    if len(held) < LEAST:
        raise BadInputError("too few new labelled rows", f"{len(fresh):,} rows of {new.file} are labelled and new; a third of them judges, and {LEAST} are needed for that.", f"Feed at least {3 * LEAST + 20} labelled rows at once.", where=job.file)
    ctx.progress(1, 4, unit="steps", note="drift")
    stored = models.validation_of(ctx.project, bench, job.model)
    predictor = bench.kind.room("predictor").load(models.folder_of(ctx.project, job.model))
    old_said = predictor.predict(new.table[held])
    report = field_report(NewData(reference=bench.dev.natural, new=new.remedied[fresh], target=bench.dev.target, roles=bench.dev.roles, reference_outputs=stored.predictions, outputs=predictor.predict(new.table[fresh]), seed=job.seed))
    ctx.progress(2, 4, unit="steps", note="training on old and new rows")
    for note in streaming.sampled(bench.dev, "retraining learns from them and from the new rows"):
        ctx.log(note, "warning")
    tables, ys = [], []
    for file in job.earlier:
        before, rows, _ = _fresh(ctx, bench, job.data, file)
        rows = rows[~held_out(_hashes(bench, before, rows))]
        tables.append(before.table[rows])
        ys.append(before.y[rows])
    fed = appended(bench, [*tables, new.table[learned]], [*ys, new.y[learned]])
    tried = _retrained(ctx, fed, job, incumbent)
    if not tried:
        return None
    ctx.progress(3, 4, unit="steps", note="comparison")
    y_new, cut = new.y[held], incumbent.threshold
    gains = [difference(bench.metric, y_new, t.shipped.predict(new.table[held]), old_said, seed=job.seed, thresholds=(t.model.threshold, cut)).value for t in tried]
    candidate = tried[int(np.argsort(gains, kind="stable")[(len(gains) - 1) // 2])].kept(ctx, fed)
    said = models.validation_of(ctx.project, fed, candidate.ref).at(stored.rows)
    cuts = (candidate.threshold, cut)
    shipped = bench.kind.room("predictor").load(ctx.model_dir("candidate"))
    new_said = shipped.predict(new.table[held])
    old = difference(bench.metric, stored.y, said.predictions, stored.predictions, bench.groups(stored.rows), seed=job.seed, thresholds=cuts)
    ahead = difference(bench.metric, y_new, new_said, old_said, seed=job.seed, thresholds=cuts)
    before_new = judged(bench.metric, y_new, old_said, threshold=incumbent.threshold)
    allowed = job.forget if metric(bench.metric).maximize else job.forget * 2 * incumbent.validation.value
    promoted, reason = decision(old, ahead, allowed)
    ctx.finding("feed-decision", "info" if promoted else "warn" if ahead.high < 0 else "info", "Promoted" if promoted else "The incumbent stays", reason)
    return FeedResult(
        name=job.name, file=new.file, sha256=hashlib.sha256(Path(job.file).read_bytes()).hexdigest(), rows=len(seen), fresh=len(fresh), trained=len(learned), held=len(held),
        findings=[*_seen_finding(seen), *report.findings], drift=report.drift, domain_auc=report.domain_auc, incumbent=job.model,
        old=_row("old validation rows", old, score(bench.metric, stored.y, said.predictions, threshold=candidate.threshold)),
        new=_row("held new rows", ahead, score(bench.metric, y_new, new_said, threshold=candidate.threshold)),
        incumbent_old=incumbent.validation, incumbent_new=before_new, promoted=promoted, reason=reason, model=candidate,
        notes=[*([f"{len(job.earlier)} earlier feed(s) are in the training pool"] if job.earlier else []), *_spread(gains)],
    )


def decision(old: Difference, new: Difference, allowed: float) -> tuple[bool, str]:
    """Promote or keep, with the reason in words; both differences are candidate minus incumbent, positive = better."""
    on_new = f"{new.value:+.4g} [{new.low:+.4g}, {new.high:+.4g}] on held new rows"
    on_old = f"{old.value:+.4g} [{old.low:+.4g}, {old.high:+.4g}] on old validation rows"
    if new.low > 0 and old.value > -allowed:
        return True, f"better beyond noise, {on_new}, and {on_old} (at most {allowed:.3g} may be lost)"
    if new.low > 0:
        return False, f"rolled back: better on new rows, {on_new}, but it forgets too much, {on_old} (at most {allowed:.3g} may be lost)"
    if new.high < 0:
        return False, f"rolled back: worse on new rows, {on_new}; look at the labels of this file"
    return False, f"no gain beyond noise, {on_new}; {on_old}: the incumbent stays"


def _fresh(ctx: RunContext, bench: Bench, view: Any, file: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """Rows of a file, the labelled ones that are in no part yet, and which were seen before."""
    arriving = bench.kind.room("arriving")
    new = arriving.arrived(ctx.project, view, bench.dev, file)
    seen = arriving.seen_before(bench.dev, new)
    if hasattr(arriving, "sealed_met"):  # sealed rows of the own file must not be learned from
        seen = seen | arriving.sealed_met(ctx.project, bench.dev, new)[0]
    if hasattr(arriving, "sealed_alike"):
        seen = seen | arriving.sealed_alike(ctx.project, bench.dev, new)[0]
    return new, np.intersect1d(new.labelled, np.flatnonzero(~seen)), seen


def _hashes(bench: Bench, new: Any, rows: np.ndarray) -> np.ndarray:
    names = [c for c in bench.dev.features if c in new.table.columns and c not in new.missing]
    return np.asarray(content_hashes(new.table[rows], names))


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One candidate, saved under a name of its own until one of them is chosen."""

    model: ModelResult
    shipped: Any
    outcome: Outcome | None = None

    def kept(self, ctx: RunContext, fed: Fed) -> ModelResult:
        """This one as `candidate`; the others' folders go."""
        if self.outcome is None:
            return self.model
        found = models.save(ctx, fed, self.outcome, "candidate", measure=False)
        for folder in ctx.run.models_dir.glob(f"{SEED}*"):
            shutil.rmtree(folder)
        for file in ctx.run.arrays_dir.glob(f"{SEED}*.npz"):
            file.unlink()
        return found


def _spread(gains: list[float]) -> list[str]:
    """What the seeds say of one another: the middle one stands for them, so that no lucky one is promoted."""
    if len(gains) < 2:
        return []
    return [f"{len(gains)} seeds: the gain on held new rows runs from {min(gains):+.4g} to {max(gains):+.4g}; the seed in the middle is the candidate"]


def _retrained(ctx: RunContext, fed: Fed, job: FeedJob, incumbent: ModelResult) -> list[Tried]:
    """The incumbent's recipe on old and new rows, from scratch: a warm start on new rows generalises worse (Ash & Adams 2020)."""
    config = models.config_of(incumbent)
    if config is not None:
        trials = [Trial(id=f"{SEED}{s}", config=config, seed=incumbent.seed + s) for s in range(job.seeds)]
        batch = run_trials(ctx, fed, trials, stages=Stages(ctx), watch=False)
        if ctx.control.stop is not None:
            return []
        whole = [(t.id, o) for t in trials if (o := batch.outcomes.get(t.id)) is not None and o.finite]
        if not whole:
            raise RunError("training on the old and the new rows broke down", "No seed ended with finite predictions.", "Look at the new rows; the incumbent stays in service.")
        load = fed.kind.room("predictor").load
        return [Tried(model=models.save(ctx, fed, o, name, measure=False), shipped=load(ctx.model_dir(name)), outcome=o) for name, o in whole]
    if incumbent.source != "baseline":
        raise UsageError("an ensemble is not trained again by a feed", f"{job.model} combines several models.", "Name a single model with --model RUN/MODEL.")
    folder, place = models.folder_of(ctx.project, job.model), ctx.model_dir("candidate")
    rows, said = fed.kind.room("refitting").refit(folder, place, fed.dev, fed.splits, fed.fed, seed=incumbent.seed, threads=ctx.threads, threshold=incumbent.threshold, source=f"{ctx.run.id}/candidate")
    order = np.argsort(rows, kind="stable")
    rows, said = rows[order], said.take(order)
    y = np.asarray(fed.dev.y)[rows]
    arrays.save(ctx.run.arrays_dir, "candidate", rows=rows, y=y, predictions=said)
    found, _ = decided(fed.metric, y, said, fed.groups(rows), seed=job.seed)
    made = ModelResult(
        ref=f"{ctx.run.id}/candidate", name="candidate", family=incumbent.family, source="baseline", validation=found, seed=incumbent.seed, threshold=incumbent.threshold,
        size_mb=models.size_mb(place), config=incumbent.config, digest=models.digest(place),
    )
    return [Tried(model=made, shipped=fed.kind.room("predictor").load(place))]


def _row(name: str, found: Difference, value: float) -> PairedRow:
    return PairedRow(name=name, value=float(value), difference=found.value, low=found.low, high=found.high, method=found.method)


def _seen_finding(seen: np.ndarray) -> list[Finding]:
    if not seen.any():
        return []
    return [Finding(id="rows-seen-before", check="rows-seen-before", severity="warn", title="Rows that are among the development rows or the sealed test rows", seen=f"{int(seen.sum()):,} of {len(seen):,} rows; they are left out.", rows=int(seen.sum()), source="D09")]
