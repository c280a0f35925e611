"""Single columns: empty, constant, nearly constant, missing cells, identity columns, many levels (T04-T06, T13, T14)."""

import re

import numpy as np
import polars as pl

from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding


@check("constant-column", source="T04", cost="pass")
def constant_column(table: CheckTable) -> list[Finding]:
    """One value, or none at all; blocking where no input is left that tells rows apart."""
    out = []
    if table.left_out or table.features:
        live = [c for c in table.features if table.facts.distinct(c) + (0 < table.facts.nulls[c] < table.rows) > 1]
        if not live:
            every = len(table.features) + len(table.left_out)
            out.append(finding("constant-column", "block", "No input column tells rows apart", f"All {every} input columns hold one value or are left out: every row gets the same answer.", place="all", harm=50, remedies=[remedy("note", title="give the file with its columns, or give a left-out column a role")]))
    for c in [*table.features, *table.left_out]:
        if table.facts.filled(c) == 0:
            out.append(finding("constant-column", "warn", f"{q(c)} is empty", "All cells are missing.", column=c, remedies=[remedy("drop-column", recommended=True), remedy("accept")]))
        elif table.facts.distinct(c) <= 1 and table.facts.nulls[c] == 0:
            value = table.frame[c][0]
            out.append(finding("constant-column", "warn", f"{q(c)} holds one value only", f"Every cell is {q(value)}.", column=c, remedies=[remedy("drop-column", recommended=True), remedy("accept")]))
    return already(table, out)


def already(table: CheckTable, found: list[Finding]) -> list[Finding]:
    """Findings about columns that are left out already become `info`: there is nothing left to do."""
    gone = set(table.left_out)
    return [
        f.model_copy(update={"severity": "info", "seen": f"{f.seen} It is left out already (role ignore).", "harm": 0.0, "remedies": [remedy("accept", recommended=True)]})
        if f.columns and f.columns[0] in gone else f
        for f in found
    ]


@check("near-constant", source="T05", cost="pass", rows=100_000)
def near_constant(table: CheckTable) -> list[Finding]:
    """One value fills at least 99.5 % of the filled cells."""
    out = []
    facts = table.facts
    for c in table.features:
        filled = facts.filled(c)
        if filled < 200 or facts.distinct(c) <= 1 or facts.distinct(c) > 0.02 * filled + 2:
            continue
        counts = facts.quantile_frame[c].drop_nulls().alias("value").value_counts(sort=True, name="rows")
        share = counts["rows"][0] / counts["rows"].sum()
        if share >= 0.995:
            out.append(finding("near-constant", "info", f"{_many(share)} of {q(c)} is one value", f"{q(counts['value'][0])}; {facts.distinct(c)} values in all.", column=c, numbers={"share": share}, remedies=[remedy("drop-column"), remedy("accept", recommended=True)]))
    if len(out) <= 4:
        return out
    names = [f.columns[0] for f in out]
    return [finding("near-constant", "info", f"{len(names)} columns hold almost one value only", ", ".join(q(n) for n in names[:6]) + (" ..." if len(names) > 6 else ""), place="several", columns=names, remedies=[remedy("drop-column", columns=names), remedy("accept", recommended=True)])]


def _many(share: float) -> str:
    return f"{100 * share:.2f} %" if share < 0.9999 else "All but a few cells"


@check("missing-values", source="T06", cost="pass")
def missing_values(table: CheckTable) -> list[Finding]:
    """Columns that are mostly empty; columns that are empty in the same rows are told together."""
    facts, out = table.facts, []
    blocks: dict[int, list[str]] = {}
    for c in [*table.features, *table.left_out]:
        share = facts.nulls[c] / max(table.rows, 1)
        if share >= 0.95 and facts.filled(c) > 0:
            out.append(finding("missing-values", "warn", f"{q(c)} is {percent(share)} empty", f"{facts.filled(c):,} of {table.rows:,} cells are filled.", column=c, rows=facts.nulls[c], numbers={"share": share}, harm=0.1, remedies=[remedy("drop-column", recommended=True), remedy("accept")]))
        elif share >= 0.30:
            out.append(finding("missing-values", "info", f"{q(c)} is {percent(share)} empty", f"{facts.filled(c):,} of {table.rows:,} cells are filled.", column=c, rows=facts.nulls[c], numbers={"share": share}, remedies=[remedy("drop-column"), remedy("accept", recommended=True, title="impute with an indicator")]))
        if 0.01 <= share < 1 and facts.nulls[c] >= 30:
            blocks.setdefault(facts.nulls[c], []).append(c)
    for count, names in blocks.items():
        if len(names) >= 2:
            first = table.frame[names[0]].is_null()
            same = [names[0], *(c for c in names[1:] if bool((table.frame[c].is_null() == first).all()))]
            if len(same) >= 2:
                out.append(finding("missing-values", "info", f"{len(same)} columns are empty in the same {count:,} rows", ", ".join(q(c) for c in same[:5]) + ".", place=f"together-{same[0]}", columns=same, rows=count, remedies=[remedy("accept", recommended=True)]))
    return already(table, out)


@check("missing-target", source="T06", cost="free")
def missing_target(table: CheckTable) -> list[Finding]:
    """Rows without a target."""
    count = table.facts.nulls[table.target]
    if not count:
        return []
    share = count / table.rows
    severity = "warn" if share > 0.05 else "info"
    return [finding("missing-target", severity, f"{count:,} rows have no target", f"{percent(share)} of the rows; they cannot be learned from or scored.", column=table.target, rows=count, remedies=[remedy("drop-missing-target", recommended=True), remedy("accept")])]


_ID_NAME = re.compile(r"(^|[_\s.-])(id|ids|uuid|guid|key|index|idx|nr|no|number|rownum|row|serial|record|hash|token)$|^(id|uuid|index|row|record|serial|unnamed|customer|passenger|patient|account|order|transaction)[_\s.-]?(id|no|nr|num|number|key)?([_\s.-]|:|$)|[a-z](ID|Id|Key|No|Uuid)$")
_TOKEN = r"^[A-Za-z0-9][A-Za-z0-9_\-:./#]{0,63}$"


def looks_like_id_name(name: str) -> bool:
    """Whether a column's name says identity."""
    return bool(_ID_NAME.search(name.strip()) or _ID_NAME.search(name.strip().lower()))


@check("id-column", source="T13", cost="pass")
def id_column(table: CheckTable) -> list[Finding]:
    """A column that numbers the rows."""
    facts, out = table.facts, []
    for c in [*table.features, *table.left_out]:
        filled = facts.filled(c)
        dtype = table.schema[c]
        if filled < 20 or filled < 0.98 * table.rows or dtype.is_temporal():
            continue
        if facts.distinct(c) < 0.98 * filled:
            continue
        series = table.frame[c].drop_nulls()
        kind = _identity(series, looks_like_id_name(c))
        if kind:
            out.append(finding("id-column", "warn", f"{q(c)} numbers the rows", f"{facts.distinct(c):,} of {filled:,} values differ; {kind}.", column=c, numbers={"distinct": facts.distinct(c)}, harm=0.5, remedies=[remedy("drop-column", recommended=True), remedy("accept")]))
    return already(table, out)


def _identity(series: pl.Series, named: bool) -> str:
    """How a distinct column numbers rows, or nothing."""
    if series.dtype.is_float():
        if not bool((series == series.round(0)).all()):
            return ""
        series = series.cast(pl.Int64, strict=False).drop_nulls()
        if len(series) == 0:
            return ""
    if series.dtype.is_integer():
        span = int(series.max()) - int(series.min()) + 1
        if len(series) >= 0.4 * span:
            return "whole numbers in a row"
        return "the name says so" if named else ""
    if series.dtype != pl.String:
        return ""
    head = series.head(2000)
    if head.cast(pl.Float64, strict=False).null_count() == 0:
        return "" if head.str.contains(r"[.eE]").any() else "numbers written as text"
    tokens = float(head.str.contains(_TOKEN).mean() or 0)
    digits = float(head.str.contains(r"\d").mean() or 0)
    lengths = head.str.len_chars()
    regular = float((lengths == lengths.mode()[0]).mean() or 0) > 0.6
    if tokens > 0.98 and (digits > 0.9 or named) and (regular or named):
        return "short tokens without blanks"
    return ""


@check("high-cardinality", source="T14", cost="pass")
def high_cardinality(table: CheckTable) -> list[Finding]:
    """A category with more levels than half the rows."""
    out = []
    for c in table.facts.texts():
        if table.role(c) != "category":
            continue
        distinct, filled = table.facts.distinct(c), table.facts.filled(c)
        if filled >= 50 and distinct > 0.5 * filled:
            out.append(finding("high-cardinality", "info", f"{q(c)} has {distinct:,} levels in {filled:,} rows", "Most levels are seen once and teach nothing.", column=c, numbers={"distinct": distinct}, remedies=[remedy("drop-column"), remedy("accept", recommended=True)]))
    return out


@check("scale-disparity", source="T27", cost="pass", rows=100_000)
def scale_disparity(table: CheckTable) -> list[Finding]:
    """Number columns whose spread differs by more than a thousand."""
    spreads = {}
    for c in table.facts.numbers():
        cells = table.facts.cells(c)
        if len(cells) > 20 and (iqr := float(np.subtract(*np.quantile(cells, [0.75, 0.25])))) > 0:
            spreads[c] = iqr / 1.349
    if len(spreads) < 2:
        return []
    low, high = min(spreads, key=spreads.get), max(spreads, key=spreads.get)
    ratio = spreads[high] / spreads[low]
    if ratio <= 1e3:
        return []
    return [finding("scale-disparity", "info", f"Inputs differ in scale by a factor of {ratio:,.0f}", f"From {q(low)} to {q(high)}; scaling happens by itself, with train statistics.", columns=[low, high], numbers={"ratio": ratio}, remedies=[remedy("accept", recommended=True)])]
