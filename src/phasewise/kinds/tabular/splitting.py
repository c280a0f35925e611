"""The split: whole clusters, alike in strata, verified; test rows go into the vault and nowhere else (checks.md 7)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.shared import assigning, drawing, sealing, splitchecks
from phasewise.kinds.shared.assigning import DROPPED, PARTS, TEST, TRAIN, VALIDATION, Sizes
from phasewise.kinds.shared.clusters import Clusters
from phasewise.kinds.shared.drawing import Drawn
from phasewise.kinds.tabular import casting, rows, sealed, splitfiles, targets
from phasewise.kinds.tabular.reading import ROW, RawTable, effective_roles, read_raw
from phasewise.kinds.tabular.sources import identity
from phasewise.kinds.tabular.timing import time_order
from phasewise.records.errors import BadInputError, UsageError
from phasewise.records.findings import Finding
from phasewise.records.jobs import SplitJob
from phasewise.records.results.data import PartSummary, SplitResult
from phasewise.records.text import safe_text

Progress = Callable[..., Any]


@dataclass(kw_only=True)
class Table:
    """All labelled rows as the split sees them; with an external test file its rows follow the data file's."""

    raw: RawTable
    frame: pl.DataFrame
    labels: targets.Labels
    roles: dict[str, str]
    formats: dict[str, str]
    hashes: np.ndarray
    external: np.ndarray
    """Boolean [n]: the row comes from the test file."""

    @property
    def features(self) -> list[str]:
        """Input columns that tell rows apart."""
        return [c for c, r in self.roles.items() if r != "ignore"]

    def clusters(self, group: str | None) -> Clusters:
        """Rows that are never parted."""
        return rows.clusters(self.frame, self.features, group)

    def sized(self, job: SplitJob) -> SplitJob:
        """The job with the sizes that are possible here."""
        return job

    def look(self, drawn: Drawn) -> "tuple[Table, Drawn]":
        """Table and draw as the checks see them, test rows included."""
        return self, drawn

    def held(self, drawn: Drawn) -> np.ndarray | None:
        """Mask [n] of the rows that every job after this one has in memory; None for all."""
        return None

    def settle(self, project: Any, drawn: Drawn) -> dict[str, Any]:
        """Writes what only this kind of table needs beside the split; what `split.json` says of it."""
        return {}


def split(project: Any, job: SplitJob, progress: Progress) -> SplitResult:
    """Draw, verify, seal and record the split of a table.

    Test rows are written to the project's vault only; `splits/` holds row numbers of train and validation.
    Raises `BadInputError` for files, targets and split files that cannot be used.
    """
    progress(0, 5, note="reading")
    table = read_table(job)
    job = table.sized(job)
    progress(1, 5, note="copies and groups")
    drawn = draw(table, job)
    progress(2, 5, note="checks on counts")
    seen, as_seen = table.look(drawn)
    findings = check(seen, as_seen, job)
    progress(3, 5, note="sealing")
    test = seen.frame.filter(pl.Series(as_seen.part == TEST))
    recognised = sealed.packed(test, table.roles, table.formats)
    manifest = _seal(project, table, drawn, job, sealed.digest(recognised), test)
    progress(4, 5, note="writing")
    from phasewise.project import atomic

    parts = _parts(table, drawn, job)
    result = drawing.result(table, drawn, job, findings, manifest, policy=job.policy if not job.test_file else "file", parts=parts)
    drawing.write(project, table, drawn, job, result, numbers=table.frame[ROW].to_numpy().astype(np.int64), held=table.held(drawn), about={
        **table.settle(project, drawn),
        "file": table.raw.identity.model_dump(), "columns": table.raw.columns, "roles": table.roles, "formats": table.formats, "reading": table.raw.reading, "sealed": sealed.digest(recognised),
    })
    atomic.replace(project.path / "splits" / sealed.FILE, recognised)
    progress(5, 5, note="done")
    return result


def read_table(job: SplitJob) -> Table:
    """The data file (and external test file) with labels, roles and content hashes."""
    view = job.data
    raw = read_raw(view, sampled=True)
    if raw.source is not None:
        from phasewise.kinds.tabular import splitting_large

        return splitting_large.read_table(job, raw)
    target = targets.find_target(raw.columns, view.target)
    targets.check_target(raw.frame[target], view.task)
    frame = raw.frame
    external = np.zeros(frame.height, bool)
    if job.test_file:
        test = splitfiles.read_test(view, job.test_file, raw.columns)
        frame, external = stack(frame, test), np.r_[external, np.ones(test.height, bool)]
    labels = targets.encode(frame[target], view)
    if external.any() and labels.task != "regression":
        only = set(np.unique(labels.y[external])) - set(np.unique(labels.y[~external])) - {-1}
        if only:
            raise BadInputError("the test file has classes that the data file lacks", ", ".join(repr(safe_text(labels.classes[int(i)], 40)) for i in sorted(only)[:5]) + ".", "Add training rows of these classes, or correct the labels.", where=str(job.test_file))
    roles = effective_roles(raw.frame, view)
    for name in (job.group, job.time):
        if name:
            targets.find_target(raw.columns, name)
    hashes = rows.content_hashes(frame, [c for c in raw.columns])
    formats = {**casting.find_formats(raw.frame, {**roles, **({target: "number"} if labels.task == "regression" else {})}), **casting.formats_of(view)}
    return Table(raw=raw, frame=frame, labels=labels, roles=roles, formats=formats, hashes=hashes, external=external)


def stack(frame: pl.DataFrame, test: pl.DataFrame) -> pl.DataFrame:
    """Rows of a second file under those of the first; columns whose types differ become numbers or text."""
    casts = []
    for name, dtype in frame.schema.items():
        if test.schema[name] != dtype:
            text = pl.String in (dtype, test.schema[name]) or not (dtype.is_numeric() and test.schema[name].is_numeric())
            casts.append((name, pl.String if text else pl.Float64))
    for name, dtype in casts:
        frame, test = frame.with_columns(casting.to_category(frame[name]).cast(dtype) if dtype == pl.String else pl.col(name).cast(dtype)), test.with_columns(casting.to_category(test[name]).cast(dtype) if dtype == pl.String else pl.col(name).cast(dtype))
    return pl.concat([frame, test.with_columns(pl.col(ROW).cast(frame.schema[ROW]))], how="vertical")


def draw(table: Table, job: SplitJob) -> Drawn:
    """Part of each row by the job's policy; a pure function of contents, policy and seed."""
    labelled = table.labels.known
    n = int((labelled & ~table.external).sum())
    if n < 10:
        raise BadInputError("too few labelled rows", f"{n} rows have a target; at least 10 are needed.", "Label more rows.", where=job.data.file)
    cluster = table.clusters(job.group if job.policy == "grouped" else None)
    stratum = np.zeros(len(labelled), np.int64)
    if job.policy != "random":
        stratum[labelled] = assigning.strata(table.labels.y[labelled], table.labels.task)
    wanted = drawing.sizes_of(table.labels, job, n)
    drawn = Drawn(part=np.full(len(labelled), DROPPED, np.int8), clusters=cluster, stratum=stratum, folds=wanted.folds, notes=list(cluster.notes))
    if job.test_file:
        _external(table, job, drawn, wanted, labelled)
    elif job.policy == "file":
        _from_file(table, job, drawn, labelled)
    elif job.policy == "time":
        _in_time(table, job, drawn, wanted, labelled)
    else:
        if job.policy == "grouped" and not job.group:
            raise UsageError("no group column named", "A grouped split keeps the rows of one group together.", "Name the column (data.group).")
        drawing.at_random(table, job, drawn, wanted, labelled)
    if drawn.folds:
        drawing.fold(table, drawn, job)
    drawing.say_clusters(drawn, labelled)
    return drawn


MOST_TIMELESS = 0.2
"""Share of the rows that a split by time may leave out because they have no time."""


def _in_time(table: Table, job: SplitJob, drawn: Drawn, wanted: Sizes, use: np.ndarray) -> None:
    if not job.time:
        raise UsageError("no time column named", "A split by time needs a column that orders the rows.", "Name the column (data.time).")
    order, unit = time_order(table.frame[job.time], table.formats.get(job.time))
    drawn.order = order
    order = np.where(use, order, np.nan)
    timeless = int((use & ~np.isfinite(order)).sum())
    if timeless > MOST_TIMELESS * max(int(use.sum()), 1):
        raise BadInputError(f"cannot split by {safe_text(job.time, 60)!r}: most rows would be lost" if timeless > use.sum() / 2 else f"cannot split by {safe_text(job.time, 60)!r}: too many rows have no time", f"{timeless:,} of {int(use.sum()):,} labelled rows have no time there; a split by time leaves them out.", "Name a column that is filled (data.time), or choose another policy (data.policy).", where=job.time)
    drawn.part[:] = assigning.by_time(order, wanted, job.gap * unit)
    drawn.folds = 0
    lost = int((use & (drawn.part == DROPPED)).sum())
    if lost:
        drawn.notes.append(f"{lost:,} rows lie in a gap or have no time; they are in no part")


def _external(table: Table, job: SplitJob, drawn: Drawn, wanted: Sizes, use: np.ndarray) -> None:
    """All labelled rows of the test file are the test; their copies leave the training rows and are counted."""
    drawn.part[table.external & use] = TEST
    copied = drawing.quarantine(drawn, table.external, use)
    own = use & ~table.external & ~copied
    drawing.divide_rest(table, job, drawn, own)


def _from_file(table: Table, job: SplitJob, drawn: Drawn, use: np.ndarray) -> None:
    if not job.split_file:
        raise UsageError("no split file named", "The policy `file` takes the parts from a file.", "Name the split file or the test file.")
    given = splitfiles.read_parts(job.data, job.split_file, table.frame)
    given = np.where(use, given, DROPPED).astype(np.int8)
    held = drawn.clusters.label[given == TEST]
    copied = np.isin(drawn.clusters.label, np.unique(held)) & np.isin(given, (TRAIN, VALIDATION))
    drawn.quarantined = int(copied.sum())
    drawn.part[:] = np.where(copied, DROPPED, given)
    if not (drawn.part == TEST).any():
        raise BadInputError("the split file names no test row", "Every row is train or validation.", "Mark the rows of the sealed test.", where=str(job.split_file))
    if (drawn.part == VALIDATION).any():
        drawn.folds = 0
    else:
        drawing.divide_rest(table, job, drawn, drawn.part == TRAIN)


def check(table: Table, drawn: Drawn, job: SplitJob) -> list[Finding]:
    """P01-P12 on counts only."""
    part, labels = drawn.part, table.labels
    used = part != DROPPED
    by_chance = bool(drawn.clusters.notes)
    out = splitchecks.copies(table.hashes, part if not by_chance else np.full_like(part, DROPPED), -1 if job.policy in ("random", "stratified", "grouped") else splitchecks.across(drawn.clusters.label, part), drawn.quarantined)
    if labels.task != "regression":
        out += splitchecks.classes(labels.y[used], labels.classes, part[used], drawn.folds, job.policy)
    group = table.frame[job.group].rank("dense").fill_null(0).to_numpy().astype(np.int64) if job.group else None
    if group is not None:
        group = np.where(group == 0, -1 - np.arange(len(group)), group)
    order = drawn.order
    if order is None and job.time:
        order = time_order(table.frame[job.time], table.formats.get(job.time))[0]
    out += splitchecks.group_and_time(part, group, order, job.policy, job.claim, 0.0, job.group)
    stratum = np.zeros(len(part), np.int64)
    stratum[labels.known] = assigning.strata(labels.y[labels.known], labels.task)
    out += splitchecks.shift(stratum[used], part[used], job.policy)
    out += splitchecks.distinguishable(_plain(table), part, job.policy, job.seed, _compared(table))
    out += splitchecks.unseen(table.frame, [c for c, r in table.roles.items() if r == "category"], part, job.policy)
    out += splitchecks.size(int((part == TEST).sum()), drawing.half_width(labels, part), drawn.folds, job.policy)
    out.append(Finding(id="schema-across-parts", check="schema-across-parts", source="P10", severity="pass", title="All parts have the same columns"))
    return out + splitchecks.by_construction()


def _compared(table: Table) -> list[str]:
    return [c for c, r in table.roles.items() if r in ("number", "category")][:100]


def _plain(table: Table) -> np.ndarray:
    """Inputs as float [n, d]: numbers as they are, categories by rank of level; dates left out."""
    columns = []
    for name in _compared(table):
        column = table.frame[name]
        numbers = casting.parse_numbers(column, table.formats.get(name, "plain")) if table.roles[name] == "number" else column.rank("dense")
        columns.append(numbers.cast(pl.Float64).to_numpy())
    return np.stack(columns, axis=1) if columns else np.zeros((table.frame.height, 0))


def _parts(table: Table, drawn: Drawn, job: SplitJob) -> dict[str, PartSummary]:
    """Counts of each part; under a split by time the bounds are times."""
    found = drawing.summaries(table.labels, drawn)
    if job.policy == "time" and job.time:
        for name, part in found.items():
            cells = table.frame[job.time].filter(pl.Series(drawn.part == PARTS.index(name))).drop_nulls()
            if len(cells):
                found[name] = part.model_copy(update={"low": safe_text(cells.min(), 40), "high": safe_text(cells.max(), 40)})
    return found


def _seal(project: Any, table: Table, drawn: Drawn, job: SplitJob, recognised: str, rows_of_test: pl.DataFrame) -> str:
    """Hand the test rows to the vault; returns the manifest's digest."""
    from phasewise.project.vault import Vault

    parts = _parts(table, drawn, job)
    files = [table.raw.identity.model_dump()]
    if job.test_file:
        files.append(identity(Path(job.test_file).expanduser(), int(table.external.sum())).model_dump())
    about = sealing.manifest(
        project=project.path.name, identity=files, policy=job.policy, claim=job.claim, seed=job.seed, generation=job.generation, gap=job.gap, group=job.group, time=job.time,
        recipe=job.data.model_dump(), near={"share_of_iqr": rows.NEAR_SHARE, "distinct": rows.NEAR_DISTINCT},
        parts={PARTS[c]: (table.hashes[drawn.part == c], parts[PARTS[c]].model_dump(exclude={"rows"})) for c in (TRAIN, VALIDATION, TEST)},
    )
    about["parts"]["test"]["recognised_by"] = recognised
    with Vault(project.path) as vault:
        return vault.seal(sealing.to_bytes(rows_of_test), about, reason=job.reason)


