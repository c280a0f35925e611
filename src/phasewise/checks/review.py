"""The label-review queue of a checks job (D18): the most doubtful labels with their rows, for a person to accept, relabel or drop."""

from typing import Any

import numpy as np

from phasewise.checks.noise import label_margins
from phasewise.checks.table import ROW, CheckTable, Skip
from phasewise.records.results.data import ChecksResult, LabelDoubt
from phasewise.records.text import safe_text

LIMIT = 200
"""Rows a person may be asked to look at; the most doubtful come first."""
CELLS = 40
CELL = 60
PICTURES = 40
"""Rows whose picture is kept in the result: the rest are found by their path."""


def filled(result: ChecksResult, table: CheckTable, room: Any = None) -> ChecksResult:
    """The result with its review queue, or with the reason why there is none.

    `room` is the checks room of a kind with its own out-of-fold model: `doubts(table) -> (rows, codes, proba, classes, shown)`.
    """
    judge = room.doubts if hasattr(room, "doubts") else doubts
    try:
        rows, y, proba, classes, shown = judge(table)
    except Skip as reason:
        return result.model_copy(update={"doubts_why": str(reason)})
    margins = label_margins(proba, y)
    order = [int(i) for i in np.argsort(margins, kind="stable")[:LIMIT] if margins[i] < 0]
    found = []
    for place, i in enumerate(order):
        best, row = int(proba[i].argmax()), int(rows[i])
        told = shown(row)
        if place >= PICTURES:
            told.pop("thumbnail", None)
        found.append(LabelDoubt(
            row=table.number(row), given=classes[y[i]], suggested=classes[best], confidence=round(float(proba[i, best]), 4),
            margin=round(float(margins[i]), 4), part=part_of(table, row), **told,
        ))
    return result.model_copy(update={"doubts": found, "doubts_rows": len(rows), "doubts_classes": list(classes)})


def doubts(table: CheckTable) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str], Any]:
    """Rows [m] (positions in the table), class codes [m], out-of-fold probabilities [m, k], class names, and the cells of a row.

    The model is the quick one of the other checks, on at most 6,000 rows. Raises `Skip` where there are no classes.
    """
    if not table.classification:
        raise Skip("the target is a number, not a class")
    quick = table.facts.quick
    if quick.proba is None or quick.proba.shape[1] < 2:
        raise Skip("one class only")
    # Names and numbers that are no inputs are what a person recognises a case by.
    names = [c for c in table.frame.columns if c not in (table.target, ROW)][:CELLS]

    def shown(row: int) -> dict[str, Any]:
        values = table.frame[row].select(names).row(0) if names else ()
        return {"cells": {safe_text(n, CELL): "" if v is None else safe_text(v, CELL) for n, v in zip(names, values, strict=True)}}

    return quick.rows, quick.y, quick.proba, list(table.facts.classes), shown


def part_of(table: CheckTable, row: int) -> str:
    """Which part a row of the table lies in; nothing where folds make every row both."""
    if table.validation is None:
        return ""
    return "validation" if bool(np.isin(row, table.validation)) else "train"
