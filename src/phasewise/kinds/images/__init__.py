"""Pictures: class folders, manifests, IDX files. Importing this loads nothing heavy."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from phasewise.kinds.base import Kind

if TYPE_CHECKING:  # a decoding process imports this package and needs no record
    from phasewise.records.results.data import Proposal

FOLDERS = 500
"""Folders that are looked into for a picture."""
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jfif"}


def _looks(path: Path) -> Proposal | None:
    """A folder with pictures or IDX files, or a text file with a column that names pictures which are there."""
    from phasewise.records.results.data import Proposal

    if path.is_file():
        from phasewise.kinds.images import manifest

        found = manifest.columns(path)
        return Proposal(value="images", reason=f"the column {found.path!r} names picture files that are there", confidence=0.95) if found and found.label else None
    if not path.is_dir():
        return None
    if any(path.glob("*images*idx3*")):
        return Proposal(value="images", reason="the folder holds IDX picture files", confidence=0.95)
    seen = False
    for folder, names, files in itertools.islice(os.walk(path), FOLDERS):
        names[:] = [n for n in names if not n.startswith(".")]
        if any(Path(f).suffix.lower() in _SUFFIXES for f in files):
            if Path(folder) != path:
                return Proposal(value="images", reason="the folder holds class folders with pictures", confidence=0.95)
            seen = True
    return Proposal(value="images", reason="the folder holds pictures, though not in class folders", confidence=0.6) if seen else None


KIND = Kind(id="images", title="Pictures", package="phasewise.kinds.images", looks=_looks)
