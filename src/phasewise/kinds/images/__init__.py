"""Pictures: class folders, manifests, IDX files. Importing this loads nothing heavy."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from phasewise.kinds.base import Kind

if TYPE_CHECKING:  # a decoding process imports this package and needs no record
    from phasewise.records.results.data import Proposal

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jfif"}


def _looks(path: Path) -> Proposal | None:
    """A folder with class folders of picture files, or with IDX files."""
    from phasewise.records.results.data import Proposal

    if not path.is_dir():
        return None
    if any(path.glob("*images*idx3*")):
        return Proposal(value="images", reason="the folder holds IDX picture files", confidence=0.95)
    seen = itertools.islice((p for p in path.glob("*/*") if p.suffix.lower() in _SUFFIXES), 1)
    deeper = itertools.islice((p for p in path.glob("*/*/*") if p.suffix.lower() in _SUFFIXES), 1)
    if any(True for _ in itertools.chain(seen, deeper)):
        return Proposal(value="images", reason="the folder holds class folders with pictures", confidence=0.95)
    if any(p.suffix.lower() in _SUFFIXES for p in path.iterdir()):
        return Proposal(value="images", reason="the folder holds pictures, though not in class folders", confidence=0.6)
    return None


KIND = Kind(id="images", title="Pictures", package="phasewise.kinds.images", looks=_looks)
