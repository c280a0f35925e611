"""Predictions as a CSV that a spreadsheet can open without harm."""

import csv
import io
import re
from collections.abc import Sequence

import numpy as np

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


def to_csv(said: Predictions, threshold: float | None, *, raw: bool = False, names: Sequence[str] | None = None) -> str:
    """CSV text of predictions; a line begins with its name (`file`), else with its row number from 1, the first row of data."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    labels = labelled(said, threshold)
    first = "row" if names is None else "file"
    ids = [str(i) for i in range(1, len(labels) + 1)] if names is None else [guarded(n, raw=raw) for n in names]
    if said.task == "regression":
        writer.writerow([first, "prediction"])
        writer.writerows([i, repr(float(v))] for i, v in zip(ids, labels, strict=True))
        return buffer.getvalue()
    writer.writerow([first, "prediction", *(guarded(f"p({c})", raw=raw) for c in said.classes)])
    for i, label, row in zip(ids, labels, said.proba, strict=True):
        writer.writerow([i, guarded(label, raw=raw), *(f"{p:.6g}" for p in row)])
    return buffer.getvalue()
