"""Pictures that come after the split: out of the vault or from a folder; judged as they come."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.checks import remedies
from phasewise.kinds.images import copies, files, grouping, labels, pixels, reading, sealed
from phasewise.kinds.images.development import Development, complete_view
from phasewise.kinds.images.fitting import Fitting
from phasewise.kinds.shared import sealing
from phasewise.kinds.shared.drawing import split_facts
from phasewise.records.jobs import DataView
from phasewise.records.text import safe_text

CALIBRATED = 2_000
"""Validation pictures that tell whether copies can be told from other pictures."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrived:
    """Pictures with nothing left out; `y` [n] is a class index, -1 where the label is unknown, or None when there are no labels."""

    table: pl.DataFrame
    natural: pl.DataFrame
    remedied: pl.DataFrame
    y: np.ndarray | None
    groups: np.ndarray | None = None
    missing: list[str] = field(default_factory=list)
    unknown_labels: int = 0
    file: str = ""
    broken: list[tuple[str, str]] = field(default_factory=list)

    @property
    def labelled(self) -> np.ndarray:
        """Positions of pictures with a known label."""
        return np.zeros(0, np.int64) if self.y is None else np.flatnonzero(self.y >= 0)


def opened(project: Any, view: DataView, dev: Development, data: bytes) -> Arrived:
    """The test pictures of an opening."""
    return _shaped(sealing.from_bytes(data), complete_view(view, split_facts(project)), dev)


def arrived(project: Any, view: DataView, dev: Development, path: Path | str) -> Arrived:
    """The pictures of a folder (class folders give labels, a flat folder or one file none), a manifest or IDX files."""
    found = read(path, dev.fitting, project.path / ".phasewise" / "cache" / "arrived", view.target or "")
    shaped = _shaped(found.frame, complete_view(view, split_facts(project)), dev, file=safe_text(Path(path).name, 120))
    shaped.broken.extend(found.broken)
    return shaped


def read(path: Path | str, fitting: Fitting, store: Path, target: str = "") -> reading.Pictures:
    """Pictures at a path fitted like the development pictures; without class folders every label is missing. `target` names the class column of a manifest."""
    root = Path(path).expanduser()
    view = DataView(kind="images", file=str(root), reading={"image_size": fitting.size, "channels": fitting.channels, "resize": fitting.resize, "white": fitting.white})
    return reading.read(view, root, store=store, listing=None if reading.is_idx(root) else files.scan_any(root, target))


def _shaped(frame: pl.DataFrame, view: DataView, dev: Development, file: str = "") -> Arrived:
    renamed = remedies.apply(frame.select(pixels.TARGET), view.remedies, pixels.TARGET, drop_rows=False)  # classes that were merged are merged here too
    frame = frame.with_columns(renamed[pixels.TARGET])
    text = frame[pixels.TARGET].replace({"": None})
    y, unknown = None, 0
    if text.null_count() < len(text):
        encoded = labels.encode(text, view, dev.classes)
        y, unknown = encoded.y, int((~encoded.known & text.is_not_null().to_numpy()).sum())
    natural = frame.select([*(c for c in dev.roles if c in frame.columns), *([pixels.TARGET] if y is not None else [])])
    return Arrived(table=frame, natural=natural, remedied=natural, y=y, groups=grouping.apart(frame), missing=[c for c in dev.roles if c not in frame.columns], unknown_labels=unknown, file=file)


def sealed_met(project: Any, dev: Development, new: Arrived) -> tuple[np.ndarray, str]:
    """Mask [n] of pictures that are sealed test pictures, and why that cannot be told (else empty); the vault stays shut."""
    return sealed.met(project, split_facts(project), new.table, dev.fitting)


def sealed_alike(project: Any, dev: Development, new: Arrived) -> tuple[np.ndarray, str]:
    """Mask [n] of pictures that look like copies of sealed test pictures, and why that cannot be told (else empty)."""
    return sealed.alike(project, split_facts(project), new.table)


def seen_before(dev: Development, new: Arrived) -> np.ndarray:
    """Mask [n] of pictures that are, byte for byte, development pictures (check D09)."""
    return np.isin(copies.keys(new.table), copies.keys(dev.table))


def seen_alike(dev: Development, new: Arrived) -> np.ndarray:
    """Mask [n] of pictures that look like copies of development pictures (saved with loss, resized, mirrored); none where pictures are alike by nature.

    What would be taken for a copy without being one is measured on validation pictures beside training pictures, of which the split made sure
    that they are none of each other.
    """
    own = dev.table
    if "phash" not in own.columns or "phash" not in new.table.columns:
        return np.zeros(new.table.height, bool)
    rng = np.random.default_rng(0)
    some = own[np.sort(rng.permutation(dev.validation)[:CALIBRATED])]
    if not some.height or copies.like(some, own[dev.train], dev.fitting).mean() > sealed.ALIKE:
        return np.zeros(new.table.height, bool)
    return copies.like(new.table, own, dev.fitting)
