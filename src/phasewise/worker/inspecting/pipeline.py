"""Pipeline error analysis: the output of one stage after another replaced by the truth, and what each replacement gains (V09b)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from phasewise.records.metrics import metric
from phasewise.records.text import safe_text
from phasewise.stats.diagnosis import error_of
from phasewise.stats.intervals import interval
from phasewise.stats.paired import difference
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import score

LEAST = 60
"""Rows whose missing values are all known, below which nothing can be said about imputing."""
MOSTLY = 0.5
"""Columns missing more often than this are left as they are: hardly any row would be complete."""
UNSEEN = "\u2400unseen"


def replaced(stages: Sequence[Callable[[Any], Any]], truths: Sequence[Any], inputs: Any, judge: Callable[[Any], float]) -> list[float]:
    """Scores with the outputs of the first 0, 1, ... all stages replaced by the truth; `truths[k]` is the true output of stage k."""
    out = []
    for k in range(len(stages) + 1):
        value = truths[k - 1] if k else inputs
        for stage in stages[k:]:
            value = stage(value)
        out.append(judge(value))
    return out


def gains(names: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    """Stage -> what its replacement gained; they add up to last minus first."""
    return {name: float(b - a) for name, a, b in zip(names, scores[:-1], scores[1:], strict=True)}


def analyse(metric_id: str, y: np.ndarray, held: Predictions, table: Any, features: Sequence[str], strange: Mapping[str, np.ndarray], predict: Callable[[Any], Predictions], *,
            raw_y: np.ndarray | None = None, threshold: float | None = None, seed: int = 0) -> dict[str, Any]:
    """What is lost at each stage of a table's pipeline, in points of the error (`1 - score`, or the error itself); positive = gained by the truth.

    `table` holds the validation rows (polars), `strange` the rows with a level the model never met (see `unseen_levels`); `held` are the stored
    predictions, `predict` the shipped model. The true value of a missing cell is known nowhere, so the cost is
    measured where it is: rows without holes are given the holes of other rows and imputed by the pipeline. Levels the training rows do not hold are
    spoiled the same way. `raw_y` are the labels before they were corrected by hand. The last stage is the model: with the truth there, nothing is left.
    """
    missing = {c: table[c].is_null().to_numpy() for c in features if c in table.columns}
    often = [c for c, m in missing.items() if m.mean() > MOSTLY]
    holes = {c: m for c, m in missing.items() if m.any() and c not in often}
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    notes = [] if holes or strange else ["no input is missing and every level is known: all that is left is the model's"]
    notes += [f"{safe_text(c, 60)} is missing in more than half of the rows and left as it is" for c in often]
    stages: list[dict[str, Any]] = []
    for name, spoiled, with_hole in (("missing values", holes, True), ("unknown levels", strange, False)):
        if not spoiled:
            continue
        whole = ~np.any(list(spoiled.values()), axis=0)
        if whole.sum() < LEAST:
            notes.append(f"{name}: {int(whole.sum())} rows are free of them, {LEAST} are needed")
            continue
        rows = np.flatnonzero(whole)
        part = table[rows]
        masks = {c: m[order][rows] for c, m in spoiled.items()}
        found = difference(metric_id, y[rows], predict(part), predict(_spoiled(part, masks, None if with_hole else UNSEEN)), resamples=500, thresholds=(threshold, threshold))
        share = float(np.mean(np.any(list(spoiled.values()), axis=0)))
        stages.append({"stage": name, "gain": found.value, "low": found.low, "high": found.high, "note": f"{share:.1%} of the rows, measured on {len(rows):,} rows without"})
    current = error_of(metric_id, score(metric_id, y, held, threshold=threshold))
    if raw_y is not None and (raw_y != y).any():
        before = error_of(metric_id, score(metric_id, raw_y, held, threshold=threshold))
        stages.append({"stage": "labels", "gain": before - current, "low": before - current, "high": before - current, "note": f"{int((raw_y != y).sum()):,} labels corrected by hand"})
    low, high, _ = interval(metric_id, y, held, threshold=threshold, resamples=500)
    ends = sorted(error_of(metric_id, v) for v in (low, high))
    stages.append({"stage": "model", "gain": current, "low": ends[0], "high": ends[1], "note": "what perfect predictions from these inputs would still gain"})
    total = sum(s["gain"] for s in stages)
    return {"metric": metric_id, "unit": f"1 - {metric_id}" if metric(metric_id).maximize else metric_id, "error": total, "stages": sorted(stages, key=lambda s: -s["gain"]), "notes": notes, "rows": len(y)}


def unseen_levels(column: Any, fold: np.ndarray) -> np.ndarray:
    """Mask [n] of rows whose level occurs in no other fold (on a holdout: training rows are fold 0, validation rows fold 1)."""
    text = np.array(["" if v is None else str(v) for v in column.to_list()])
    levels, codes = np.unique(text, return_inverse=True)
    inside = np.zeros((len(levels), int(fold.max()) + 1), np.int64)
    np.add.at(inside, (codes, fold), 1)
    return (inside.sum(1)[codes] == inside[codes, fold]) & (text != "")


def _spoiled(table: Any, masks: Mapping[str, np.ndarray], value: str | None) -> Any:
    import polars as pl

    return table.with_columns(pl.when(pl.Series(mask)).then(pl.lit(value, dtype=pl.String).cast(table.schema[c], strict=False) if value else None).otherwise(pl.col(c)).alias(c) for c, mask in masks.items() if mask.any())
