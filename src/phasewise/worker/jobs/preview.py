"""Augmented pictures before a training sees them: a grid for the eye, a frozen network for the figure (R10, R11)."""

import numpy as np

from phasewise.records.errors import UsageError
from phasewise.records.jobs import PreviewJob
from phasewise.records.results import PreviewResult
from phasewise.worker import models
from phasewise.worker.bench import open_bench
from phasewise.worker.context import RunContext


def run(ctx: RunContext, job: PreviewJob) -> PreviewResult:
    """The grid from training pictures, the figure from validation pictures; raises `UsageError` for a kind that augments nothing."""
    bench = open_bench(job.data, ctx.project, ctx.device)
    if bench.kind.id != "images":
        raise UsageError("there is nothing to preview", f"Data of the kind {bench.kind.id!r} are not augmented.", "Augmentation belongs to pictures.")
    room = bench.kind.room("previewing")
    policy = dict(job.config.network.options.get("augment") or {})
    ctx.started(job.title or "Augmentation")
    if not policy:
        return PreviewResult(versions=1, advice="Pictures are shown to the network as they are: this family or these answers augment nothing.")
    train, validation = bench.splits[0]
    fitting = bench.dev.fitting.changed({k: v for k, v in job.config.prepare.items() if k != "features"})
    pictures = room.grid(bench.dev, policy, np.asarray(train), fitting=fitting, seed=job.seed)
    ctx.progress(1, 2, unit="parts", note="grid")
    judge = room.judge(models.folder_of(ctx.project, job.judge)) if job.judge else None
    found = room.strength(*judge, bench.dev, policy, np.asarray(validation), seed=job.seed, check=ctx.control.check) if judge else {}
    advice = room.advice(found)
    if found.get("too_strong"):
        ctx.finding("augmentation-too-strong", "warn", "The augmentation may hide what the pictures show", advice)
    return PreviewResult(policy=policy, said=room.said(policy), pictures=pictures, versions=job.config.train.epochs, strength={**found, "judge": job.judge} if found else {}, advice=advice)
