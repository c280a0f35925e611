"""The target: shares, rare classes, doubtful labels and the review queue (T24, T25, T30, D15, D18)."""

from dataclasses import dataclass

import numpy as np

from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding

CLASSES = ("binary", "multiclass")


@check("imbalance", source="T24, D15", cost="free", tasks=CLASSES)
def imbalance(table: CheckTable) -> list[Finding]:
    """The rarest class holds less than a tenth of its even share."""
    facts = table.facts
    counts = facts.class_counts
    n, k = int(counts.sum()), len(counts)
    if k < 2 or n == 0:
        return []
    shares = counts / n
    rare, common = int(shares.argmin()), int(shares.argmax())
    ratio = counts[common] / max(counts[rare], 1)
    seen = f"{q(facts.classes[rare])} {percent(shares[rare])}, {q(facts.classes[common])} {percent(shares[common])}: one to {ratio:,.0f}."
    if shares[rare] < 0.1 / k:
        best = "under-sample" if counts[rare] >= 5000 and n > 1_000_000 else "class-weights"
        offers = [remedy(a, recommended=a == best) for a in ("class-weights", "over-sample", "under-sample", "accept")]
        return [finding("imbalance", "warn", f"Class {q(facts.classes[rare])} is rare", seen + f" Always answering {q(facts.classes[common])} is right in {percent(shares[common])}: do not judge by accuracy.", columns=[table.target], numbers={"ratio": float(ratio), "share": float(shares[rare])}, harm=2, remedies=offers)]
    if shares[common] > 0.8 or ratio >= 5:
        return [finding("imbalance", "info", "The classes are uneven", seen, columns=[table.target], numbers={"ratio": float(ratio), "share": float(shares[rare])}, remedies=[remedy("class-weights"), remedy("accept", recommended=True)])]
    return []


@check("rare-class", source="T25", cost="free", tasks=CLASSES)
def rare_class(table: CheckTable) -> list[Finding]:
    """Classes with too few rows to learn from and to judge on."""
    facts = table.facts
    counts = dict(zip(facts.classes, facts.class_counts.tolist(), strict=True))
    few = {c: n for c, n in counts.items() if n < 30}
    if not few or len(counts) < 2:
        return []
    worst = min(few.values())
    left = [c for c in counts if c not in few or few[c] >= 10]
    merge = {c: "other" for c, n in few.items() if n < 10}
    offers = []
    if len(counts) > 2 and merge:
        # Fewer than two rare classes cannot become one: then the rarest joins the next rarest.
        if len(merge) == 1 and len(left) >= 2:
            lone = next(iter(merge))
            nearest = min((c for c in counts if c != lone), key=lambda c: counts[c])
            merge = {lone: f"{lone}+{nearest}", nearest: f"{lone}+{nearest}"}
        offers.append(remedy("merge-rare", map=merge, columns=[table.target]))
    offers += [remedy("accept", recommended=True, title="go on; the class cannot be judged"), remedy("note", title="collect rows")]
    shown = ", ".join(f"{q(c)}: {n}" for c, n in sorted(few.items(), key=lambda p: p[1])[:5])
    severity = "block" if worst < 10 else "warn"
    limit = 10 if worst < 10 else 30
    under = sum(n < limit for n in few.values())
    return [finding("rare-class", severity, f"{under} class{'es have' if under > 1 else ' has'} fewer than {limit} rows", f"{shown}.", columns=[table.target], examples=[f"{c}: {n}" for c, n in few.items()], numbers={"counts": few}, harm=1, remedies=offers)]


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One doubtful row (a position in the table); `margin` = probability of the given label minus that of the best other, in [-1, 1]."""

    row: int
    given: str
    suggested: str
    margin: float
    probability: float


def queue(table: CheckTable, limit: int = 200) -> list[Doubt]:
    """The most doubtful labels first (out-of-fold margin; Northcutt et al. 2021), of at most 6,000 sampled rows."""
    quick = table.facts.quick
    margins = label_margins(quick.proba, quick.y)
    order = np.argsort(margins, kind="stable")[:limit]
    blocked = quick.proba.copy()
    blocked[np.arange(len(quick.y)), quick.y] = -1
    names = table.facts.classes
    return [
        Doubt(row=int(quick.rows[i]), given=names[quick.y[i]], suggested=names[int(blocked[i].argmax())], margin=float(margins[i]), probability=float(quick.proba[i, quick.y[i]]))
        for i in order if margins[i] < 0
    ]


def label_margins(proba: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Out-of-fold probability of the given label minus the best other one, [n]."""
    rows = np.arange(len(y))
    given = proba[rows, y]
    other = proba.copy()
    other[rows, y] = -np.inf
    return given - other.max(axis=1)


SURE = 0.8
"""Margin from which a label is contradicted with certainty."""
LEAST = 0.02
"""Share of wrong labels from which the person is warned."""
AGREES, TELLS = 1.0, 2.7
"""Log likelihood a lapse rate must gain on the first model (it agrees) and on the second (1 % level of the boundary test)."""


@check("label-noise", source="T30, D18", cost="model", tasks=CLASSES, rows=6_000)
def label_noise(table: CheckTable) -> list[Finding]:
    """Rows whose label models that never saw them contradict, more than their own certainty explains.

    On hard problems sure models are sometimes wrong although every label is right, so contradictions alone prove nothing.
    Warned is only where two kinds of model both stop getting better with certainty (`stats.lapse`).
    """
    from phasewise.stats.lapse import lapse

    facts, quick = table.facts, table.facts.quick
    if quick.proba is None or quick.proba.shape[1] < 2:
        raise Skip("one class only")
    n, margins = len(quick.y), label_margins(quick.proba, quick.y)
    sure = int((margins < -SURE).sum())
    first = lapse(quick.proba, quick.y)
    share = 0.0
    # Inputs that repeat cap the certainty by themselves; what they contradict is counted by conflicting-labels.
    apart = facts.fine or len(np.unique(facts.row_hash)) > 0.5 * table.rows
    if n >= 1000 and apart and quick.score >= 0.7 and first.rate >= LEAST and first.evidence >= AGREES:
        second = lapse(facts.second_opinion, quick.y)
        share = min(first.rate, second.rate) if second.evidence >= TELLS else 0.0
    if share < LEAST and not sure:
        return []
    shown = [f"row {table.number(d.row) + 1:,}: {d.given} -> {d.suggested}?" for d in queue(table, 5)]
    if share >= LEAST:
        seen = f"Two models that never saw these rows are wrong in about {percent(share)} of them however sure they are; unsure rows alone would not explain that."
        return [finding("label-noise", "warn", f"About {percent(share)} of the labels look wrong", seen, rows=int(share * table.rows), examples=shown, numbers={"share": share, "evidence": first.evidence, "contradicted": sure / n}, harm=100 * share, remedies=[remedy("review-labels", recommended=True), remedy("accept")])]
    certain = np.sort(quick.proba, axis=1)[:, -1] - np.sort(quick.proba, axis=1)[:, -2] > SURE
    expected = float(first.expected[certain].sum())
    few = "A few labels are worth a second look"
    seen = f"{sure:,} of {n:,} rows are contradicted with certainty; as sure as the model is, about {expected:,.0f} are expected."
    return [finding("label-noise", "info", few, seen, rows=sure, examples=shown, numbers={"share": sure / n, "expected": expected / n}, remedies=[remedy("review-labels"), remedy("accept", recommended=True)])]
