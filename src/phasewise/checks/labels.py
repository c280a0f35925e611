"""The target: shares, rare classes, doubtful labels and the review queue (T24, T25, T30, D15, D18)."""

from dataclasses import dataclass

import numpy as np

from phasewise.checks.noise import label_margins, noise, told
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


@check("label-noise", source="T30, D18", cost="model", tasks=CLASSES, rows=6_000)
def label_noise(table: CheckTable) -> list[Finding]:
    """Rows whose label models that never saw them contradict, more than their own certainty explains (`checks.noise`)."""
    facts, quick = table.facts, table.facts.quick
    if quick.proba is None or quick.proba.shape[1] < 2:
        raise Skip("one class only")
    # Inputs that repeat cap the certainty by themselves; what they contradict is counted by conflicting-labels.
    apart = facts.fine or len(np.unique(facts.row_hash)) > 0.5 * table.rows
    found = noise(quick.proba, quick.y, quick.score, lambda: facts.second_opinion, apart=apart)
    return told(found, table.rows, [f"row {table.number(d.row) + 1:,}: {d.given} -> {d.suggested}?" for d in queue(table, 5)])
