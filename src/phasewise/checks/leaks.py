"""Columns that give the target away (T20-T23)."""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from phasewise.checks.coding import says_the_same
from phasewise.checks.onecolumn import column_score
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.checks.time_checks import calendar, timelike
from phasewise.records.findings import Finding
from phasewise.stats.intervals import wilson

BLOCK, LOOK = 0.975, 0.85
LEFT = 0.5
"""Largest ratio of what a column leaves unexplained to what all others leave, from which on it is warned of: the size of a diamond tells its price
nearly alone and its weight tells it as well; a column made from the target is far better than all that belongs there."""


@check("target-leak", source="T20", cost="model", rows=20_000)
def target_leak(table: CheckTable) -> list[Finding]:
    """One column alone tells the target: as good as certain, or better than all other columns together."""
    facts, out = table.facts, []
    named = sorted(((c, s) for c, s in facts.leaks.items()), key=lambda p: -max(p[1].score, p[1].best))[:25]
    certain = [c for c, found in named if (found.score >= BLOCK or _functional(table, c)) and not calendar(table.frame[c])]
    scale = "R2" if not table.classification else "Gini"
    for c, found in named:
        severity, said = "", ""
        if c in certain:
            severity, said = "block", f"One-column score {found.score:.3f} of 1 ({scale}, cross-fitted).{_also(certain, c)}"
        elif timelike(table.frame[c]) or table.schema[c].is_temporal():
            continue  # what changes with the years is for the check of time to say
        elif found.score >= LOOK:
            others = _others(table, c, certain=certain)
            # On few rows both scores scatter: a tie is no evidence.
            slack = 0.5 / np.sqrt(len(facts.leak_y)) if len(facts.leak_y) < 1000 else 0.0
            beats = others is None or (found.score >= others + slack and 1 - found.score <= LEFT * (1 - others))
            severity = "warn" if beats else "info"
            said = f"One-column score {found.score:.3f} of 1 ({scale}); all other columns together reach {others:.3f}." if others is not None else f"One-column score {found.score:.3f} of 1 ({scale}); it is the only usable column."
        elif table.classification and len(facts.classes) > 2 and found.best >= BLOCK:
            others = _others(table, c, found.best_class, certain)
            if others is not None and found.best >= others + 0.01:
                severity = "warn"
                said = f"It tells the class {q(facts.classes[found.best_class])} from the rest with {found.best:.3f} of 1; all other columns together reach {others:.3f}."
        if severity:
            title = f"{q(c)} gives the target away" if severity == "block" else f"{q(c)} alone nearly tells the target"
            offers = [remedy("drop-column", recommended=severity != "info"), remedy("accept", recommended=severity == "info", title="known before the outcome: keep it")]
            out.append(finding("target-leak", severity, title, said, column=c, numbers={"score": found.score, "best_class": found.best, "also": [x for x in certain if x != c] if c in certain else []}, harm=100 * max(found.score - 0.5, 0.01) * (1 if severity != "info" else 0.01), remedies=offers))
    return out


def _also(certain: list[str], column: str) -> str:
    """The other columns that give the target away, each by itself: leaving out one of several changes nothing."""
    others = [c for c in certain if c != column]
    if not others:
        return ""
    shown = ", ".join(q(c) for c in others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return f" So {'does' if len(others) == 1 else 'do'} {shown}, {'' if len(others) == 1 else 'each '}by itself: all of them have to go, leaving out one changes nothing."


def _others(table: CheckTable, column: str, one_class: int | None = None, certain: Sequence[str] = ()) -> float | None:
    """What a quick model reaches with all other columns but those that have to go, on the leak scale (for one class: one-vs-rest)."""
    try:
        quick = table.facts.quick_without(*_same(table, column), *certain)
    except Skip:
        return None
    if one_class is None:
        if quick.proba is None or quick.proba.shape[1] == 2:
            return quick.gini
        return float(np.average([_gini_of(quick, c) for c in range(quick.proba.shape[1])], weights=np.bincount(quick.y, minlength=quick.proba.shape[1])))
    return _gini_of(quick, one_class)


def _same(table: CheckTable, column: str) -> list[str]:
    """The column and its copies, in whatever coding: a copy is no other column to compare with."""
    facts = table.facts
    return [c for c, values in facts.coded.items() if c == column or says_the_same(facts.coded[column], values, level=facts.is_level[column] and facts.is_level[c])]


def _gini_of(quick, c: int) -> float:
    from phasewise.stats.intervals import delong

    auc = delong((quick.y == c).astype(int), quick.proba[:, c])[0]
    return 2 * auc - 1 if np.isfinite(auc) else 0.0


def _functional(table: CheckTable, column: str) -> bool:
    """Whether few levels, each with at least five rows, map to exactly one class."""
    facts = table.facts
    if not table.classification or facts.distinct(column) > max(20, 5 * len(facts.classes)) or facts.distinct(column) < len(facts.classes):
        return False
    values, y = facts.coded[column], facts.leak_y
    known = np.isfinite(values)
    if known.mean() < 0.9:
        return False
    _, index = np.unique(values[known], return_inverse=True)
    k = len(facts.classes)
    counts = np.bincount(index * k + y[known], minlength=(index.max() + 1) * k).reshape(-1, k)
    return bool((counts.sum(1) >= 5).all() and ((counts > 0).sum(1) == 1).all())


@check("missingness-leak", source="T21", cost="pass")
def missingness_leak(table: CheckTable) -> list[Finding]:
    """A column is filled (or empty) only for one outcome."""
    facts, out = table.facts, []
    y = facts.y
    for c in table.features:
        if not 30 <= facts.nulls[c] <= table.rows - 30:
            continue
        series = table.frame[c]
        empty = (series.is_null() | series.is_nan()).to_numpy() if series.dtype.is_float() else series.is_null().to_numpy()
        if not table.classification:
            inside = facts.leak_rows
            found = column_score(empty[inside].astype(float), y[inside], 0, levels=True, seed=table.seed)
            if found.score >= 0.5:
                out.append(_missing_finding(c, "block" if found.score >= 0.9 else "warn", f"Whether it is filled explains {percent(found.score)} of the target's variance.", found.score))
            continue
        best = _one_sided(table, (("filled", ~empty), ("empty", empty)))
        if best:
            purity, side, top, n = best
            out.append(_missing_finding(c, _severity(table, purity, n), f"Where it is {side} ({n:,} rows), {percent(purity)} of the rows are of class {q(facts.classes[top])}.", purity))
    return [*out, *_zeros(table)]


def _zeros(table: CheckTable) -> list[Finding]:
    """Amounts that are zero (or above it) only for one class: what was recovered of a loan that failed."""
    facts, out = table.facts, []
    for c in facts.numbers() if table.classification else []:
        cells = table.frame[c].cast(pl.Float64).to_numpy()
        zero, other = cells == 0, np.isfinite(cells) & (cells != 0)
        if min(zero.sum(), other.sum()) < 30 or facts.distinct(c) < 10:
            continue  # of few values each tells for itself
        best = _one_sided(table, (("not zero", other), ("zero", zero)))
        if best:
            purity, side, top, n = best
            said = f"Where it is {side} ({n:,} rows), {percent(purity)} of the rows are of class {q(facts.classes[top])}."
            out.append(_missing_finding(c, _severity(table, purity, n), said, purity, f"Whether {q(c)} is zero gives the target away"))
    return out


def _one_sided(table: CheckTable, sides: Sequence[tuple[str, np.ndarray]]) -> tuple[float, str, int, int] | None:
    """Of the sides (name, mask of rows) the purest that is nearly all of one class: purity, name, class number, rows; None where no side is, beyond chance."""
    facts, best = table.facts, None
    for side, rows in sides:
        labels = facts.y[rows & (facts.y >= 0)]
        if len(labels) < 30:
            continue
        counts = np.bincount(labels, minlength=len(facts.classes))
        top = int(counts.argmax())
        purity = float(counts[top] / len(labels))
        prior = facts.class_counts[top] / facts.class_counts.sum()
        # Few rows bound the purity loosely; that they are of one class by chance is another question, and settled.
        sure = wilson(counts[top], len(labels), 0.99)[0] >= 0.9 or (prior ** len(labels) < 1e-9 and len(labels) >= 0.02 * table.rows)
        if prior <= 0.8 and purity >= 0.98 and sure and (best is None or purity > best[0]):
            best = (purity, side, top, len(labels))
    return best


def _severity(table: CheckTable, purity: float, rows: int) -> str:
    return "block" if rows >= 0.02 * table.rows and wilson(round(purity * rows), rows, 0.99)[0] >= 0.9 else "warn"


def _missing_finding(column: str, severity: str, seen: str, strength: float, title: str = "") -> Finding:
    return finding("missingness-leak", severity, title or f"Whether {q(column)} is filled gives the target away", seen, column=column, numbers={"strength": strength}, harm=30 * strength, remedies=[remedy("drop-column", recommended=True), remedy("accept", title="known before the outcome: keep it")])


@check("partial-leak", source="T22", cost="model", rows=6_000)
def partial_leak(table: CheckTable) -> list[Finding]:
    """Two or three columns together give away what no single one does."""
    facts = table.facts
    if len(facts.coded) < 4:
        raise Skip("fewer than four usable columns")
    full = facts.quick
    goal = full.gini
    singles = {c: s.score for c, s in facts.leaks.items()}
    strongest = max(singles.values(), default=0.0)
    if goal < 0.95 or strongest >= LOOK:
        return []
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    at = facts.model_positions
    names = list(facts.coded)
    matrix = np.stack([np.nan_to_num(facts.coded[c][at], nan=-1e9) for c in names], 1)
    tree = (DecisionTreeClassifier if table.classification else DecisionTreeRegressor)(max_depth=6, min_samples_leaf=5, random_state=table.seed)
    tree.fit(matrix, facts.leak_y[at])
    top = [names[i] for i in np.argsort(-tree.feature_importances_)[:3]]
    from phasewise.checks.quick import out_of_fold

    k = len(facts.classes) if table.classification else 0
    part = out_of_fold(matrix[:, [names.index(c) for c in top]], facts.leak_y[at], k, rows=facts.leak_rows[at], seed=table.seed)
    if part.gini < 0.99 * goal:
        return []
    return [finding("partial-leak", "info", f"{', '.join(q(c) for c in top)} together carry almost the whole score", f"They reach {part.gini:.3f} of the {goal:.3f} that all {len(names)} columns reach; the best single column {strongest:.3f}.", place="+".join(top), columns=top, numbers={"three": part.gini, "all": goal}, remedies=[remedy("drop-column", columns=top), remedy("accept", recommended=True)])]


_AFTER = re.compile(r"(^|[_\s.-])(after|outcome|result|results|final|closed|closing|cancel|cancelled|cancellation|canceled|refund|refunded|resolution|resolved|discharge|discharged|settled|settlement|churn_date|paid_at|end_date|completed|post|recovery|recoveries|recovered|pymnt|repaid|payoff|next|future|following|tomorrow)([_\s.-]|$)", re.I)


@check("post-outcome-name", source="T23", cost="free")
def post_outcome_name(table: CheckTable) -> list[Finding]:
    """Names that sound like they are known only after the outcome; dates later than the event's date."""
    out = []
    dates = [c for c in table.features if table.schema[c].is_temporal()]
    event = table.time if table.time in dates else None
    for c in table.features:
        words = re.sub(r"([a-z])([A-Z])", r"\1_\2", c)
        if event and c in dates and c != event:
            later = float((table.frame[c].cast(pl.Datetime("us")) > table.frame[event].cast(pl.Datetime("us"))).mean() or 0)
            if later > 0.95:
                out.append(finding("post-outcome-name", "warn", f"{q(c)} lies after {q(event)}", f"In {percent(later)} of the rows; it may not be known when a prediction is wanted.", column=c, numbers={"later": later}, harm=3, remedies=[remedy("drop-column", recommended=True), remedy("accept")]))
                continue
        if _AFTER.search(words):
            out.append(finding("post-outcome-name", "info", f"The name of {q(c)} sounds like after the outcome", "Make sure it is known when a prediction is wanted.", column=c, remedies=[remedy("drop-column"), remedy("accept", recommended=True)]))
    return out
