"""Rows as wholes: outliers and value contracts (T29, T33)."""

import numpy as np
import polars as pl

from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, q
from phasewise.records.findings import Finding


@check("outlier-rows", source="T29", cost="pairs", rows=20_000)
def outlier_rows(table: CheckTable) -> list[Finding]:
    """Rows that are extreme in several number columns at once; shown, never removed silently."""
    facts = table.facts
    numbers = [c for c in facts.coded if not facts.is_level[c] and facts.distinct(c) > 10]
    if len(numbers) < 3 or len(facts.leak_rows) < 200:
        raise Skip("fewer than three number columns or 200 rows")
    count = np.zeros(len(facts.leak_rows))
    for c in numbers:
        values = facts.coded[c]
        known = values[np.isfinite(values)]
        if len(known) < 50:
            continue
        low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
        spread = (high - low) / 3.29
        if spread > 0:
            with np.errstate(invalid="ignore"):
                count += np.abs(values - middle) / spread > 6
    limit = max(3, int(0.5 * len(numbers)))
    odd = np.flatnonzero(count >= limit)
    if len(odd) == 0 or len(odd) > 0.01 * len(count):
        return []
    rows = facts.leak_rows[odd[np.argsort(-count[odd])]]
    return [finding("outlier-rows", "info", f"{len(odd)} rows are extreme in {limit} or more columns at once", "More than 6 robust standard deviations from the median in each.", rows=len(odd), examples=[f"row {r + 1:,}" for r in rows[:5]], remedies=[remedy("accept", recommended=True)])]


@check("range-contract", source="T33", cost="pass")
def range_contract(table: CheckTable) -> list[Finding]:
    """Rules the person wrote (`options["rules"]`: column -> {low, high, in, pattern}) that rows break."""
    rules = table.options.get("rules") or {}
    if not rules:
        raise Skip("no rules were written")
    out = []
    for c, rule in rules.items():
        if c not in table.frame.columns:
            continue
        bad = broken(table.frame[c], rule)
        n = int(bad.sum())
        if n:
            shown = table.frame[c].filter(bad).head(5).to_list()
            offers = [remedy("drop-rows-outside", low=rule["low"], high=rule["high"])] if "low" in rule and "high" in rule else []
            out.append(finding("range-contract", "block", f"{n:,} cells of {q(c)} break its rule", f"Rule: {rule}.", column=c, rows=n, examples=shown, harm=1, remedies=[*offers, remedy("accept")]))
    return out


def broken(column: pl.Series, rule: dict) -> pl.Series:
    """Mask of filled cells that break a rule: `low`, `high`, `in` (list), `pattern` (regular expression)."""
    bad = pl.Series([False] * len(column))
    value = column.cast(pl.Float64, strict=False) if column.dtype.is_numeric() or "low" in rule or "high" in rule else column
    if "low" in rule:
        bad = bad | (value < rule["low"]).fill_null(False)
    if "high" in rule:
        bad = bad | (value > rule["high"]).fill_null(False)
    if "in" in rule:
        bad = bad | (~column.cast(pl.String).is_in([str(v) for v in rule["in"]])).fill_null(False)
    if "pattern" in rule:
        bad = bad | (~column.cast(pl.String).str.contains(rule["pattern"])).fill_null(False)
    return bad
