"""What a place with pictures holds: files, their classes and parts."""

from dataclasses import dataclass, field
from pathlib import Path

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jfif", ".pgm", ".ppm"}
PARTS = {"train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation", "test": "test", "testing": "test"}


@dataclass(frozen=True, kw_only=True)
class Item:
    """One picture file: path relative to the root, class name, part folder it lay in (or "")."""

    path: str
    label: str
    part: str = ""
    size: int = 0
    more: tuple[str, ...] = ()
    """Its cells in the further columns of a manifest."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """All picture files in sorted order, the class names in sorted order, and what was passed over with the reason."""

    root: Path
    items: list[Item]
    classes: list[str]
    cruft: list[tuple[str, str]] = field(default_factory=list)
    layout: str = "folders"
    target: str = "label"
    """Name of the column of classes in a manifest."""
    lead: str = ""
    """Folders that hold everything and are no classes."""
    more: tuple[str, ...] = ()
    """Names of the further columns of a manifest."""


def inside(item: Item) -> str:
    """The folders between a picture and its class folder, which itself would give the class away."""
    folders = Path(item.path).parts[:-1]
    place = folders.index(item.label) + 1 if item.label in folders else len(folders)
    return "/".join(folders[place:])
