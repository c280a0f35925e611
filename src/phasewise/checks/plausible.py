"""Values that cannot be, by what a column is called, and one value that stands in for many (T08, T33)."""

import re

import numpy as np

from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding

RANGES: tuple[tuple[str, float, float, str], ...] = (
    (r"(^|_)age(_|$)|(^|_)alter(_|$)|age_?(in_?)?years", 0, 125, "an age in years"),
    (r"(^|_)lat(itude)?(_|$)", -90, 90, "a latitude"),
    (r"(^|_)(lon|lng|long|longitude)(_|$)", -180, 180, "a longitude"),
    (r"(^|_)month(_|$)", 0, 12, "a month"), (r"(^|_)hour(_|$)", 0, 24, "an hour"),
    (r"(^|_)(counts?|cnt|qty|quantity)(_|$)|^(n|num|number)_of_", 0, float("inf"), "a count"),
    (r"day_?of_?month", 1, 31, "a day of the month"), (r"humidity|(^|_)(percent|pct)(_|$)|percentage", 0, 100, "a percentage"),
)
"""Names, and the least and the greatest value of what they say."""
FEW = 0.05
"""Share of the cells that may lie outside: more of them are no slips, and the name means something else."""
REPEATED, TIMES = 0.03, 20
"""Share of the cells that one value holds, and how many times as often as the next one."""


NEVER_ZERO = re.compile(r"insulin|glucose|(^|_)bmi(_|$)|pressure|cholest|(^|_)chol(_|$)|(heart|pulse)_?rate|thickness|h(a)?emoglobin|platelet|creatinine", re.I)
"""Measures of a living body that are never zero."""
AWAY, ZEROS = 1.2, 0.2
"""Standard deviations between zero and every other value, and the share of zeros up to which they stand for "no value" whatever the name."""


def zero_is_none(name: str, cells: np.ndarray) -> bool:
    """Whether the zeros of a column (cells [n], finite) stand for "no value": far from all others, which scatter around a middle, or impossible by the name."""
    zeros, rest = int((cells == 0).sum()), cells[cells != 0]
    if zeros < 3 or len(rest) < 30 or rest.min() <= 0 or len(np.unique(rest[:5000])) < 20:
        return False
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", name)
    if NEVER_ZERO.search(words):
        return zeros >= max(3, 0.002 * len(cells))
    low, high = (float(v) for v in np.quantile(rest, (0.01, 0.99)))
    # Amounts that begin just above zero (rain, a second floor) have it as a value; what scatters around a middle far from it has not.
    return zeros <= ZEROS * len(cells) and float(rest.min()) >= AWAY * float(np.clip(rest, low, high).std())


@check("impossible-values", source="T33", cost="pass", rows=100_000)
def impossible_values(table: CheckTable) -> list[Finding]:
    """A few cells outside of what the column's name allows: an age of 200, a latitude of 512."""
    out = []
    for c in [*table.facts.numbers(), *([] if table.classification else [table.target])]:
        words = re.sub(r"([a-z])([A-Z])", r"\1_\2", c).lower().replace(" ", "_").replace("-", "_")
        rule = next((r for r in RANGES if re.search(r[0], words)), None)
        if rule is None:
            continue
        cells = table.facts.y[table.facts.known] if c == table.target else table.facts.cells(c)
        if len(cells) < 30:
            continue
        _, low, high, what = rule
        odd = cells[(cells < low) | (cells > high)]
        if not 0 < len(odd) <= FEW * len(cells):
            continue
        values = [int(v) if v == int(v) else float(v) for v in np.unique(odd)[:50]]
        out.append(finding("impossible-values", "warn", f"{q(c)} holds values that {what} cannot have", f"{len(odd):,} cells, for example {', '.join(f'{v:g}' for v in values[:4])}; {what} {f'lies between {low:g} and {high:g}' if np.isfinite(high) else 'is never negative'}.{' These rows have no target then and are left out.' if c == table.target else ''}", column=c, rows=len(odd), examples=values[:5], numbers={"values": values}, harm=0.3, remedies=[remedy("outside-to-missing", recommended=True, low=low, high=min(high, 1e300)), remedy("accept")]))
    return out


@check("repeated-value", source="T08", cost="pass", rows=100_000)
def repeated_value(table: CheckTable) -> list[Finding]:
    """One value inside an otherwise fine column comes again and again: filled in where nothing was known."""
    out = []
    for c in table.facts.numbers():
        cells = table.facts.cells(c)
        if len(cells) < 200 or table.facts.distinct(c) < 0.2 * len(cells) or np.all(cells[:2000] == np.floor(cells[:2000])):
            continue
        values, counts = np.unique(cells, return_counts=True)
        top, second = (int(i) for i in np.argsort(-counts, kind="stable")[:2])
        value, share = float(values[top]), counts[top] / len(cells)
        # Zero, and the ends of a scale, are values that many things have.
        if value == 0 or top in (0, len(values) - 1) or share < REPEATED or counts[top] < TIMES * counts[second]:
            continue
        rest = cells[cells != value]
        # The mean it was taken from had other rows among it: as far off as leaving out this share of them can move it.
        slack = max(0.02, 4 * np.sqrt(share / (1 - share) / len(cells)))
        like = next((name for name, v in (("mean", rest.mean()), ("median", np.median(rest))) if abs(value - v) <= slack * (rest.std() or 1.0)), "")
        out.append(finding("repeated-value", "info", f"{percent(share)} of {q(c)} is exactly {value:g}", f"{f'It is the {like} of the others: ' if like else ''}filled in where nothing was known? Missing cells say so themselves, and are filled on training rows only.", column=c, rows=int(counts[top]), numbers={"value": value, "share": float(share)}, remedies=[remedy("to-missing", values=[value]), remedy("accept", recommended=True)]))
    return out
