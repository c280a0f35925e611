"""The split of a table larger than memory: drawn over all rows from their hashes and labels; only test rows and a sample are ever held."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.shared.assigning import TEST, TRAIN, VALIDATION
from phasewise.kinds.shared.clusters import Clusters
from phasewise.kinds.shared.drawing import Drawn, sizes_of
from phasewise.kinds.shared.labels import Labels
from phasewise.kinds.tabular import casting, large, rows, targets
from phasewise.kinds.tabular.reading import ROW, RawTable, effective_roles
from phasewise.kinds.tabular.splitting import Table
from phasewise.records.errors import UsageError
from phasewise.records.jobs import SplitJob

LEAST_OF_A_CLASS = 20
"""Training rows of every class that are held, where it has so many."""


@dataclass(kw_only=True)
class LargeTable(Table):
    """`frame` holds target, group and time of all rows; `raw.frame` is a random sample of whole rows."""

    totals: np.ndarray
    room: int
    seed: int
    said: list[str] = field(default_factory=list)
    _held: np.ndarray | None = field(default=None, repr=False)
    _seen: "tuple[Table, Drawn] | None" = field(default=None, repr=False)

    @property
    def most(self) -> int:
        """Rows that may be judged on at once."""
        assert self.raw.source is not None
        return int(large.JUDGING * self.raw.source.held_rows(self.room))

    def clusters(self, group: str | None) -> Clusters:
        """Exact copies and groups."""
        found = rows.copies_alone(self.totals, self.raw.frame, self.features, self.frame[group] if group else None)
        return replace(found, notes=[*found.notes, *self.said])

    def sized(self, job: SplitJob) -> SplitJob:
        """Test and validation no larger than what can be judged in memory, which is said."""
        n = int(self.labels.known.sum())
        wanted = sizes_of(self.labels, job, n)
        changes: dict[str, float] = {}
        for name, count in (("test", wanted.test), ("validation", wanted.validation)):
            if count > self.most and not (name == "validation" and wanted.folds):
                changes[f"{name}_share"] = self.most / n
                self.said.append(f"{name}: {self.most:,} rows instead of {count:,}, as many as are judged at once where {self.room / 2**20:,.0f} MB are allowed ({large.LIMIT}); the others train")
        return job.model_copy(update=changes)

    def held(self, drawn: Drawn) -> np.ndarray:
        """Mask [n]: validation rows as far as they fit, and a random sample of the training rows with some of every class."""
        if self._held is None:
            assert self.raw.source is not None
            count, rng = self.raw.source.held_rows(self.room), np.random.default_rng([self.seed, len(drawn.part)])
            out = np.zeros(len(drawn.part), bool)
            judging = rng.permutation(np.flatnonzero(drawn.part == VALIDATION))
            if not drawn.folds:
                judging = judging[: self.most]
            learning = rng.permutation(np.flatnonzero(drawn.part == TRAIN))
            if drawn.folds:
                learning = rng.permutation(np.concatenate([judging, learning]))
                judging = judging[:0]
            out[judging] = True
            out[learning[: count - len(judging)]] = True
            for code in range(len(self.labels.classes)):
                own = learning[self.labels.y[learning] == code]
                out[own[:LEAST_OF_A_CLASS]] = True
            self._held = out
        return self._held

    def look(self, drawn: Drawn) -> tuple[Table, Drawn]:
        """Held and test rows, gathered from the file in one pass."""
        if self._seen is None:
            source = self.raw.source
            assert source is not None
            test = drawn.part == TEST
            if int(test.sum()) > self.most:
                raise UsageError("the test part would not fit into memory", f"{int(test.sum()):,} rows are marked as test; {self.most:,} fit where {self.room / 2**20:,.0f} MB are allowed.", f"Mark fewer rows, or allow more ({large.LIMIT}).")
            numbers = np.flatnonzero(test | self.held(drawn))
            small = Table(
                raw=self.raw, frame=source.gather(numbers, self.room), labels=Labels(task=self.labels.task, classes=self.labels.classes, y=self.labels.y[numbers]),
                roles=self.roles, formats=self.formats, hashes=self.hashes[numbers], external=self.external[numbers],
            )
            part = drawn.part[numbers]
            self._seen = small, replace(
                drawn, part=part, clusters=replace(drawn.clusters, label=drawn.clusters.label[numbers]), stratum=drawn.stratum[numbers],
                order=None if drawn.order is None else drawn.order[numbers], fold_ids=None if drawn.fold_ids is None else drawn.fold_ids[numbers],
            )
        return self._seen

    def settle(self, project: Any, drawn: Drawn) -> dict[str, Any]:
        """The part of every row for those who stream, and what was allowed."""
        folds = drawn.fold_ids[:, 0] if drawn.folds and drawn.fold_ids is not None else None
        large.write(project, drawn.part, folds)
        held = self.held(drawn) & np.isin(drawn.part, (TRAIN, VALIDATION))
        assert self.raw.source is not None
        return {"large": {"rows": len(drawn.part), "room": self.room, "held": int(held.sum()), **self.raw.source.settled}}


def read_table(job: SplitJob, raw: RawTable) -> LargeTable:
    """Hashes of all rows, and the columns that a split looks at, block by block."""
    view, source, room = job.data, raw.source, large.allowed()
    assert source is not None
    if job.test_file:
        raise UsageError("a table larger than memory cannot have a test file of its own", f"{source.rows:,} rows would take {source.cells * large.CELL / 2**20:,.0f} MB; {room / 2**20:,.0f} MB are allowed.", f"Join the two files and name a split file (data.split_file), or allow more ({large.LIMIT}).")
    target = targets.find_target(raw.columns, view.target)
    for name in (job.group, job.time):
        if name:
            targets.find_target(raw.columns, name)
    roles = effective_roles(raw.frame, view)
    features = [c for c, r in roles.items() if r != "ignore"]
    kept = [ROW, *dict.fromkeys(c for c in (target, job.group, job.time) if c)]
    hashes, totals, narrow = np.empty(source.rows, np.uint64), np.empty(source.rows, np.uint64), []
    for block in source.blocks(room):
        at = slice(int(block[ROW][0]), int(block[ROW][0]) + block.height)
        hashes[at] = rows.content_hashes(block, raw.columns)
        totals[at] = rows.totals(block, features) if features else 0
        narrow.append(block.select(kept))
    frame = pl.concat(narrow, how="vertical_relaxed").rechunk()
    del narrow
    targets.check_target(frame[target], view.task)
    labels = targets.encode(frame[target], view)
    formats = {**casting.find_formats(raw.frame, {**roles, **({target: "number"} if labels.task == "regression" else {})}), **casting.formats_of(view)}
    return LargeTable(
        raw=raw, frame=frame, labels=labels, roles=roles, formats=formats, hashes=hashes, external=np.zeros(source.rows, bool), totals=totals, room=room, seed=job.seed,
    )
