"""Predictions as a CSV that a spreadsheet can open without harm."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from phasewise.records.errors import UsageError
from phasewise.stats import conformal
from phasewise.stats.predictions import Predictions

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\Z")


def guarded(cell: object, *, raw: bool = False) -> str:
    """A cell as text; what a spreadsheet would run as a formula gets a leading apostrophe, numbers stay (reliability.md 2.2)."""
    text = "" if cell is None else str(cell)
    if raw or not text or text[0] not in "=+-@\t\r" or _NUMBER.match(text):
        return text
    return "'" + text


def labelled(said: Predictions, threshold: float | None) -> np.ndarray:
    """Predicted class names (object [n]) or values [n]."""
    return np.asarray(said.names(threshold), dtype=object) if said.task != "regression" else said.values


def to_csv(said: Predictions, threshold: float | None, *, raw: bool = False, names: Sequence[str] | None = None, sets: float | None = None, before: int = 0) -> str:
    """CSV text of predictions; a line begins with its name (`file`), else with its row number from 1, the first row of data.

    `before` rows were written already: numbers go on and the line of names is left out.

    With the limit of `sets` lines end with the interval (`low_90`, `high_90`) or the classes (`set_90`) that hold the truth nine times in ten.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    labels = labelled(said, threshold)
    first = "row" if names is None else "file"
    ids = [str(i) for i in range(before + 1, before + len(labels) + 1)] if names is None else [guarded(n, raw=raw) for n in names]
    if said.task == "regression":
        low, high = conformal.ends(said, sets or 0.0)
        ends = [[]] * len(labels) if sets is None else [[f"{a:.6g}", f"{b:.6g}"] for a, b in zip(low, high, strict=True)]
        if not before:
            writer.writerow([first, "prediction", *(["low_90", "high_90"] if sets is not None else [])])
        writer.writerows([i, repr(float(v)), *e] for i, v, e in zip(ids, labels, ends, strict=True))
        return buffer.getvalue()
    classes = np.asarray(said.classes, dtype=object)
    inside = [[]] * len(labels) if sets is None else [[guarded(" | ".join(map(str, classes[row])), raw=raw)] for row in conformal.sets(said, sets)]
    if not before:
        writer.writerow([first, "prediction", *(guarded(f"p({c})", raw=raw) for c in said.classes), *(["set_90"] if sets is not None else [])])
    for i, label, row, own in zip(ids, labels, said.proba, inside, strict=True):
        writer.writerow([i, guarded(label, raw=raw), *(f"{p:.6g}" for p in row), *own])
    return buffer.getvalue()


def limit_of(model: Any, asked: bool) -> float | None:
    """The limit of a model's sets where they were asked for. Raises `UsageError` for a model that can promise none."""
    if asked and model.sets is None:
        raise UsageError("this model promises no prediction sets", "It had fewer than 100 held-out rows, was made by an older version, or its class shares were changed.", "Train it again, or leave --sets out.")
    return model.sets if asked else None
