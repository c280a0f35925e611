"""Which files are pictures, which class and part they belong to: class folders, part folders, a CSV manifest (D06).

Links are not followed, special files are never opened, and nothing outside the root is read.
"""

import csv
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from phasewise.records.errors import BadInputError
from phasewise.records.text import safe_text

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jfif", ".pgm", ".ppm"}
PARTS = {"train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation", "test": "test", "testing": "test"}
MAX_FILES = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Item:
    """One picture file: path relative to the root, class name, part folder it lay in (or "")."""

    path: str
    label: str
    part: str = ""
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Listing:
    """All picture files in sorted order, the class names in sorted order, and what was passed over with the reason."""

    root: Path
    items: list[Item]
    classes: list[str]
    cruft: list[tuple[str, str]] = field(default_factory=list)
    layout: str = "folders"


def _walk(root: Path, cruft: list[tuple[str, str]]) -> list[tuple[Path, int]]:
    found: list[tuple[Path, int]] = []
    real = root.resolve()
    for folder, names, files in os.walk(root, followlinks=False):
        names.sort()
        for name in [*names, *files]:
            if not _text(name):
                cruft.append((os.fsencode((Path(folder) / name).relative_to(root)).decode("utf-8", "replace"), "name is no UTF-8 text: rename it to use it"))
        names[:], files = [n for n in names if _text(n)], [f for f in files if _text(f)]
        for name in list(names):
            if name.startswith(".") or (Path(folder) / name).is_symlink():
                cruft.append((str((Path(folder) / name).relative_to(root)), "hidden folder" if name.startswith(".") else "linked folder, not followed"))
                names.remove(name)
        for name in sorted(files):
            path = Path(folder) / name
            shown = str(path.relative_to(root))
            info = path.lstat()
            if stat.S_ISLNK(info.st_mode):
                target = path.resolve()
                inside = target == real or real in target.parents
                cruft.append((shown, "link, not followed" if inside else "link that leaves the folder"))
            elif not stat.S_ISREG(info.st_mode):
                cruft.append((shown, "not a plain file"))
            elif name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini"):
                cruft.append((shown, "hidden or system file"))
            else:
                found.append((path, info.st_size))
            if len(found) > MAX_FILES:
                raise BadInputError("too many files", f"{safe_text(root)} holds more than {MAX_FILES:,} files.", "Point to the folder that holds the class folders.")
    return found


def _text(name: str) -> bool:
    """Whether a name can be written down; one of undecodable bytes cannot."""
    return name.isprintable() or not any("\ud800" <= c <= "\udfff" for c in name)


def _without(root: Path, items: list["Item"]) -> list[tuple[str, str]]:
    """Folders where classes lie that hold no picture: a class that will be missing."""
    first = {Path(i.path).parts[0] for i in items}
    level = [root / name for name in first if name.lower() in PARTS] or [root]
    held = {i.path.rpartition("/")[0] for i in items}
    out = []
    for place in level:
        for folder in sorted(p for p in place.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith(".") and _text(p.name)):
            own = str(folder.relative_to(root))
            if not any(h == own or h.startswith(f"{own}/") for h in held):
                out.append((own, "class folder without pictures"))
    return out


def _layout(relative: tuple[str, ...]) -> tuple[str, str] | None:
    """Part and class of a path relative to the root; None where it lies in no class folder."""
    folders = relative[:-1]
    if folders and folders[0].lower() in PARTS and len(folders) >= 2:
        return PARTS[folders[0].lower()], folders[1]
    if folders:
        return "", folders[0]
    return None


def scan_folders(root: Path) -> Listing:
    """Class folders below `root`, or below train/val/test folders; class order sorted, one class map for all parts."""
    cruft: list[tuple[str, str]] = []
    items: list[Item] = []
    for path, size in _walk(root, cruft):
        relative = path.relative_to(root)
        if path.suffix.lower() not in EXTENSIONS:
            cruft.append((str(relative), "no picture extension"))
            continue
        placed = _layout(relative.parts)
        if placed is None:
            cruft.append((str(relative), "in no class folder"))
            continue
        items.append(Item(path=str(relative), label=placed[1], part=placed[0], size=size))
    parts = {item.part for item in items}
    if len(parts) > 1 and "" in parts:
        cruft.extend((item.path, "beside the part folders") for item in items if not item.part)
        items = [item for item in items if item.part]
    items.sort(key=lambda item: item.path)
    if items:
        cruft.extend(_without(root, items))
    return Listing(root=root, items=items, classes=sorted({item.label for item in items}), cruft=cruft)


def scan_manifest(path: Path) -> Listing:
    """A CSV with the columns path (or file, image, filename), label (or class, target) and optionally part (or split)."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as handle:
        reader = csv.DictReader(handle)
        names = {(name or "").strip().lower(): name for name in reader.fieldnames or []}
        where = next((names[n] for n in ("path", "file", "image", "filename", "file_name") if n in names), None)
        what = next((names[n] for n in ("label", "class", "target", "category") if n in names), None)
        part = next((names[n] for n in ("part", "split", "set", "subset") if n in names), None)
        if where is None or what is None:
            raise BadInputError("not a picture manifest", f"{path.name} has no column `path` and `label` (found: {safe_text(', '.join(reader.fieldnames or []))}).", "Name the columns path,label[,part].")
        root = path.parent.resolve()
        items: list[Item] = []
        cruft: list[tuple[str, str]] = []
        for number, row in enumerate(reader, start=2):
            name = (row.get(where) or "").strip()
            target = (root / name)
            if not name or root not in target.resolve().parents:
                cruft.append((safe_text(name), f"row {number}: outside the manifest's folder"))
            elif not target.is_file():
                cruft.append((safe_text(name), f"row {number}: no such file"))
            else:
                items.append(Item(path=name, label=(row.get(what) or "").strip(), part=PARTS.get((row.get(part) or "").strip().lower(), "") if part else "", size=target.stat().st_size))
    return Listing(root=path.parent, items=items, classes=sorted({item.label for item in items}), cruft=cruft, layout="manifest")


def scan(path: Path) -> Listing:
    """Whatever layout lies at `path`; a `BadInputError` when there is no class with a picture."""
    if not path.exists():
        raise BadInputError("no such folder", f"{safe_text(path)} does not exist.", "Check the path.")
    listing = scan_folders(path) if path.is_dir() else scan_manifest(path)
    if not listing.items:
        raise BadInputError("no pictures found", f"{safe_text(path)} holds no class folder with picture files ({len(listing.cruft):,} other files passed over).", "Put one folder per class below it, or give a CSV manifest with path,label.")
    return listing


def scan_any(path: Path) -> Listing:
    """As `scan`, but a single picture, or a folder whose pictures lie in no class folder, is listed too, with empty labels."""
    if path.is_file() and path.suffix.lower() in EXTENSIONS:
        return Listing(root=path.parent, items=[Item(path=path.name, label="", size=path.stat().st_size)], classes=[], layout="file")
    if path.is_dir():
        cruft: list[tuple[str, str]] = []
        flat = [(p, n) for p, n in _walk(path, cruft) if p.suffix.lower() in EXTENSIONS]
        if flat and all(p.parent == path for p, _ in flat):
            return Listing(root=path, items=[Item(path=p.name, label="", size=n) for p, n in flat], classes=[], cruft=cruft, layout="flat")
    return scan(path)
