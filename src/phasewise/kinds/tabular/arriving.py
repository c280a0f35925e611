"""Rows that come after the split: test rows out of the vault, field rows out of a file; judged as they come, through the same frozen steps."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.shared import sealing
from phasewise.kinds.shared.drawing import split_facts
from phasewise.kinds.tabular import casting, reading, rows, sealed, sources, targets
from phasewise.kinds.tabular.development import Development, complete_view
from phasewise.records.jobs import DataView
from phasewise.records.text import safe_text


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrived:
    """Rows with remedies and casts applied, none left out.

    `y` [n] is a class index or value, -1 or NaN where there is no (known) label, or None when the target column is absent;
    `groups` [n] or None; `missing` names expected columns that are absent, `unknown_labels` counts labels of no known class.
    """

    table: pl.DataFrame
    natural: pl.DataFrame
    """As the file (or the vault) held them."""
    remedied: pl.DataFrame
    """Natural types with the remedies applied and no column added: what the checks of new rows compare."""
    y: np.ndarray | None
    groups: np.ndarray | None = None
    missing: list[str] = field(default_factory=list)
    unknown_labels: int = 0
    file: str = ""

    @property
    def labelled(self) -> np.ndarray:
        """Positions of rows with a known label."""
        if self.y is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(np.isfinite(self.y) if self.y.dtype.kind == "f" else self.y >= 0)


def opened(project: Any, view: DataView, dev: Development, data: bytes) -> Arrived:
    """The test rows of an opening; remedies that drop rows are left out, so that no test row disappears."""
    return _shaped(sealing.from_bytes(data), complete_view(view, split_facts(project)), dev)


def arrived(project: Any, view: DataView, dev: Development, path: Path | str) -> Arrived:
    """The rows of a field file, whose delimiter and encoding are its own.

    Raises `BadInputError` for a file that is no table. Absent columns are added empty and named in `missing`.
    """
    full = complete_view(view, split_facts(project))
    natural = reading.read_raw(full, path, min_rows=1).frame
    return _shaped(natural, full, dev, file=sources.shown(Path(path)))


def _shaped(natural: pl.DataFrame, view: DataView, dev: Development, file: str = "") -> Arrived:
    given, known = set(natural.columns), dict(dev.natural.schema)
    absent = [c for c in dev.features if c not in given and c in known]
    natural = natural.with_columns(pl.lit(None, dtype=known[c]).alias(c) for c in absent)
    has_target = view.target in natural.columns
    if not has_target:
        natural = natural.with_columns(pl.lit(None, dtype=pl.String).alias(view.target))
    shaped = reading.remedied(natural, view, drop_rows=False)
    present = set(shaped.columns)
    table = casting.cast_roles(shaped, {c: r for c, r in dev.roles.items() if c in present}, dev.formats or casting.formats_of(view))
    y, unknown = None, 0
    if has_target and shaped[view.target].null_count() < shaped.height:
        labels = targets.encode(shaped[view.target], view, dev.classes or None)
        y = labels.y
        unknown = int((~labels.known & shaped[view.target].is_not_null().to_numpy()).sum())
    group = dev.split.get("group")
    groups = natural[group].rank("dense").fill_null(0).to_numpy().astype(np.int64) if group and group in natural.columns else None
    added = [*absent, *([] if has_target else [view.target])]
    return Arrived(table=table, natural=natural.drop(added), remedied=shaped.drop(added, strict=False), y=y, groups=groups, missing=[safe_text(c, 80) for c in absent], unknown_labels=unknown, file=file)


def seen_before(dev: Development, new: Arrived) -> np.ndarray:
    """Mask [n] of rows whose inputs equal a development row cell by cell (check D09); they must not count as evidence.

    Rows that repeat by chance are new rows: nothing is masked while no more rows repeat than development rows do among themselves.
    """
    names = _named(dev, new)
    if not names:
        return np.zeros(new.table.height, bool)
    old, now = rows.content_hashes(dev.table, names), rows.content_hashes(new.table, names)
    seen = np.isin(now, old)
    _, place, counts = np.unique(old, return_inverse=True, return_counts=True)
    return seen if _beyond(int(seen.sum()), float((counts[place] > 1).mean()) * len(now), 2 if new.missing else 0) else np.zeros(len(now), bool)


def sealed_met(project: Any, dev: Development, new: Arrived) -> tuple[np.ndarray, str]:
    """Mask [n] of rows that are sealed test rows in every input, and why that cannot be told (else empty); the vault stays shut.

    Rows that repeat by chance are new rows: nothing is masked while no more rows are met than development rows repeat among themselves.
    """
    found, why = sealed.met(project, split_facts(project), new.natural)
    names = _named(dev, new)
    if not found.any() or not names:
        return found, why
    old = rows.content_hashes(dev.table, names)
    _, place, counts = np.unique(old, return_inverse=True, return_counts=True)
    chance = float((counts[place] > 1).mean()) * len(found)
    return (found, why) if _beyond(int(found.sum()), chance, 0) else (np.zeros(len(found), bool), why)


def repeated(dev: Development, new: Arrived) -> np.ndarray:
    """Mask [n] of rows that repeat an earlier row of their own file, target included, more often than chance does it among development rows."""
    names = _named(dev, new)
    if not names:
        return np.zeros(new.table.height, bool)
    now = rows.content_hashes(new.table, [*names, *([dev.target] if dev.target in new.table.columns else [])])
    again = np.ones(len(now), bool)
    again[np.unique(now, return_index=True)[1]] = False
    alike = rows.content_hashes(dev.table.sample(min(len(now), dev.table.height), seed=0), names)
    chance = (len(alike) - len(np.unique(alike))) * (len(now) / max(len(alike), 1)) ** 2
    return again if _beyond(int(again.sum()), chance, 2) else np.zeros(len(now), bool)


def _named(dev: Development, new: Arrived) -> list[str]:
    present = set(new.table.columns).difference(new.missing)
    return [c for c in dev.features if c in present]


def _beyond(count: int, expected: float, slack: int) -> bool:
    """Whether a number of equal rows is more than chance gives."""
    return count > 2 * expected + 3 * expected**0.5 + slack
