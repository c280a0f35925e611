"""Test-time augmentation of a trained network as models of their own, judged on the same validation rows (X08)."""

import numpy as np

from phasewise.records.results import ModelResult
from phasewise.stats.intervals import judged
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import all_scores, joined
from phasewise.worker import arrays, models
from phasewise.worker.bench import Bench
from phasewise.worker.context import RunContext


def variants(ctx: RunContext, bench: Bench, single: ModelResult) -> list[ModelResult]:
    """One model per form of TTA; each is saved, and its validation predictions come out of fold where there are folds."""
    room = bench.kind.room("tta")
    source = models.folder_of(ctx.project, single.ref)
    out = []
    for form in room.FORMS:
        ctx.control.check()
        name = f"tta-{form.replace('_', '-')}"
        folder = ctx.model_dir(name)
        if not room.variant(source, folder, form, name=name, seed=ctx.job.seed):
            return []
        predictor = bench.kind.room("predictor").load(folder)
        rows = np.concatenate([v for _, v in bench.splits])
        parts = [_said(predictor, number, bench, v) for number, (_, v) in enumerate(bench.splits)]
        said, y = joined(parts), np.asarray(bench.dev.y)[rows]
        arrays.save(ctx.run.arrays_dir, name, rows=rows, y=y, predictions=said)
        out.append(ModelResult(
            ref=f"{ctx.run.id}/{name}", name=name, family=single.family, source="network", validation=judged(bench.metric, y, said, bench.groups(rows)), others=all_scores(y, said),
            seconds=single.seconds, parameters=single.parameters, size_mb=models.size_mb(folder), latency_ms=models.latency_of(bench, folder), config=single.config,
            digest=models.digest(folder),
        ))
    return out


def _said(predictor: object, fold: int, bench: Bench, rows: np.ndarray) -> Predictions:
    """Predictions of rows by the member that has not seen them."""
    one = predictor if bench.dev.folds is None else predictor.members[fold]  # type: ignore[attr-defined]
    return one.predict(models.take(bench.dev.table, rows))  # type: ignore[attr-defined]
