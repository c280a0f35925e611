"""A CSV of picture files and their classes: which column names the files, which the classes, and where the files lie (D06).

Columns are known by their names or, where those are odd, by what stands in them. Nothing but picture files is opened, links are not followed.
"""

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from phasewise.kinds.images.layout import EXTENSIONS, PARTS, Item, Listing
from phasewise.records.errors import BadInputError
from phasewise.records.text import safe_text

SUFFIXES = {".csv", ".tsv", ".psv", ".txt"}
PATHS = ("path", "file", "image", "filename", "file_name", "filepath", "file_path", "image_path", "img_path", "image_id", "img", "picture", "photo")
LABELS = ("label", "class", "target", "category", "y", "classname", "class_name", "species")
SPLITS = ("part", "split", "set", "subset")
LOOKED = 50
"""Rows that are looked at to know the columns."""
WALKED = 200_000
"""Files below the folder that are looked through for names without a folder or an extension."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns of a manifest, as they stand in its first row."""

    path: str
    label: str = ""
    part: str = ""
    delimiter: str = ","


class Places:
    """Finds the file that a row names: below the folder, by an absolute path, or by its bare name or stem where that is unique below the folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, str] | None = None

    def find(self, name: str) -> tuple[str, str]:
        """Path (relative to the folder, or absolute) and "", or "" and why there is none."""
        if not name or "\0" in name:
            return "", "no file name"
        plain = name.replace("\\", "/") if "\\" in name else name
        target = Path(plain) if os.path.isabs(plain) else self._root / plain
        if target.suffix.lower() in EXTENSIONS and _is_file(target):
            if target.is_symlink():
                return "", "link, not followed"
            place = target.resolve()
            if self._root.resolve() in place.parents:
                return (str(place.relative_to(self._root.resolve())), "")
            return (str(place), "") if os.path.isabs(plain) else ("", "outside the manifest's folder")
        if not os.path.isabs(plain) and self._root.resolve() not in target.resolve().parents:
            return "", "outside the manifest's folder"
        known = self._below().get(plain) if "/" not in plain else None
        return (known, "") if known else ("", "no such file")

    def _below(self) -> dict[str, str]:
        """Bare names and stems of the pictures below the folder; one that stands for two files stands for none."""
        if self._names is None:
            self._names = {}
            for place in islice(_pictures(self._root), WALKED):
                for key in {place.name, place.stem}:
                    self._names[key] = "" if key in self._names else str(place.relative_to(self._root))
        return self._names


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _pictures(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root, followlinks=False):
        names[:] = sorted(n for n in names if not n.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            if path.suffix.lower() in EXTENSIONS and not path.is_symlink():
                yield path


def columns(path: Path, target: str = "") -> Columns | None:
    """The columns of a text file that names pictures which are there; None when it is none. `target` names the class column."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return None
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as handle:
            first = handle.readline(1 << 20)
            delimiter = max(",;\t|", key=first.count)
            head = [h.strip() for h in next(csv.reader([first], delimiter=delimiter), [])]
            rows = [[c.strip() for c in row] for row in islice(csv.reader(handle, delimiter=delimiter), LOOKED) if row]
    except (OSError, csv.Error):
        return None
    rows = [r for r in rows if len(r) == len(head)]
    if len(head) < 1 or not rows:
        return None
    found = _path_column(head, rows, Places(path.parent))
    if found is None:
        return None
    label = _label_column(head, rows, found, target)
    part = next((i for i, h in enumerate(head) if h.lower() in SPLITS and i not in (found, label)), None)
    return Columns(path=head[found], label="" if label is None else head[label], part="" if part is None else head[part], delimiter=delimiter)


def _path_column(head: Sequence[str], rows: Sequence[Sequence[str]], places: Places) -> int | None:
    """A column of a usual name of which a value names a picture that is there, else one with picture extensions or a name for ids, of which half of the values do."""
    usual = [i for i, h in enumerate(head) if h.lower() in PATHS]
    ending = [i for i in range(len(head)) if sum(Path(r[i]).suffix.lower() in EXTENSIONS for r in rows) > len(rows) / 2]
    ids = [i for i, h in enumerate(head) if h.lower() in ("id", "name", "image_name")]
    for i in dict.fromkeys([*usual, *ending, *ids]):
        there = sum(bool(places.find(r[i])[0]) for r in rows)
        if there > len(rows) / 2 or (there and i in usual):
            return i
    return None


def _label_column(head: Sequence[str], rows: Sequence[Sequence[str]], path: int, target: str) -> int | None:
    """The named column, one of a usual name, or the first with a few values that come again."""
    names = [h.lower() for h in head]
    for name in ([target.lower()] if target else []) + list(LABELS):
        if name in names and names.index(name) != path:
            return names.index(name)
    for i in range(len(head)):
        kinds = len({r[i] for r in rows})
        if i != path and names[i] not in SPLITS and 2 <= kinds <= max(2, len(rows) // 2):
            return i
    return None


def scan(path: Path, target: str = "") -> Listing:
    """The pictures that a manifest lists. Relative names are read from its folder and may not leave it; absolute ones stand for themselves.

    Raises `BadInputError` when no column names pictures or none their classes.
    """
    found = columns(path, target)
    if found is None or not found.label:
        what = "no column names picture files that are there" if found is None else f"{safe_text(found.path, 60)!r} names the pictures, but no column looks like their classes"
        raise BadInputError("not a picture manifest", f"{safe_text(path.name, 80)}: {what}.", "Name the columns path,label[,part]; paths are read from the manifest's folder.")
    places, rows, cruft, listed = Places(path.parent), [], [], set()
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as handle:
        reader = csv.DictReader(handle, delimiter=found.delimiter)
        reader.fieldnames = [h.strip() for h in reader.fieldnames or []]
        more = tuple(h for h in dict.fromkeys(reader.fieldnames) if h and h not in (found.path, found.label, found.part))
        for number, row in enumerate(reader, start=2):
            name = (row.get(found.path) or "").strip()
            place, why = places.find(name)
            if why:
                cruft.append((safe_text(name) or "(blank)", f"row {number}: {why}"))
                continue
            label = (row.get(found.label) or "").strip()
            if (place, label) in listed:
                cruft.append((safe_text(name), f"row {number}: listed before"))
                continue
            listed.add((place, label))
            rows.append((place, label, PARTS.get((row.get(found.part) or "").strip().lower(), "") if found.part else "", tuple((row.get(c) or "").strip() for c in more)))
    root, apart = path.parent, [p for p, *_ in rows if os.path.isabs(p)]
    if apart:  # a listing has one root: the folder that holds all of them
        root = Path(os.path.commonpath([str(root.resolve()), *(os.path.dirname(p) for p in apart)]))
    items = []
    for place, label, part, cells in rows:
        full = Path(place) if os.path.isabs(place) else path.parent.resolve() / place
        shown = str(full.relative_to(root)) if apart else place
        items.append(Item(path=shown, label=label, part=part, size=full.stat().st_size, more=cells))
    return Listing(root=root, items=items, classes=sorted({item.label for item in items} - {""}), cruft=cruft, layout="manifest", target=found.label, more=more)
