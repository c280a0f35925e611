"""Wrong labels among rows that models are merely unsure of: one rule for tables and pictures (T30, I15, D18)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from phasewise.checks.remedies import remedy
from phasewise.checks.texts import finding, percent
from phasewise.records.findings import Finding

SURE = 0.8
"""Margin from which a label is contradicted with certainty."""
LEAST = 0.02
"""Share of wrong labels from which the person is warned."""
AGREES, TELLS = 1.0, 2.7
"""Log likelihood a lapse rate must gain on the first model (it agrees) and on the second (1 % level of the boundary test)."""
ENOUGH, GOOD = 1000, 0.7
"""Rows, and score (AUC of tables, share of right answers of pictures), below which certainty says nothing."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Share of wrong labels that two kinds of model agree on (0: their certainty explains what they contradict), labels contradicted with certainty,
    how many of those are expected from certainty alone, the first model's evidence, and the rows looked at."""

    share: float
    sure: int
    expected: float
    evidence: float
    rows: int


def label_margins(proba: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Out-of-fold probability of the given label minus the best other one, [n]."""
    rows = np.arange(len(y))
    given = proba[rows, y]
    other = proba.copy()
    other[rows, y] = -np.inf
    return given - other.max(axis=1)


def noise(proba: np.ndarray, y: np.ndarray, score: float, second: Callable[[], np.ndarray], *, apart: bool = True) -> Noise:
    """Judge out-of-fold probabilities [n, k >= 2] of one model against class indices y [n], and of another kind of model where the first suspects something.

    On hard problems sure models are sometimes wrong although every label is right, so contradictions alone prove nothing.
    `apart` is false where rows repeat so much that their certainty is capped.
    """
    from phasewise.stats.lapse import lapse

    first, share = lapse(proba, y), 0.0
    if len(y) >= ENOUGH and apart and score >= GOOD and first.rate >= LEAST and first.evidence >= AGREES:
        other = lapse(second(), y)
        share = min(first.rate, other.rate) if other.evidence >= TELLS else 0.0
    top = np.sort(proba, axis=1)
    return Noise(share=share, sure=int((label_margins(proba, y) < -SURE).sum()), expected=float(first.expected[top[:, -1] - top[:, -2] > SURE].sum()), evidence=first.evidence, rows=len(y))


def told(found: Noise, total: int, shown: list[str], what: str = "rows") -> list[Finding]:
    """The finding for a person: a warning with the share of all `total` rows (or pictures), a few labels worth a second look, or nothing."""
    if found.share >= LEAST:
        seen = f"Two models that never saw these {what} are wrong in about {percent(found.share)} of them however sure they are: labels given wrongly, or outcomes that nothing in the inputs foretells. A look at the surest ones tells which."
        return [finding(
            "label-noise", "warn", f"About {percent(found.share)} of the labels look wrong or come about by chance", seen, rows=int(found.share * total), examples=shown,
            numbers={"share": found.share, "evidence": found.evidence, "contradicted": found.sure / found.rows}, harm=100 * found.share,
            remedies=[remedy("review-labels", recommended=True), remedy("accept")],
        )]
    if found.sure <= found.expected + 2 * found.expected**0.5:
        return []  # no more than certainty itself explains: the review queue has them, a finding would say nothing
    seen = f"{found.sure:,} of {found.rows:,} {what} are contradicted with certainty; as sure as the model is, about {found.expected:,.0f} are expected."
    return [finding(
        "label-noise", "info", "A few labels are worth a second look", seen, rows=found.sure, examples=shown,
        numbers={"share": found.sure / found.rows, "expected": found.expected / found.rows}, remedies=[remedy("review-labels"), remedy("accept", recommended=True)],
    )]
