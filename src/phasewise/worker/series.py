"""Tables that are one series in time: a model has to know more than the last value (T25)."""

from typing import Any

import numpy as np

from phasewise.stats.series import SeriesVerdict, judge
from phasewise.worker.arrays import Stored

LEAST = 20
"""Judged rows below which nothing is said."""
ID = "series-noise"


def look(wing: Any, dev: Any, held: Stored) -> SeriesVerdict | None:
    """Validation predictions against the value one row earlier; None where the rows are no series split by time."""
    if dev.task != "regression" or not hasattr(dev, "natural"):
        return None
    try:
        order = wing.room("timing").in_time(dev)
    except ModuleNotFoundError:  # a kind without time
        return None
    if order is None:
        return None
    y = np.asarray(dev.y, float)
    place = np.empty(len(y), np.int64)
    place[order] = np.arange(len(y))
    rows = np.asarray(held.rows)
    rows = rows[place[rows] > 0]
    if len(rows) < LEAST:
        return None
    rows = rows[np.argsort(place[rows])]
    said = np.asarray(held.at(rows).predictions.values, float)
    return judge(y[rows], said, y[order[place[rows] - 1]], y[order])


def tell(ctx: Any, name: str, found: SeriesVerdict | None) -> list[str]:
    """A note, and a finding where nothing is known beyond the last value."""
    if found is None:
        return []
    if not found.noise:
        return [f"{name} knows more than the last value: {found.told()}"]
    text = f"{name}: {found.told()}. What fits the training rows may be fitted noise: add inputs that know of tomorrow, take a longer horizon, or re-frame the question (T25)."
    ctx.finding(ID, "warn", "No clear gain over repeating the last value", text)
    return [text]

