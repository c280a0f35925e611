"""A draw in the making, the same for every wing: sizes, parts, folds, what is said about it, and its files in `splits/`."""

import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from phasewise.kinds.shared import assigning
from phasewise.kinds.shared.assigning import DROPPED, PARTS, TEST, TRAIN, VALIDATION, Sizes
from phasewise.kinds.shared.clusters import Clusters
from phasewise.kinds.shared.labels import Labels
from phasewise.records.errors import StorageError
from phasewise.records.findings import Finding
from phasewise.records.jobs import SplitJob
from phasewise.records.results.data import PartSummary, SplitResult
from phasewise.records.text import safe_text

SPLIT_JSON = "split.json"
ROWS_NPZ = "rows.npz"
REPEATS = 5
GUESSED_ACCURACY = 0.85
"""Accuracy assumed for the default test size before any baseline ran."""


class Subject(Protocol):
    """Rows as a draw sees them: labels, stable content hashes uint64 [n], and which came from an external test file [n]."""

    labels: Labels
    hashes: np.ndarray
    external: np.ndarray


@dataclass(kw_only=True)
class Drawn:
    """Part of each row of the table, int8 [n], with what is known about it."""

    part: np.ndarray
    clusters: Clusters
    stratum: np.ndarray
    folds: int = 0
    redraws: int = 0
    troubles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    quarantined: int = 0
    order: np.ndarray | None = None
    fold_ids: np.ndarray | None = None


def sizes_of(labels: Labels, job: SplitJob, n: int) -> Sizes:
    """Default sizes for these labels, wishes of the job first."""
    rarest, accuracy = 0.5, GUESSED_ACCURACY
    if labels.task != "regression":
        counts = np.bincount(labels.y[labels.known])
        shares = counts[counts > 0] / counts.sum()
        rarest, accuracy = float(shares.min()), max(GUESSED_ACCURACY, float(shares.max()))
    folds = job.folds if job.policy not in ("time", "file") else 0
    # No validation part was wished for because folds stood in for it; by time there are none.
    share = (job.validation_share or None) if job.policy == "time" else job.validation_share
    return assigning.sizes(n, accuracy=accuracy, rarest=rarest, test_share=job.test_share, validation_share=share, folds=folds)


def at_random(subject: Subject, job: SplitJob, drawn: Drawn, wanted: Sizes, use: np.ndarray) -> None:
    """A verified random draw of the rows in use [n], alike in strata."""
    _, cluster = np.unique(drawn.clusters.label[use], return_inverse=True)
    part, drawn.redraws, drawn.troubles = assigning.drawn(subject.hashes[use], drawn.stratum[use], cluster, wanted, job.seed)
    drawn.part[use] = part


def divide_rest(subject: Subject, job: SplitJob, drawn: Drawn, own: np.ndarray) -> None:
    """Validation (or folds) out of the rows that are not test."""
    n = int(own.sum())
    folds = job.folds if job.folds is not None else (5 if n < assigning.SMALL and job.validation_share is None else 0)
    validation = round(n / folds) if folds else round((job.validation_share or 0) * n) or min(int((drawn.part == TEST).sum()), n // 5)
    drawn.folds = folds
    _, cluster = np.unique(drawn.clusters.label[own], return_inverse=True)
    drawn.part[own] = assigning.by_strata(subject.hashes[own], drawn.stratum[own], cluster, {VALIDATION: max(validation, 1)}, job.seed)


def quarantine(drawn: Drawn, test: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Mask [n] of rows in use that are copies of rows in `test`; they are counted and must go nowhere."""
    copied = np.isin(drawn.clusters.label, np.unique(drawn.clusters.label[test])) & ~test
    drawn.quarantined = int((copied & use).sum())
    return copied


def fold(subject: Subject, drawn: Drawn, job: SplitJob) -> None:
    """Fold ids of development rows, int64 [n, repeats] (-1 elsewhere); column 0 is the one every model uses, its fold 0 the validation part."""
    own = np.isin(drawn.part, (TRAIN, VALIDATION))
    keys, stratum, cluster = subject.hashes[own], drawn.stratum[own], drawn.clusters.label[own]
    drawn.fold_ids = np.full((len(own), REPEATS), -1, np.int64)
    for repeat in range(REPEATS):
        drawn.fold_ids[own, repeat] = assigning.folds_of(keys, stratum, cluster, drawn.folds, job.seed + 7919 * repeat)
    drawn.part[own] = np.where(drawn.fold_ids[own, 0] == 0, VALIDATION, TRAIN)


def say_clusters(drawn: Drawn, use: np.ndarray) -> None:
    """Notes on copies, near copies, large clusters and few groups."""
    if drawn.clusters.copies:
        drawn.notes.append(f"{drawn.clusters.copies:,} rows are exact copies of another in all inputs and stay with it")
    if drawn.clusters.near:
        drawn.notes.append(f"{drawn.clusters.near:,} near copies stay with their twin")
    n = max(int(use.sum()), 1)
    if drawn.clusters.largest > 0.05 * n:
        drawn.notes.append(f"one cluster holds {drawn.clusters.largest / n:.0%} of the rows")
    if drawn.clusters.groups and drawn.clusters.groups < 50:
        drawn.notes.append(f"only {drawn.clusters.groups} groups: intervals by group will be wide")


def half_width(labels: Labels, part: np.ndarray) -> float | None:
    """Half width that the test part's 95 % interval of an accuracy will have, or None."""
    from phasewise.stats import power

    n = int((part == TEST).sum())
    if labels.task == "regression" or n == 0:
        return None
    counts = np.bincount(labels.y[part == TEST])
    return power.half_width(n, max(GUESSED_ACCURACY, float(counts.max() / n)))


def summary(labels: Labels, drawn: Drawn, code: int) -> PartSummary:
    """One part in counts: rows, clusters, classes, or the 5 and 95 % quantiles of a value."""
    rows_in = drawn.part == code
    counts: dict[str, int] = {}
    low = high = None
    if labels.task != "regression":
        held = np.bincount(labels.y[rows_in & labels.known], minlength=len(labels.classes))
        counts = {safe_text(c, 60): int(k) for c, k in zip(labels.classes, held, strict=True)}
    elif (rows_in & labels.known).any():
        low, high = (f"{q:.6g}" for q in np.quantile(labels.y[rows_in & labels.known], (0.05, 0.95)))
    return PartSummary(rows=int(rows_in.sum()), clusters=len(np.unique(drawn.clusters.label[rows_in])), classes=counts, low=low, high=high)


def summaries(labels: Labels, drawn: Drawn) -> dict[str, PartSummary]:
    """Every part that has rows (train, validation and test always)."""
    return {PARTS[c]: summary(labels, drawn, c) for c in (TRAIN, VALIDATION, TEST, DROPPED) if c != DROPPED or (drawn.part == DROPPED).any()}


def result(subject: Subject, drawn: Drawn, job: SplitJob, findings: list[Finding], manifest: str, *, policy: str, parts: dict[str, PartSummary]) -> SplitResult:
    """The result record of a draw with its notes."""
    from phasewise.stats import power

    judged = int((drawn.part == VALIDATION).sum()) if not drawn.folds else int(np.isin(drawn.part, (TRAIN, VALIDATION)).sum())
    notes = list(drawn.notes)
    if drawn.folds:
        notes.append(f"fewer than {assigning.SMALL:,} rows: {drawn.folds} folds over the development rows judge models; the sealed test can only reject disasters" if judged < assigning.SMALL else f"{drawn.folds} folds over the development rows judge models")
    if drawn.redraws:
        notes.append(f"drawn {drawn.redraws + 1} times until the parts were alike" + (f"; left over: {', '.join(drawn.troubles[:3])}" if drawn.troubles else ""))
    unlabelled = int((~subject.labels.known).sum())
    if unlabelled:
        notes.append(f"{unlabelled:,} rows have no target and are in no part")
    return SplitResult(
        policy=policy, seed=job.seed, generation=job.generation, parts=parts, folds=drawn.folds, digest=digest(subject.hashes, drawn.part), manifest=manifest,
        findings=findings, half_width=half_width(subject.labels, drawn.part), smallest_gain=power.smallest_gain(judged, 0.05) if judged else None, notes=notes,
    )


def digest(hashes: np.ndarray, part: np.ndarray) -> str:
    """SHA-256 over the sorted content hashes of each part: the same rows in the same parts give the same digest."""
    total = hashlib.sha256()
    for code in (TRAIN, VALIDATION, TEST):
        total.update(PARTS[code].encode() + b"\0" + np.sort(hashes[part == code]).astype("<u8").tobytes())
    return total.hexdigest()


def write(project: Any, subject: Subject, drawn: Drawn, job: SplitJob, found: SplitResult, *, numbers: np.ndarray, about: dict[str, Any], held: np.ndarray | None = None) -> None:
    """`splits/rows.npz` (row numbers of development rows, never of test; those of a mask `held` [n] where not all fit into memory) and `splits/split.json`."""
    from phasewise.project import atomic

    folder = project.path / "splits"
    folder.mkdir(exist_ok=True)
    developed = np.flatnonzero(np.isin(drawn.part, (TRAIN, VALIDATION)) & ~subject.external & (True if held is None else held))
    arrays: dict[str, np.ndarray] = {"rows": numbers[developed], "part": drawn.part[developed], "clusters": np.unique(drawn.clusters.label[developed], return_inverse=True)[1]}
    if drawn.folds and drawn.fold_ids is not None:
        arrays["folds"] = drawn.fold_ids[developed]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    atomic.replace(folder / ROWS_NPZ, buffer.getvalue())
    whole = {
        "schema": 1, "digest": found.digest, "generation": job.generation, "policy": found.policy, "seed": job.seed, "claim": job.claim,
        "target": job.data.target, "task": subject.labels.task, "classes": list(subject.labels.classes), "folds": drawn.folds,
        "group": job.group, "time": job.time, "parts": {k: v.rows for k, v in found.parts.items()}, "manifest": found.manifest, **about,
    }
    atomic.replace(folder / SPLIT_JSON, (json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())


def split_facts(project: Any) -> dict[str, Any]:
    """`splits/split.json` of a project; a `StorageError` when there is no split."""
    path: Path = project.path / "splits" / SPLIT_JSON
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise StorageError("the data is not split yet", "splits/split.json is missing.", "Run the data phase first.") from None
    except ValueError as error:
        raise StorageError("splits/split.json is damaged", str(error), "Restore it from a copy, or split again.") from None


def split_rows(project: Any) -> dict[str, np.ndarray]:
    """The arrays of `splits/rows.npz`: `rows`, `part`, `clusters` and maybe `folds`."""
    try:
        with np.load(project.path / "splits" / ROWS_NPZ, allow_pickle=False) as held:
            return {k: held[k] for k in held.files}
    except (OSError, ValueError) as error:
        raise StorageError("splits/rows.npz cannot be read", str(error), "Restore it from a copy, or split again.") from None
