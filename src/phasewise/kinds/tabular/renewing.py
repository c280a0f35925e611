"""New validation and test sets from real cases (checks.md 7.8): the old test is burnt and validates, half of the new cases is sealed as the next generation."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.shared import assigning, sealing
from phasewise.kinds.shared.assigning import DROPPED, PARTS, TEST, TRAIN, VALIDATION
from phasewise.kinds.shared.drawing import split_facts, split_rows
from phasewise.kinds.tabular import rows, splitfiles, splitting, targets
from phasewise.kinds.tabular.development import complete_view, verify_file
from phasewise.kinds.tabular.reading import ROW
from phasewise.kinds.tabular.timing import time_order
from phasewise.project import atomic
from phasewise.records.errors import GateError
from phasewise.records.jobs import RenewJob, SplitJob
from phasewise.records.results import RenewResult

LEAST = 100
"""Real cases with a label that the project has not seen, below which no new sets are made (checks.md 7.8)."""


def renew(project: Any, job: RenewJob, progress: Any) -> RenewResult:
    """The table and the split file of the next generation, written into the project; the old test set is demoted.

    Old training and validation rows train; the old test rows validate with half of the new cases; the other half (the later one
    under a claim about time) becomes the new test. New cases that copy a row the project has are left out, counted.
    Raises `GateError` for fewer than 100 usable cases, `BadInputError` for a file that does not fit the table.
    """
    about = split_facts(project)
    if about.get("large"):
        raise GateError("the test set of a table larger than memory cannot be renewed", "Old and new rows would have to be in memory together.", "Add the new cases to the table and make a new split of it.")
    view = complete_view(job.data, about)
    verify_file(view, about)
    progress(0, 4, note="reading")
    table = splitting.read_table(SplitJob(phase="data", data=view, policy="file", test_file=job.file))
    old, new = int((~table.external).sum()), int(table.external.sum())
    usable = int((table.external & table.labels.known).sum())
    _enough(usable, new, 0)
    frame = table.frame
    if job.test_file:  # an external test set lies in a file of its own: its rows follow the data file's
        frame = splitting.stack(splitting.stack(frame[:old], splitfiles.read_test(view, job.test_file, table.raw.columns)), frame[old:])
    known = targets.encode(frame[view.target], view, table.labels.classes or None)
    progress(1, 4, note="copies and groups")
    grouped = about.get("group") if about.get("policy") == "grouped" else None
    cluster = rows.clusters(frame, table.features, grouped).label
    fresh = np.arange(frame.height) >= frame.height - new
    copies = fresh & known.known & np.isin(cluster, np.unique(cluster[~fresh]))
    fresh &= known.known & ~copies
    _enough(int(fresh.sum()), new, int(copies.sum()))
    progress(2, 4, note="the old test set is demoted")
    burnt = _burnt(project, job.reason)[ROW].to_numpy()  # last of all that can fail: a burnt set has to be replaced
    numbers = frame[ROW].to_numpy()
    part = np.full(frame.height, DROPPED, np.int8)
    part[np.flatnonzero(np.isin(numbers[:old], split_rows(project)["rows"]))] = TRAIN
    first, last = (old, frame.height - new) if job.test_file else (0, old)
    was = first + np.flatnonzero(np.isin(numbers[first:last], burnt))
    part[was] = VALIDATION
    part[fresh] = _halves(frame, known, cluster, fresh, about, table.formats, job.seed)
    progress(3, 4, note="writing")
    folder = project.path / "data"
    folder.mkdir(exist_ok=True)
    file, parts = folder / f"generation-{job.generation}.parquet", folder / f"generation-{job.generation}-parts.csv"
    atomic.replace(file, _parquet(frame.drop(ROW)))
    atomic.replace(parts, ("part\n" + "\n".join("drop" if p == DROPPED else PARTS[p] for p in part) + "\n").encode())
    progress(4, 4, note="done")
    counts = {"train": int((part == TRAIN).sum()), "old_test": len(was), "validation": int((part == VALIDATION).sum()), "test": int((part == TEST).sum())}
    return RenewResult(
        generation=job.generation, file=file.relative_to(project.path).as_posix(), parts_file=parts.relative_to(project.path).as_posix(), rows=counts,
        copies=int(copies.sum()), unlabelled=new - usable, reason=job.reason, source=Path(job.file).name,
    )


def _burnt(project: Any, reason: str) -> pl.DataFrame:
    """The test rows of the generation that ends; the vault's ledger has the demotion before they leave."""
    from phasewise.project.vault import Vault

    with Vault(project.path) as vault:
        return sealing.from_bytes(vault.demote(reason))


def _enough(usable: int, rows_of_file: int, copies: int) -> None:
    if usable < LEAST:
        seen = f", {copies:,} copy rows the project has" if copies else ""
        raise GateError("too few real cases for new sets", f"{rows_of_file:,} rows, {usable:,} of them new and with a known label{seen}; {LEAST} are needed, 500 are better.", "Collect and label more cases first.")


def _halves(frame: pl.DataFrame, labels: Any, cluster: np.ndarray, fresh: np.ndarray, about: dict[str, Any], formats: dict[str, str], seed: int) -> np.ndarray:
    """Validation or test for every fresh row: alike in classes with clusters whole, or the later half as the test."""
    take = np.flatnonzero(fresh)
    if about.get("policy") == "time" and about.get("time"):
        when = time_order(frame[about["time"]], formats.get(about["time"]))[0][take]
        return np.where(when > np.nanmedian(when), TEST, VALIDATION).astype(np.int8)
    keys = rows.content_hashes(frame[take], [c for c in frame.columns if c != ROW])
    stratum = assigning.strata(labels.y[take], labels.task)
    whole = np.unique(cluster[take], return_inverse=True)[1]
    return np.where(assigning.by_strata(keys, stratum, whole, {TEST: len(take) // 2}, seed) == TEST, TEST, VALIDATION).astype(np.int8)


def _parquet(frame: pl.DataFrame) -> bytes:
    import io

    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
