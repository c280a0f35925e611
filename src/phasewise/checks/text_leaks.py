"""Words in a text, or parts of a key, that give the target away (X07, X10, T20)."""

import numpy as np
import polars as pl

from phasewise.checks.onecolumn import column_score
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding
from phasewise.stats.intervals import wilson

ROWS = 6_000
LETTERS = 3_000
"""Letters of a text that are read."""
TOKENS = 5_000
"""Most frequent words and pairs of words looked at."""
BLOCK, LOOK = 0.975, 0.85
PURE, COVERED = 0.98, 0.5
"""A word met in one class only, and in at least half of that class, was written after the outcome too."""
SAME = 0.8
"""Correlation from which two words are one phrase."""
_PARTS = {"first letters": r"^([^\W\d_]+)", "first part": r"^([^-_/. ]+)[-_/. ]", "last part": r"[-_/. ]([^-_/. ]+)$", "last letters": r"([^\W\d_]+)$"}


@check("text-leak", source="X07, X10", cost="model", rows=ROWS)
def text_leak(table: CheckTable) -> list[Finding]:
    """One word or pair of words in a text column tells the target."""
    facts, out = table.facts, []
    columns = [c for c in facts.texts() if table.role(c) == "text"]
    if not columns:
        raise Skip("no text columns")
    at = np.linspace(0, len(facts.leak_rows) - 1, min(ROWS, len(facts.leak_rows))).astype(int)
    rows, y = facts.leak_rows[at], facts.leak_y[at]
    if len(rows) < 50:
        raise Skip("too few rows")
    for c in columns[:10]:
        ranked = sorted(((*_told(met, y, table.classification), word, met) for word, met in _tokens(table.frame[c][rows])), key=lambda t: -t[0])
        if not ranked:
            continue
        word, met = ranked[0][2:]
        # The words of a topic tell it together; what was written after the outcome stands alone.
        rival = next((s for s, _, _, other in ranked[1:] if np.abs(np.corrcoef(met, other)[0, 1]) < SAME), 0.0)
        score, severity, said = _judged(table, met, y, alone=ranked[0][0] >= 2 * rival)
        if severity:
            out.append(finding("text-leak", severity, f"A word in {q(c)} gives the target away", f"{q(word)}: {said}", column=c, examples=[word], numbers={"score": score}, harm=100 * max(score - 0.5, 0.01), remedies=[remedy("drop-column", recommended=True), remedy("accept", title="known before the outcome: keep it")]))
    return out


def _tokens(cells: pl.Series) -> list[tuple[str, np.ndarray]]:
    """Words and pairs of words with the mask [n] of the rows they are in; those of nearly no or nearly all rows are passed over."""
    words = pl.DataFrame({"row": np.arange(len(cells)), "text": cells.str.slice(0, LETTERS).str.to_lowercase().str.extract_all(r"[\p{L}\p{N}]+").list.head(400)})
    words = words.explode("text", empty_as_null=False).drop_nulls()
    pairs = words.with_columns((pl.col("text") + " " + pl.col("text").shift(-1)).alias("text"), pl.col("row").shift(-1).alias("next")).filter(pl.col("row") == pl.col("next")).select("row", "text")
    counted = pl.concat([words, pairs]).unique().group_by("text").agg(pl.col("row"), pl.len().alias("rows"))
    n = len(cells)
    counted = counted.filter((pl.col("rows") >= max(10, 0.01 * n)) & (pl.col("rows") <= n - max(10, 0.01 * n))).sort(["rows", "text"], descending=[True, False]).head(TOKENS)
    out = []
    for word, held, _ in counted.iter_rows():
        met = np.zeros(n, bool)
        met[held] = True
        out.append((word, met))
    return out


def _told(met: np.ndarray, y: np.ndarray, classes: bool) -> tuple[float, int]:
    """Normalised Gini (best one-vs-rest) or squared correlation of a mask [n] with the target, and the class it tells."""
    if not classes:
        r = np.corrcoef(met, y)[0, 1] if met.any() and not met.all() and np.ptp(y) > 0 else 0.0
        return float(r * r), -1
    codes = y.astype(int)
    inside, whole = np.bincount(codes[met], minlength=codes.max() + 1), np.bincount(codes)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(inside / whole - (met.sum() - inside) / (len(y) - whole))
    gap = np.where(whole >= 20, np.nan_to_num(gap), 0.0)
    return float(gap.max()), int(gap.argmax())


def _judged(table: CheckTable, met: np.ndarray, y: np.ndarray, *, alone: bool) -> tuple[float, str, str]:
    score, told = _told(met, y, table.classification)
    if score >= LOOK:
        what = f" for class {q(table.facts.classes[told])}" if table.classification else ""
        return score, "block" if score >= BLOCK else "warn", f"whether it is there scores {score:.3f} of 1{what}."
    if not table.classification or not alone:
        return score, "", ""
    codes = y.astype(int)
    inside = np.bincount(codes[met], minlength=len(table.facts.classes))
    top = int(inside.argmax())
    whole = int((codes == top).sum())
    pure = inside[top] / met.sum()
    if pure >= PURE and met.sum() >= 30 and wilson(inside[top], met.sum(), 0.99)[0] >= 0.9 and whole <= 0.8 * len(y) and inside[top] >= COVERED * whole:
        return score, "warn", f"{percent(pure)} of the {int(met.sum()):,} rows with it are of class {q(table.facts.classes[top])}, of which {percent(inside[top] / whole)} have it."
    return score, "", ""


@check("key-leak", source="T13, T20", cost="model", rows=20_000)
def key_leak(table: CheckTable) -> list[Finding]:
    """A key that is left out is made of something that tells the target: it was given after the outcome, or in the order of it."""
    facts, out = table.facts, []
    if not table.left_out:
        raise Skip("no column is left out")
    y, k = facts.leak_y, len(facts.classes) if table.classification else 0
    for c in table.left_out[:20]:
        if facts.filled(c) < 0.9 * table.rows or facts.distinct(c) < 20 or c == table.group:
            continue
        cells = table.frame[c][facts.leak_rows]
        if cells.dtype.is_numeric():
            parts = {"number": cells.cast(pl.Float64).to_numpy()}
        elif cells.dtype == pl.String:
            parts = {name: _levels(cells.str.extract(pattern)) for name, pattern in _PARTS.items()}
        else:
            continue
        found = [(column_score(values, y, k, levels=name != "number", seed=table.seed).score, name) for name, values in parts.items() if values is not None]
        score, name = max(found, default=(0.0, ""))
        if score >= LOOK:
            out.append(finding("key-leak", "info", f"The {name} of {q(c)} tell{'s' if name[-1] != 's' else ''} the target", f"It scores {score:.3f} of 1. The column is left out already (role ignore): keep it out, and ask when the key is given.", column=c, numbers={"score": score}, remedies=[remedy("accept", recommended=True)]))
    return out


def _levels(part: pl.Series) -> np.ndarray | None:
    """Codes of a part with few levels, nan where it is missing; None where it is as good as a key itself or always the same."""
    distinct = part.drop_nulls().n_unique()
    if not 2 <= distinct <= 50 or part.null_count() > 0.5 * len(part):
        return None
    return part.rank("dense").cast(pl.Float64).to_numpy().astype(float)
