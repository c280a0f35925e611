"""Wrong labels of one place: a site, a device or an annotator whose labels models of all others contradict (T30, E01)."""

import re

import numpy as np

from phasewise.checks.noise import GOOD, SURE, label_margins
from phasewise.checks.quick import out_of_fold
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding

_PLACE = re.compile(r"site|hospital|clinic|cent(er|re)|lab(or|$|_)|annotator|rater|reader|label+er|expert|batch|device|machine|sensor|source|station|plant|school|operator|doctor|region|country|city|store|branch", re.I)
LEVELS = 12
LEAST = 100
"""Rows of a place that can be judged."""
WRONG, TIMES = 0.08, 4.0
"""Share of rows contradicted with certainty in two classes at least, and how many times that of the other places."""


@check("slice-noise", source="T30, E01", cost="model", tasks=("binary", "multiclass"), rows=6_000)
def slice_noise(table: CheckTable) -> list[Finding]:
    """Places whose labels a model of all other places contradicts with certainty, in several classes.

    Where the classes are merely in other shares, or one of them looks otherwise, only one class is contradicted.
    """
    facts, out = table.facts, []
    at = facts.model_positions
    y, k = facts.leak_y[at].astype(int), len(facts.classes)
    few = [c for c in facts.coded if facts.is_level[c] and 2 <= facts.distinct(c) <= LEVELS]
    columns = [c for c in few if _PLACE.search(c)] or _suspected(table, few)
    if not columns or len(facts.coded) < 3:
        raise Skip("no column names a few places, devices or annotators, and no other's levels differ in how often a model is wrong")
    for c in columns[:3]:
        places = np.nan_to_num(facts.coded[c][at], nan=-1.0)
        levels, code, counts = np.unique(places, return_inverse=True, return_counts=True)
        if (counts >= LEAST).sum() < 2:
            continue
        matrix = np.stack([v[at] for n, v in facts.coded.items() if n != c], 1)
        quick = out_of_fold(matrix, y, k, rows=facts.leak_rows[at], seed=table.seed, groups=places, count=len(levels))
        against = label_margins(quick.proba, y) < -SURE
        rates = np.array([_second(against[code == i], y[code == i], k) if n >= LEAST else np.nan for i, n in enumerate(counts)])
        for i in np.flatnonzero(rates >= WRONG):
            others = np.nanmedian(np.delete(rates, i))
            if np.isfinite(others) and rates[i] >= TIMES * others:
                name = str(table.frame[c][int(facts.leak_rows[at][np.flatnonzero(code == i)[0]])])
                out.append(finding("slice-noise", "warn", f"Many labels of {q(name)} look wrong", f"A model trained on all other values of {q(c)} contradicts {percent(float(against[code == i].mean()))} of its {counts[i]:,} rows with certainty, in several classes; elsewhere {percent(float(against[code != i].mean()))}.", place=f"{c}={name}", columns=[c], rows=int(against[code == i].sum()), numbers={"share": float(rates[i]), "elsewhere": float(others)}, harm=100 * float(rates[i]) * counts[i] / len(y), remedies=[remedy("review-labels", recommended=True), remedy("accept")]))
    return out


def _suspected(table: CheckTable, columns: list[str]) -> list[str]:
    """Columns of any name with a level in which an out-of-fold model is wrong about several classes far more often than in the others, the worst first."""
    facts, quick = table.facts, table.facts.quick
    if quick.proba is None or quick.score < GOOD or quick.proba.shape[1] < 2:
        return []
    wrong, found = quick.proba.argmax(axis=1) != quick.y, []
    for c in columns:
        _, code, counts = np.unique(np.nan_to_num(facts.coded[c][facts.model_positions], nan=-1.0), return_inverse=True, return_counts=True)
        rates = [_second(wrong[code == i], quick.y[code == i], quick.proba.shape[1]) for i, n in enumerate(counts) if n >= LEAST]
        if len(rates) >= 2 and max(rates) >= 2 * WRONG and max(rates) >= TIMES * float(np.median(rates)):
            found.append((max(rates), c))
    return [c for _, c in sorted(found, reverse=True)]


def _second(against: np.ndarray, y: np.ndarray, classes: int) -> float:
    """The second highest rate of contradicted rows among classes with enough rows; 0 with fewer than two of them."""
    rates = sorted((float(against[y == c].mean()) for c in range(classes) if (y == c).sum() >= 30), reverse=True)
    return rates[1] if len(rates) > 1 else 0.0
