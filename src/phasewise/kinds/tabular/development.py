"""The development rows of a split, the same for every job after it; the vault is never needed here."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.shared import sealing
from phasewise.kinds.shared.assigning import VALIDATION
from phasewise.kinds.shared.development import Development
from phasewise.kinds.shared.drawing import split_facts, split_rows
from phasewise.kinds.shared.labels import Labels
from phasewise.kinds.shared.naming import class_named, renamed
from phasewise.kinds.tabular import casting, large, reading, sources, targets
from phasewise.records.base import fingerprint
from phasewise.records.errors import StorageError
from phasewise.records.jobs import DataView

CACHE = "tables"
CACHE_KEPT = 4


def complete_view(view: DataView, about: dict[str, Any]) -> DataView:
    """The view with what the split settled: roles and formats of columns it does not name, task, and how the file is read."""
    options = {**view.options, "formats": {**about.get("formats", {}), **casting.formats_of(view)}}
    return view.model_copy(update={
        "roles": {**about.get("roles", {}), **view.roles}, "options": options, "task": view.task or about.get("task"), "target": view.target or about.get("target", ""),
        "reading": {**{k: v for k, v in about.get("reading", {}).items() if k != "compression"}, **view.reading},
    })


def load(project: Any, view: DataView) -> Development:
    """The development rows with the view's remedies, casts and relabels applied.

    Raises `StorageError` when there is no split or the data file is not the one that was split.
    """
    about = split_facts(project)
    view = complete_view(view, about)
    arrays = split_rows(project)
    key = _key(view, about)
    natural = _natural(project, view, about, arrays["rows"], key)
    dev = shaped(natural, view, about, arrays)
    beyond = large.beyond(project, view, about, fingerprint([key, view.remedies, view.relabel, view.roles, view.options.get("formats"), dev.classes]))
    return dev if beyond is None else replace(dev, beyond=beyond)


def shaped(natural: pl.DataFrame, view: DataView, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> Development:
    """Natural development rows -> `Development`: remedies (rows may leave), casts, labels, parts."""
    natural, table, labels = labelled(natural, view, _classes(natural, view, about))
    kept = natural[reading.ROW].to_numpy().astype(np.int64)
    place = {int(r): i for i, r in enumerate(arrays["rows"])}
    index = np.fromiter((place[int(r)] for r in kept), np.int64, len(kept))
    roles, formats = reading.effective_roles(natural, view), casting.formats_of(view)
    known = labels.known
    if not known.all():
        mask = pl.Series(known)
        natural, table, index = natural.filter(mask), table.filter(mask), index[known]
    part, folds = arrays["part"][index], arrays.get("folds")
    folds = folds[index] if folds is not None else None
    group = about.get("group")
    groups = natural[group].rank("dense").fill_null(0).to_numpy().astype(np.int64) if group and group in natural.columns else None
    return Development(
        table=table, natural=natural, y=labels.y[known], task=labels.task, classes=labels.classes,
        train=np.flatnonzero(part != VALIDATION), validation=np.flatnonzero(part == VALIDATION),
        folds=None if folds is None else folds[:, 0], fold_repeats=folds, groups=groups, clusters=arrays["clusters"][index],
        roles=roles, formats=formats, target=view.target, split=about,
    )


def labelled(natural: pl.DataFrame, view: DataView, classes: tuple[str, ...] | None) -> tuple[pl.DataFrame, pl.DataFrame, Labels]:
    """Natural rows with relabels and remedies applied (rows may leave), the same cast to their roles, and their labels; `classes` None: those found."""
    natural = reading.remedied(_relabelled(natural, view), view)
    table = casting.cast_roles(natural, reading.effective_roles(natural, view), casting.formats_of(view))
    return natural, table, targets.encode(natural[view.target], view, classes)


def _classes(natural: pl.DataFrame, view: DataView, about: dict[str, Any]) -> tuple[str, ...] | None:
    """The split's classes, unless labels were renamed or the positive class was changed."""
    if view.task == "regression":
        return None
    classes = tuple(about.get("classes", ()))
    changed = renamed(view.relabel, classes) or any("merge" in v or "fold-case" in v or (v.startswith("to-missing") and k.partition(":")[2] == view.target) for k, v in view.remedies.items())
    if changed or view.task != about.get("task"):
        return None
    if view.positive and len(classes) == 2:
        positive = class_named(view.positive, classes)
        return tuple(sorted(classes, key=lambda c: c == positive))
    return classes


def _relabelled(natural: pl.DataFrame, view: DataView) -> pl.DataFrame:
    """Corrected labels by row number (from 0): `{"17": "yes"}`; an empty value drops the row (D18)."""
    fixes = {int(k): v for k, v in view.relabel.items() if k.isdigit()}
    if not fixes:
        return natural
    dtype = natural.schema[view.target]
    new = pl.col(reading.ROW).replace_strict(list(fixes), list(fixes.values()), default=None, return_dtype=pl.String)
    hit = pl.col(reading.ROW).is_in(list(fixes))
    return natural.with_columns(pl.when(hit).then(new.replace({"": None}).cast(dtype, strict=False)).otherwise(pl.col(view.target)).alias(view.target))


def _key(view: DataView, about: dict[str, Any]) -> str:
    """What development rows as read depend on."""
    return fingerprint([about["digest"], about["file"]["sha256"], about.get("generation"), sorted((k, str(v)) for k, v in view.reading.items())])


def _natural(project: Any, view: DataView, about: dict[str, Any], rows: np.ndarray, key: str) -> pl.DataFrame:
    """Development rows as read, from the cache or from the source file (whose SHA-256 must be the split's); of a large table those that are held."""
    folder = project.path / ".phasewise" / "cache" / CACHE
    cached = folder / f"{key}.arrow"
    if cached.is_file():
        try:
            frame = sealing.from_bytes(cached.read_bytes())
            if frame.height == len(rows):
                return frame
        except StorageError:
            pass
    verify_file(view, about)
    if about.get("large"):
        frame = large.reopened(Path(view.file).expanduser(), about).gather(np.sort(rows), large.allowed())
    else:
        raw = reading.read_raw(view)
        frame = raw.frame.filter(pl.col(reading.ROW).is_in(pl.Series(rows).cast(raw.frame.schema[reading.ROW]).implode()))
    _store(folder, cached, frame)
    return frame


def verify_file(view: DataView, about: dict[str, Any]) -> None:
    """A `StorageError` unless the data file is byte for byte the one that was split."""
    path = Path(view.file).expanduser()
    sources.require_file(path)
    wanted = about["file"]
    if path.stat().st_size != wanted["size"] or sources.identity(path).sha256 != wanted["sha256"]:
        raise StorageError(f"{sources.shown(path)} is not the file that was split", "Its size or content changed since the split; row numbers would point to other rows.", "Bring the old file back, or split again as a new generation.")


def _store(folder: Path, cached: Path, frame: pl.DataFrame) -> None:
    """Keep a copy for the next job; a cache that cannot be written is no error."""
    from phasewise.project import atomic

    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.replace(cached, sealing.to_bytes(frame))
        for old in sorted(folder.glob("*.arrow"), key=lambda p: p.stat().st_mtime)[:-CACHE_KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, StorageError):
        return
