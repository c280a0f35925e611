"""How an epoch of a member is cut into batches, and which rows it draws (D12, D13): always after the split, from training rows only."""

from dataclasses import dataclass

import torch
from torch import Tensor

from phasewise.engine import streams
from phasewise.records.errors import BadInputError
from phasewise.records.models import TrainSpec


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """An epoch draws `steps` batches of exactly `batch` rows out of `rows`; what is left over differs from epoch to epoch."""

    rows: int
    batch: int
    steps: int


def rows_per_epoch(sampling: str, n: int, counts: Tensor) -> int:
    """Rows an epoch draws: n, or classes x smallest class when under-sampling."""
    present = counts[counts > 0]
    return int(present.min()) * len(present) if sampling == "under" and len(present) else n


def batch_plan(train: TrainSpec, n: int, counts: Tensor, *, least: int = 1) -> BatchPlan:
    """Cuts n training rows into equal batches.

    From eight batches up the short last batch is left out; below that the rows are spread evenly, so that little data is not
    wasted and no batch of one row appears. `least` is the smallest batch the network can train on (2 with batch norm).
    """
    rows = rows_per_epoch(train.sampling, n, counts)
    if rows < least:
        raise BadInputError(
            f"{rows} training rows are too few", f"This network needs batches of at least {least} rows.", "Use more rows or a network without batch norm.",
        )
    asked = max(train.batch_size, least)
    if rows >= 8 * asked:
        return BatchPlan(rows=rows, batch=asked, steps=rows // asked)
    steps = min(-(-rows // asked), rows // least)
    return BatchPlan(rows=rows, batch=rows // steps, steps=steps)


def draw(rows: Tensor, y: Tensor, sampling: str, plan: BatchPlan, seed: int, epoch: int) -> Tensor:
    """The row numbers of one epoch in order: int64 [steps * batch] on the device of `rows`."""
    count = plan.steps * plan.batch
    if sampling in ("none", ""):
        return rows.index_select(0, streams.permutation(len(rows), seed, epoch, rows.device)[:count])
    source = streams.generator(seed, "sample", epoch)
    labels = y[rows].to("cpu")
    if sampling == "under":
        kept = []
        counts = torch.bincount(labels)
        least = int(counts[counts > 0].min())
        for label in torch.unique(labels).tolist():
            where = (labels == label).nonzero().flatten()
            kept.append(where[torch.from_numpy(source.permutation(len(where))[:least])])
        chosen = torch.cat(kept)
    else:
        classes, inverse, sizes = torch.unique(labels, return_inverse=True, return_counts=True)
        by_class = torch.argsort(inverse, stable=True)
        starts = torch.cumsum(sizes, 0) - sizes
        label = torch.from_numpy(source.integers(0, len(classes), len(rows)))
        within = torch.from_numpy(source.random(len(rows))) * sizes[label]
        chosen = by_class[starts[label] + within.long().clamp_max(sizes[label] - 1)]
    chosen = chosen[torch.from_numpy(source.permutation(len(chosen)))]
    return rows[chosen[:count].to(rows.device)]
