"""Which files are pictures, which class and part they belong to: class folders, part folders, a CSV manifest (D06).

Links are not followed, special files are never opened, and nothing outside the root is read.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from phasewise.kinds.images import manifest
from phasewise.kinds.images.layout import EXTENSIONS, PARTS, Item, Listing, inside
from phasewise.records.errors import BadInputError
from phasewise.records.text import safe_text

SYSTEM = ("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found")
"""Folders that archives, disks and servers put beside the data."""
INNER = "folder"
"""The target that takes the folders inside the outermost ones (places, people) as the classes."""
MAX_FILES = 2_000_000


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
            system = name.startswith(".") or name.lower() in SYSTEM
            if system or (Path(folder) / name).is_symlink():
                cruft.append((str((Path(folder) / name).relative_to(root)), "hidden or system folder" if system else "linked folder, not followed"))
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


def _without(root: Path, items: list[Item], depth: int) -> list[tuple[str, str]]:
    """Folders where classes lie that hold no picture: a class that will be missing."""
    top = root.joinpath(*Path(items[0].path).parts[:depth])
    first = {Path(i.path).parts[depth] for i in items}
    level = [top / name for name in first if name.lower() in PARTS] or [top]
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


def _lead(folders: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Folders above the class folders: all pictures lie below them, and in more than one folder further down."""
    within = [f for f in folders if f]
    depth = 0
    while within and all(len(f) > depth + 1 and f[depth] == within[0][depth] for f in within) and within[0][depth].lower() not in PARTS:
        depth += 1
    while depth and len({f[depth] for f in within}) < 2 and within[0][depth].lower() not in PARTS:
        depth -= 1
    return within[0][:depth] if within else ()


def scan_folders(root: Path) -> Listing:
    """Class folders below `root`, or below train/val/test folders; class order sorted, one class map for all parts."""
    cruft: list[tuple[str, str]] = []
    items: list[Item] = []
    found = [(path.relative_to(root), path.suffix.lower() in EXTENSIONS, size) for path, size in _walk(root, cruft)]
    lead = _lead([relative.parts[:-1] for relative, picture, _ in found if picture])
    for relative, picture, size in found:
        if not picture:
            cruft.append((str(relative), "no picture extension"))
            continue
        placed = _layout(relative.parts[len(lead) :]) if relative.parts[: len(lead)] == lead else None
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
        cruft.extend(_without(root, items, len(lead)))
    return Listing(root=root, items=items, classes=sorted({item.label for item in items}), cruft=cruft, lead="/".join(lead))


def _inner(listing: Listing) -> Listing:
    """The same pictures with the folder inside the class folder as their class; one without such a folder keeps its own."""
    items = [replace(i, label=inside(i).partition("/")[0] or i.label) for i in listing.items]
    return replace(listing, items=items, classes=sorted({i.label for i in items}), target=INNER)


def crossed(places: Sequence[tuple[str, str]]) -> list[str]:
    """Folders that lie inside every class folder, from (class, folder inside it) of each picture: rather the classes themselves, of several places or people; empty where there are none."""
    within: dict[str, set[str]] = {}
    for label, folder in places:
        within.setdefault(label, set()).add(folder.partition("/")[0])
    shared = set.intersection(*within.values()) if len(within) > 1 else set()
    return sorted(shared) if len(shared) > 1 and all(held == shared for held in within.values()) and "" not in shared and not all(any(c.isdigit() for c in f) for f in shared) else []


def scan(path: Path, target: str = "", *, unlabelled: bool = False) -> Listing:
    """Whatever layout lies at `path`; a `BadInputError` when there is no class with a picture. `target` names the class column of a manifest, whose pictures without a class are passed over unless `unlabelled` ones are wanted."""
    if not path.exists():
        raise BadInputError("no such folder", f"{safe_text(path)} does not exist.", "Check the path.")
    if path.is_dir():
        listing = _inner(scan_folders(path)) if target == INNER else scan_folders(path)
        beside = _manifest_in(path) if len(listing.classes) < 2 else None
        listing = manifest.scan(beside, target) if beside else listing
    else:
        listing = manifest.scan(path, target)
    if not unlabelled and listing.classes and any(not i.label for i in listing.items):
        blank = [(i.path, "no class in the list") for i in listing.items if not i.label]
        listing = replace(listing, items=[i for i in listing.items if i.label], cruft=[*listing.cruft, *blank])
    if not listing.items:
        raise BadInputError("no pictures found", f"{safe_text(path)} holds no class folder with picture files ({len(listing.cruft):,} other files passed over).", "Put one folder per class below it, or give a CSV manifest with path,label.")
    return listing


def _manifest_in(folder: Path) -> Path | None:
    """A manifest that lies in a folder whose sub-folders are no classes."""
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in manifest.SUFFIXES)
    return next((p for p in found[:20] if (known := manifest.columns(p)) is not None and known.label), None)


def scan_any(path: Path, target: str = "") -> Listing:
    """As `scan`, but a single picture, or a folder whose pictures lie in no class folder, is listed too, with empty labels."""
    if path.is_file() and path.suffix.lower() in EXTENSIONS:
        return Listing(root=path.parent, items=[Item(path=path.name, label="", size=path.stat().st_size)], classes=[], layout="file")
    if path.is_dir():
        cruft: list[tuple[str, str]] = []
        flat = [(p, n) for p, n in _walk(path, cruft) if p.suffix.lower() in EXTENSIONS]
        if flat and all(p.parent == path for p, _ in flat):
            return Listing(root=path, items=[Item(path=p.name, label="", size=n) for p, n in flat], classes=[], cruft=cruft, layout="flat")
    return scan(path, target, unlabelled=True)
