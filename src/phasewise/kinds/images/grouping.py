"""Which pictures belong together: frames of a clip, pictures of a person or place, as sub-folders, file names or a column of the list say (P04, D05).

Names alone only suggest it. Whether pictures of one group really look alike is measured: how often the pictures of a group lie nearer to each
other than to other pictures of their class.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from phasewise.kinds.images.layout import Item, Listing, inside
from phasewise.records.text import safe_text

COLUMN = "group"
"""Column of a table of pictures that holds their group; an empty cell is a picture on its own."""
FOLDER, NAME = "folder", "name"
TAKEN = ("label", "width", "height", "bytes", "brightness", "contrast", "sharpness", "saturation", "border", "format", "mode")
"""Names of facts: a column of a list that is called like one is no group."""
SPEAKS = re.compile(r"(patient|person|subject|user|client|customer|site|family|group|session|device|machine|camera|case|hospital|batch|clip|video|movie|scene|sequence|animal|specimen|slide|plate|location|station)", re.I)
DIGITS = re.compile(r"[0-9]+")
COVERED, LARGEST, WORDS = 0.6, 0.5, 8
"""Share of the pictures in groups of two and more, share of the largest group, and groups a class from which on names without a number are groups."""
SAMPLED, EACH = 80, 4
"""Groups, and pictures of each, that are compared."""
ALIKE, SURELY = 0.8, 0.65
"""Chance that a picture lies nearer to one of its group than to another of its class, and its lower bound, from which on groups matter: random groups
have 0.5, day folders of one camera about 0.6, clips 0.9 and more."""
SIDE = 8


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """A way to tell which pictures belong together: the column's name, the group of each item ("" for none), and what was measured."""

    column: str
    ids: list[str]
    alike: float = 0.5
    low: float = 0.0

    @property
    def related(self) -> bool:
        """Whether pictures of one group look alike."""
        return self.alike >= ALIKE and self.low >= SURELY

    @property
    def spoken(self) -> bool:
        """Whether the name of a list's column says that it holds groups."""
        return self.column not in (FOLDER, NAME) and bool(SPEAKS.search(self.column))

    @property
    def said(self) -> str:
        """Where the groups come from, in words with an example."""
        example = safe_text(next((i for i in self.ids if i), ""), 40)
        if self.column == FOLDER:
            return f"the folder inside the class folder ({example!r})"
        return f"the start of the file name ({example!r})" if self.column == NAME else f"the column {safe_text(self.column, 40)!r} of the list ({example!r})"


def ids_of(listing: Listing, column: str) -> list[str]:
    """The group of each item by a column's name; all empty where there is no such column."""
    if column in listing.more:
        place = listing.more.index(column)
        return [i.more[place] for i in listing.items]
    if column == FOLDER:
        return [inside(i) for i in listing.items]
    return _named(listing.items) if column == NAME else [""] * len(listing.items)


def _named(items: Sequence[Item]) -> list[str]:
    """What stands in a file's name before (and after) its last number, or up to its first one, whichever makes groups."""
    stems = [i.path.rpartition("/")[2].rpartition(".")[0] for i in items]
    last = [_before_last(s) for s in stems]
    if _plausible(last, items, numbered=True):
        return last
    return [s[: m.end()] if (m := DIGITS.search(s)) and m.end() < len(s) else "" for s in stems]


def _before_last(stem: str) -> str:
    numbers = list(DIGITS.finditer(stem))
    return (stem[: numbers[-1].start()].rstrip(" _.-") + stem[numbers[-1].end() :]) if numbers else ""


def _plausible(ids: Sequence[str], items: Sequence[Item], *, numbered: bool) -> bool:
    """Whether names make groups: enough of them in each class, most pictures in one of two and more, none that holds half of all."""
    held = Counter(i for i in ids if i)
    many = {g for g, n in held.items() if n > 1}
    classes = len({i.label for i in items})
    if len(many) < max(2 * classes, 4) or sum(held[g] for g in many) < COVERED * len(items) or max(held.values()) > LARGEST * len(items):
        return False
    return not numbered or sum(bool(DIGITS.search(g)) for g in many) > len(many) / 2 or len(many) >= WORDS * classes


def structural(listing: Listing) -> list[Grouping]:
    """The groupings that names allow: columns of the list that speak of groups first, other columns last."""
    out = [Grouping(column=c, ids=ids_of(listing, c)) for c in (*listing.more, FOLDER, NAME) if c in (FOLDER, NAME) or c.lower() not in TAKEN]
    found = [g for g in out if _plausible(g.ids, listing.items, numbered=g.column in (FOLDER, NAME))]
    return sorted(found, key=lambda g: (not g.spoken, g.column not in (FOLDER, NAME)))


def sample(grouping: Grouping, labels: Sequence[str], seed: int = 0) -> np.ndarray:
    """Numbers of the items to compare: up to four of one class from each of up to eighty groups, int64 [m]."""
    order = np.random.default_rng(seed).permutation(len(labels))
    by_group: dict[tuple[str, str], list[int]] = {}
    for i in order.tolist():
        if grouping.ids[i]:
            by_group.setdefault((grouping.ids[i], labels[i]), []).append(i)
    whole = [rows[:EACH] for rows in by_group.values() if len(rows) > 1][:SAMPLED]
    return np.array(sorted(i for rows in whole for i in rows), np.int64)


def measured(grouping: Grouping, labels: Sequence[str], pick: np.ndarray, images: np.ndarray) -> Grouping:
    """The grouping with how much alike its pictures are, from the pixels of `pick`, uint8 (m, height, width, channels)."""
    if len(pick) < 8:
        return grouping
    flat = _pooled(images).reshape(len(pick), -1)
    square = (flat**2).sum(1)
    away = square[:, None] + square[None] - 2 * flat @ flat.T
    group, label = np.array([grouping.ids[i] for i in pick]), np.array([labels[i] for i in pick])
    chances: dict[str, list[float]] = {}
    for i in range(len(pick)):
        peers = label == label[i]
        mates = peers & (group == group[i])
        others = peers & (group != group[i])
        mates[i] = False
        if mates.any() and others.any():
            near = away[i, mates][:, None] < away[i, others][None]
            chances.setdefault(str(group[i]), []).append(float(near.mean()))
    means = np.array([np.mean(c) for c in chances.values()])
    if len(means) < 4:
        return grouping
    return Grouping(column=grouping.column, ids=grouping.ids, alike=float(means.mean()), low=float(means.mean() - 2 * means.std(ddof=1) / np.sqrt(len(means))))


def _pooled(images: np.ndarray) -> np.ndarray:
    """Means of 8 x 8 blocks, float32 (m, 8, 8, channels)."""
    edges = [np.linspace(0, s, SIDE + 1).astype(int)[:-1] for s in images.shape[1:3]]
    rows = np.add.reduceat(images.astype(np.float32), np.minimum(edges[0], images.shape[1] - 1), 1)
    sums = np.add.reduceat(rows, np.minimum(edges[1], images.shape[2] - 1), 2)
    return sums * (SIDE * SIDE / (images.shape[1] * images.shape[2]))


def found(listing: Listing, load: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> list[Grouping]:
    """The groupings with their measure, those to go by first; `load(numbers)` gives the numbers that could be read and their pixels."""
    labels = [i.label for i in listing.items]
    out = [measured(g, labels, *load(sample(g, labels))) for g in structural(listing)]
    return sorted(out, key=lambda g: not (g.related or g.spoken))


def fewest(grouping: Grouping, labels: Sequence[str]) -> tuple[str, int]:
    """The class with the fewest groups (a picture without one is a group of its own), and how many it has."""
    held: dict[str, set[str]] = {}
    for i, (g, y) in enumerate(zip(grouping.ids, labels, strict=True)):
        held.setdefault(y, set()).add(g or f"\0{i}")
    name = min(held, key=lambda y: (len(held[y]), y))
    return name, len(held[name])


def numbered(ids: Sequence[str | None]) -> np.ndarray:
    """Numbers of groups, int64 [n]: -1 where there is none."""
    known = {g: k for k, g in enumerate(sorted({g for g in ids if g}))}
    return np.array([known[g] if g else -1 for g in ids], np.int64)


def numbers(frame: pl.DataFrame) -> np.ndarray | None:
    """Group numbers of a table of pictures, int64 [n], -1 where there is none; None without groups."""
    return numbered(frame[COLUMN].to_list()) if COLUMN in frame.columns else None


def apart(frame: pl.DataFrame) -> np.ndarray | None:
    """Group numbers for intervals, int64 [n]: a picture without a group is one of its own; None without groups."""
    found = numbers(frame)
    return None if found is None else np.where(found < 0, len(found) + np.arange(len(found)), found)
