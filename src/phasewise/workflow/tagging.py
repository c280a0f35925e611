"""Error tagging by hand: what each kind of error would bring if it were gone (V09a). Tags live in the journal, row by row, model by model."""

import re
from dataclasses import dataclass
from typing import Any

from phasewise.records.errors import GateError, UsageError
from phasewise.records.text import safe_text

LONGEST = 40
Z95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class TagRow:
    """One tag: how many rows carry it, its share among the sampled errors that were looked at, and the ceiling gain of fixing it."""

    tag: str
    rows: int
    """Tagged rows of any kind."""
    sampled: int
    """Tagged rows among the random sample of errors: only these are counted in the share."""
    share: float
    gain: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class TagTable:
    """All tags of one model, largest ceiling first."""

    model: str
    rows: tuple[TagRow, ...]
    looked: int
    """Sampled errors that carry at least one tag."""
    sample: int
    metric: str
    """`accuracy` or `mae`: the unit of the gains."""
    error: float
    """What is left to gain on validation in that unit."""


def wilson(right: float, n: float) -> tuple[float, float]:
    """Wilson 95 % interval of a share (Wilson 1927); (0, 1) without rows. Equal to `stats.intervals.wilson`, without numpy."""
    if n <= 0:
        return 0.0, 1.0
    z, p = Z95, right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def named(text: str) -> str:
    """A tag as it is kept: one line, single spaces, at most 40 characters. Raises `UsageError` when nothing is left."""
    tag = re.sub(r"\s+", " ", safe_text(text, 200)).strip()
    if not tag or len(tag) > LONGEST:
        raise UsageError("a tag is one to forty characters", f"{len(tag)} were given.", "Write what kind of error it is, for example 'blurred' or 'wrong label'.")
    return tag


def parsed(text: str) -> tuple[int, str]:
    """`ROW=TAG` as row and tag. Raises `UsageError`."""
    row, sign, tag = text.partition("=")
    if not sign or not row.strip().isdigit():
        raise UsageError(f"cannot read the tag {safe_text(text, 60)!r}", "It has no row number and '='.", "Write for example --tag '150=wrong label'; rows are those of the gallery.")
    return int(row), named(tag)


def tags(view: Any, model: str) -> dict[int, list[str]]:
    """Row -> tags of one model."""
    return view.facts.tags.get(model, {})


def known(view: Any) -> list[str]:
    """Every tag in use, most used first."""
    count: dict[str, int] = {}
    for rows in view.facts.tags.values():
        for own in rows.values():
            for tag in own:
                count[tag] = count.get(tag, 0) + 1
    return sorted(count, key=lambda t: (-count[t], t))


def put(session: Any, found: Any, row: int, tag: str, *, on: bool = True) -> None:
    """Write a tag (or its removal) of one row of an inspection's gallery into the journal. Raises `UsageError` for a row it does not show."""
    shown = {int(g["row"]) for items in found.gallery.values() for g in items}
    if not shown:
        raise GateError("there is no gallery to tag", f"{safe_text(found.model)} was not inspected with its gallery.", "Run `phasewise inspect` first.")
    if row not in shown:
        raise UsageError(f"row {row} is not in the gallery of {safe_text(found.model)}", "Tags are given to cases somebody has looked at.", f"Rows shown: {', '.join(map(str, sorted(shown)[:8]))} ...")
    tag = named(tag)
    if (tag in tags(session.view, found.model).get(row, [])) != on:
        session.journal("tag", {"model": found.model, "row": row, "tag": tag, "on": on})


def table(view: Any, found: Any) -> TagTable:
    """Tags of an inspected model, ranked by the gain of fixing them all.

    The gain is the tag's share among the sampled errors that were looked at times the error that is left: an upper bound. Its interval is
    Wilson's of the share. For a regression the sample are rows of the worst fifth by absolute error, and the error is the MAE they carry.
    """
    own = tags(view, found.model)
    sample = {int(g["row"]): g for g in found.gallery.get("errors", [])}
    looked = [r for r in own if own[r] and (r in sample or not sample)]
    error, metric = left(found, sample)
    rows = []
    for tag in {t for row in own.values() for t in row}:
        hits = sum(tag in own[r] for r in looked)
        low, high = wilson(hits, len(looked))
        share = hits / len(looked) if looked else 0.0
        rows.append(TagRow(tag=tag, rows=sum(tag in t for t in own.values()), sampled=hits, share=share, gain=share * error, low=low * error, high=high * error))
    rows.sort(key=lambda r: (-r.gain, -r.rows, r.tag))
    return TagTable(model=found.model, rows=tuple(rows), looked=len(looked), sample=len(sample), metric=metric, error=error)


def left(found: Any, sample: dict[int, Any]) -> tuple[float, str]:
    """What perfect predictions would gain: 1 - accuracy, or the part of the MAE that the sampled worst fifth carries."""
    if "accuracy" in found.metrics:
        return 1.0 - found.metrics["accuracy"], "accuracy"
    worst = [float(g["loss"]) for g in sample.values()]
    return (sum(worst) / len(worst) / 5 if worst else found.metrics.get("mae", 0.0)), "mae"
