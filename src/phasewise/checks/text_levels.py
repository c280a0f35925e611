"""Levels of text columns: spellings of one level, odd cells (T11, T12)."""

import polars as pl

from phasewise.checks.actions import folded
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding

_TRUE, _FALSE = {"yes", "y", "true", "t", "1", "ja", "j", "oui", "si", "on"}, {"no", "n", "false", "f", "0", "nein", "non", "off"}


def _as_truth(counted: pl.DataFrame, keyed: pl.DataFrame) -> pl.DataFrame:
    """With one key for all words that say yes and one for all that say no, where a column holds nothing else and several of either."""
    bare = set(counted["value"].str.strip_chars().str.to_lowercase().to_list())
    if len(bare) < 3 or not bare <= _TRUE | _FALSE or not (bare & _TRUE and bare & _FALSE):
        return keyed
    every = counted.with_columns(folded(pl.col("value")).alias("plain"))
    return every.with_columns(pl.when(pl.col("plain").is_in(list(_TRUE))).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("key"))


@check("text-variants", source="T11", cost="pass")
def text_variants(table: CheckTable) -> list[Finding]:
    """Levels that differ only in case, blanks, hyphens or underscores."""
    out = []
    for c in [*table.facts.texts(), *([table.target] if table.classification and table.schema[table.target] == pl.String else [])]:
        counted = table.facts.uniques(c)
        if c == table.target:
            counted, said = _joined(table, counted)
            out += said
        if not 2 <= counted.height <= 20_000 or counted.height > 0.5 * max(table.facts.filled(c), 1):
            continue
        words = counted.filter(~pl.col("value").str.contains(r"^\s*[-+]?[\d.,]+\s*([eE-][-+]?\d+)?\s*$"))
        keyed = words.with_columns(folded(pl.col("value")).alias("key")).filter(pl.col("key").fill_null("") != "")
        keyed = _as_truth(counted, keyed)
        twins = keyed.filter(pl.len().over("key") > 1)
        if twins.height == 0:
            continue
        first = twins.sort("count", descending=True).unique("key", keep="first", maintain_order=True)
        mapping = {k: v.strip() for k, v in zip(first["key"].to_list(), first["value"].to_list(), strict=True)}
        if "plain" in keyed.columns:  # the remedy looks a cell up by its own spelling
            mapping = {p: k for p, k in zip(keyed["plain"].to_list(), keyed["key"].to_list(), strict=True)}
        rows = int(twins["count"].sum() - first["count"].sum())
        shown = twins.filter(pl.col("key") == first["key"][0])["value"].head(4).to_list()
        severity = "warn" if rows >= 1 else "info"
        out.append(finding("text-variants", severity, f"{q(c)} spells the same level in several ways", f"{first.height} levels, {rows:,} cells off the most frequent spelling, for example {', '.join(q(s) for s in shown)}.", column=c, rows=rows, examples=shown, harm=0.2, remedies=[remedy("strip-and-fold-case", recommended=True, map=mapping), remedy("accept")]))
    return out


def _joined(table: CheckTable, counted: pl.DataFrame) -> tuple[pl.DataFrame, list[Finding]]:
    """The target's labels after spellings were joined by themselves, and what was joined."""
    from phasewise.checks.spelling import changed

    read = table.facts.target_series
    spelled = changed(table.frame[table.target], read)[1]
    if not spelled:
        return counted, []
    left = read.drop_nulls().alias("value").value_counts(sort=True, name="count").sort(["count", "value"], descending=[True, False])
    rows = int(counted.filter(pl.col("value").is_in(list(spelled)))["count"].sum())
    shown = ", ".join(f"{q(a)} as {q(b)}" for a, b in list(spelled.items())[:4])
    return left, [finding("text-variants", "info", f"{q(table.target)} spells the same class in several ways", f"They are read as one class by themselves: {shown}.", column=table.target, rows=rows, examples=list(spelled), remedies=[remedy("accept", recommended=True)])]


@check("odd-cells", source="T12", cost="pass")
def odd_cells(table: CheckTable) -> list[Finding]:
    """Cells far longer than the others, or made of symbols only."""
    out = []
    for c in table.facts.texts():
        counted = table.facts.uniques(c).head(20_000)
        if counted.height < 10:
            continue
        lengths = counted["value"].str.len_chars().to_numpy().astype(float)
        from numpy import median, quantile

        spread = max(float(quantile(lengths, 0.75) - quantile(lengths, 0.25)) / 1.349, 1.0)
        far = lengths > float(median(lengths)) + 20 * spread
        symbols = ~counted["value"].str.contains(r"[\p{L}\p{N}]").to_numpy()
        marked = counted["value"].str.strip_chars().str.len_chars().to_numpy() <= 2
        odd = (far & (lengths > 100)) | (symbols & ~marked)
        count = int(odd.sum())
        if 0 < count <= max(1, 0.001 * counted.height) or (0 < count < 5):
            shown = counted.filter(pl.Series(odd))["value"].head(5).to_list()
            out.append(finding("odd-cells", "info", f"{count} unusual cells in {q(c)}", "Far longer than the others, or symbols only.", column=c, rows=count, examples=shown, remedies=[remedy("accept", recommended=True)]))
    return out


@check("unexpected-text", source="T12", cost="pass")
def huge_cells(table: CheckTable) -> list[Finding]:
    """Columns whose cells are very long texts: the tabular kind does not read them."""
    out = []
    for c in table.facts.texts():
        longest = table.frame[c].head(20_000).str.len_bytes().max() or 0
        if longest > 10_000:
            out.append(finding("unexpected-text", "info", f"{q(c)} holds very long texts", f"Up to {longest:,} bytes a cell ({percent(longest / 1e6)} of a megabyte).", column=c, remedies=[remedy("drop-column", recommended=True), remedy("accept")]))
    return out
