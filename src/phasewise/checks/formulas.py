"""Two columns that together are the target: by arithmetic, or by their levels (T20, T22)."""

import itertools
import re

import numpy as np

from phasewise.checks.onecolumn import column_score
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding

MOST = 40
"""Columns of which all pairs are tried."""
ROWS = 4_000
CLOSE, SHARE = 0.01, 0.98
"""Relative error that rounding may leave, and the share of rows that must hold."""
_RATE = re.compile(r"(^|_| )per(_| |$)|rate|ratio|unit|avg|average|mean|share|price|quote|pro_|je_", re.I)
LEVELS, TOGETHER = 20, 200
BLOCK, LOOK = 0.975, 0.85


@check("target-formula", source="T20", cost="pairs", tasks=("regression",), rows=ROWS)
def target_formula(table: CheckTable) -> list[Finding]:
    """The target is the sum, difference, product or ratio of two columns (parts of a total, a price by its rate)."""
    facts = table.facts
    names = [c for c in facts.coded if not facts.is_level[c] and not table.schema[c].is_temporal() and facts.distinct(c) > 5][:MOST]
    at = np.linspace(0, len(facts.leak_rows) - 1, min(ROWS, len(facts.leak_rows))).astype(int)
    y = facts.leak_y[at]
    if len(names) < 2 or len(y) < 50 or np.ptp(y) == 0:
        raise Skip("fewer than two number columns, or 50 rows")
    values = {c: facts.coded[c][at] for c in names}
    out = []
    for a, b in itertools.combinations(names, 2):
        for sign, made in _made(values[a], values[b]):
            known = np.isfinite(made)
            if known.mean() < 0.9 or float(np.std(made[known])) == 0:
                continue
            near = np.abs(made[known] - y[known]) <= CLOSE * np.abs(y[known]) + 1e-9 * np.abs(y).max()
            # Most targets must be away from zero, where everything is close.
            if near.mean() >= SHARE and np.mean(near & (np.abs(y[known]) > 0)) >= 0.5 * SHARE and _needs_both(values[a][known], values[b][known], y[known]):
                left, right = (b, a) if sign in ("b - a", "b / a") else (a, b)
                shown = f"{q(left)} {sign.split()[1]} {q(right)}"
                leaving = [a, b] if "+" in sign or "-" in sign else [_rate(table, a, b)]
                told = "Both have to go: a part of the target is known no sooner than the target." if len(leaving) > 1 else f"{q(leaving[0])} looks like the one made from the target; without it the other tells little."
                offers = [remedy("drop-column", recommended=True, columns=leaving), remedy("accept", title="both are known before the outcome: keep them")]
                out.append(finding("target-formula", "block", f"The target is {shown}", f"In {percent(float(near.mean()))} of the rows, but for rounding. {told}", place=f"{a}+{b}", columns=[a, b], numbers={"share": float(near.mean())}, harm=60, remedies=offers))
                break
        if len(out) >= 3:
            break
    return out


def _made(a: np.ndarray, b: np.ndarray):
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        yield "a + b", a + b
        yield "a - b", a - b
        yield "b - a", b - a
        yield "a × b", a * b
        yield "a / b", np.where(b != 0, a / b, np.nan)
        yield "b / a", np.where(a != 0, b / a, np.nan)


def _rate(table: CheckTable, a: str, b: str) -> str:
    """Of two factors the one that is a rate: by its name, else the one with fractions, else the second."""
    named = [c for c in (a, b) if _RATE.search(c)]
    if len(named) == 1:
        return named[0]
    fractions = [c for c in (a, b) if table.schema[c].is_float() and bool((table.frame[c].drop_nulls().head(2000) % 1 != 0).any())]
    return fractions[0] if len(fractions) == 1 else b


def _needs_both(a: np.ndarray, b: np.ndarray, y: np.ndarray) -> bool:
    """Whether neither column is nearly the target by itself (then the other adds nothing)."""
    size = CLOSE * np.abs(y) + 1e-12
    return all(float((np.abs(v - y) <= size).mean()) < 0.9 for v in (a, b))


@check("pair-leak", source="T20, T22", cost="pairs", tasks=("binary", "multiclass"), rows=20_000)
def pair_leak(table: CheckTable) -> list[Finding]:
    """Two columns of few levels whose combination is the target although neither tells it."""
    facts = table.facts
    singles = {c: s.score for c, s in facts.leaks.items()}
    names = [c for c in facts.coded if 2 <= facts.distinct(c) <= LEVELS and singles.get(c, 0.0) < LOOK][:MOST]
    if len(names) < 2:
        raise Skip("fewer than two columns of few levels")
    codes = {c: np.unique(facts.coded[c], return_inverse=True)[1] for c in names}
    at = np.linspace(0, len(facts.leak_y) - 1, min(ROWS, len(facts.leak_y))).astype(int)
    y, k, out = facts.leak_y, len(facts.classes), []
    for a, b in itertools.combinations(names, 2):
        width = int(codes[b].max()) + 1
        if (int(codes[a].max()) + 1) * width > TOGETHER:
            continue
        both = codes[a] * width + codes[b]
        if column_score(both[at].astype(float), y[at], k, levels=True, seed=table.seed).score < LOOK:
            continue
        score = column_score(both.astype(float), y, k, levels=True, seed=table.seed).score
        if score >= BLOCK:
            out.append(finding("pair-leak", "warn", f"{q(a)} and {q(b)} together give the target away", f"Their combination scores {score:.3f} of 1, each alone at most {max(singles.get(a, 0.0), singles.get(b, 0.0)):.3f}.", place=f"{a}+{b}", columns=[a, b], numbers={"score": score}, harm=40, remedies=[remedy("drop-column", recommended=True, columns=[a, b]), remedy("accept", title="both are known before the outcome: keep them")]))
    return out[:3]
