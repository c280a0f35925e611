"""Checks of every data kind: amount, origin, coverage, prior, learnability, order, privacy, identity (G rows)."""

import math

import numpy as np
import polars as pl

from phasewise.checks.columns import already
from phasewise.checks.quick import Quick
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding
from phasewise.stats.intervals import wilson
from phasewise.stats.power import half_width


@check("amount", source="G01", cost="free")
def amount(table: CheckTable) -> list[Finding]:
    """Too few rows for any claim about a test part."""
    if table.options.get("test_rows"):
        raise Skip("the split counted the test rows and says so itself (part-size)")
    n = table.rows
    planned = int(n * 0.25)
    folds = bool(table.options.get("folds"))
    quick = half_width(max(planned, 1), 0.85) * 100
    seen = f"{n:,} development rows; about {planned:,} test rows give an accuracy of 85 % to within {quick:.1f} points."
    if planned < 100:
        severity = "info" if folds else "warn"
        offers = [remedy("folds", recommended=not folds), remedy("accept", recommended=folds)]
        return [finding("amount", severity, "Few rows: the test part can only reject disasters", seen, rows=n, numbers={"half_width_points": quick, "test_rows": planned}, remedies=offers)]
    if quick > 5:
        return [finding("amount", "info", "The test part will give a wide interval", seen, rows=n, numbers={"half_width_points": quick, "test_rows": planned}, remedies=[remedy("accept", recommended=True)])]
    return []


@check("wide-table", source="G01, T28", cost="free")
def wide_table(table: CheckTable) -> list[Finding]:
    """More columns than rows, or more than the checks look at."""
    count = len(table.inputs)
    if count > len(table.features):
        return [finding("wide-table", "warn", f"The checks look at {len(table.features):,} of {count:,} columns", "The first ones in the file; name others by leaving these out (role ignore).", numbers={"columns": count}, remedies=[remedy("accept", recommended=True), remedy("pca")])]
    if count > table.rows:
        return [finding("wide-table", "info", f"There are more columns ({count:,}) than rows ({table.rows:,})", "Almost any model can fit that without learning anything.", numbers={"columns": count}, remedies=[remedy("pca"), remedy("accept", recommended=True)])]
    return []


@check("source-card", source="G03", cost="free")
def source_card(table: CheckTable) -> list[Finding]:
    """Origin, licence, dates and label source have not been written down."""
    wanted = ("source", "licence", "collected", "label_source", "confidence", "known_biases")
    card = table.options.get("source") or {}
    empty = [w for w in wanted if card.get(w) in (None, "")]
    if not empty:
        return []
    return [finding("source-card", "info", "The data card is not filled in", f"Missing: {', '.join(e.replace('_', ' ') for e in empty)}.", numbers={"missing": empty}, remedies=[remedy("note", recommended=True)])]


@check("coverage", source="G05, D03", cost="pass")
def coverage(table: CheckTable) -> list[Finding]:
    """Declared classes, levels or ranges that the data does not cover."""
    out = []
    declared = [str(c) for c in table.options.get("declared_classes") or []]
    if declared and table.classification:
        facts = table.facts
        counts = dict(zip(facts.classes, facts.class_counts.tolist(), strict=True))
        absent = [c for c in declared if counts.get(c, 0) == 0]
        few = [c for c in declared if 0 < counts.get(c, 0) < 5]
        if absent:
            out.append(finding("coverage", "block", f"No row of {len(absent)} declared class{'es' if len(absent) > 1 else ''}: {', '.join(map(q, absent[:5]))}", f"{len(declared)} classes are declared, {len(declared) - len(absent)} occur.", place="classes", columns=[table.target], examples=list(absent), harm=10, remedies=[remedy("note", recommended=True, title="collect rows or restrict the claim")]))
        if few:
            out.append(finding("coverage", "warn", f"Fewer than 5 rows of declared class {', '.join(map(q, few[:5]))}", "", place="few", columns=[table.target], examples=list(few), remedies=[remedy("note", recommended=True, title="collect rows")]))
        extra = [c for c in counts if c not in declared]
        if extra:
            out.append(finding("coverage", "warn", f"Classes that were not declared: {', '.join(map(q, extra[:5]))}", "", place="undeclared", columns=[table.target], examples=extra, remedies=[remedy("note", recommended=True)]))
    for column, levels in (table.options.get("declared_levels") or {}).items():
        if column in table.frame.columns:
            have = dict(table.frame[column].cast(pl.String).alias("value").value_counts(name="rows").iter_rows())
            empty = [str(v) for v in levels if have.get(str(v), 0) < 30]
            if empty:
                out.append(finding("coverage", "warn", f"Fewer than 30 rows of {len(empty)} declared levels of {q(column)}", f"{', '.join(f'{safe}: {have.get(safe, 0)}' for safe in empty[:5])}.", column=column, examples=empty, remedies=[remedy("note", recommended=True, title="collect rows or restrict the claim")]))
    for column, (low, high) in (table.options.get("declared_ranges") or {}).items():
        if column in table.frame.columns and table.schema[column].is_numeric():
            values = table.frame[column].drop_nulls()
            outside = int(((values < low) | (values > high)).sum())
            reached = (float(values.max() or 0) - float(values.min() or 0)) / (high - low) if high > low and len(values) else 1.0
            if outside:
                out.append(finding("coverage", "warn", f"{outside:,} values of {q(column)} lie outside the declared range", f"Declared {low} to {high}, seen {values.min()} to {values.max()}.", column=column, rows=outside, remedies=[remedy("drop-rows-outside", low=low, high=high), remedy("accept", recommended=True)]))
            elif reached < 0.5:
                out.append(finding("coverage", "warn", f"The data covers {percent(reached)} of the declared range of {q(column)}", f"Declared {low} to {high}, seen {values.min()} to {values.max()}.", column=column, remedies=[remedy("note", recommended=True, title="collect rows or restrict the claim")]))
    return out


@check("prior-shift", source="G06, D04", cost="free", tasks=("binary", "multiclass"))
def prior_shift(table: CheckTable) -> list[Finding]:
    """Class shares differ from the real ones the person entered."""
    real = table.options.get("real_prior") or {}
    if not real:
        raise Skip("no real class shares were entered")
    facts, out = table.facts, []
    n = int(facts.class_counts.sum())
    for name, count in zip(facts.classes, facts.class_counts.tolist(), strict=True):
        if name not in real:
            continue
        low, high = wilson(count, n, 0.99)
        if not low <= real[name] <= high:
            out.append(f"{name}: {percent(count / n)} here, {percent(real[name])} in reality")
    if not out:
        return []
    return [finding("prior-shift", "warn", "Class shares are not those of the real problem", "; ".join(out[:5]) + ".", columns=[table.target], numbers={"real": real}, harm=2, remedies=[remedy("prior-correction", recommended=True), remedy("accept")])]


@check("no-signal", source="G07", cost="model", rows=6_000)
def no_signal(table: CheckTable) -> list[Finding]:
    """A quick model finds nothing to learn."""
    quick: Quick = table.facts.quick
    n = len(quick.rows)
    if n < 200:
        raise Skip("fewer than 200 rows: no verdict")
    if any(table.role(c) == "text" for c in table.inputs):
        raise Skip("free text may hold what the quick model does not read")
    floor, limit = (0.5, 0.53) if table.classification else (0.0, 0.0)
    # The upper end keeps small tables with a real but noisy signal quiet.
    noise = 1 / math.sqrt(12 * max(1, min(np.bincount(quick.y.astype(int))[np.bincount(quick.y.astype(int)) > 0]))) if table.classification else 0.0
    if not (quick.score < limit or quick.score <= floor) or quick.score + 2 * noise > 0.6:
        return []
    word = f"AUC {quick.score:.3f}" if table.classification else f"R2 {quick.score:.3f}"
    return [finding("no-signal", "warn", "No signal found: the inputs tell nothing about the target", f"Out-of-fold {word} of a small boosting model on {n:,} rows.", numbers={"score": quick.score}, harm=20, remedies=[remedy("note", recommended=True, title="check how target and inputs were joined"), remedy("accept")])]


@check("suspiciously-perfect", source="G07", cost="model", rows=6_000)
def suspiciously_perfect(table: CheckTable) -> list[Finding]:
    """A quick model makes next to no mistakes."""
    quick: Quick = table.facts.quick
    n = len(quick.rows)
    if table.classification:
        wrong = float((quick.proba.argmax(1) != quick.y).mean())
        perfect, word = wrong <= 0.001 and quick.score > 0.999, f"{percent(wrong)} errors, AUC {quick.score:.4f}"
    else:
        perfect, word = quick.score > 0.999, f"R2 {quick.score:.4f}"
    if not perfect or n < 200:
        return []
    severity = "warn" if n >= 1000 else "info"
    return [finding("suspiciously-perfect", severity, "A small model is almost perfect: look for a leak", f"Out-of-fold {word} on {n:,} rows.", numbers={"score": quick.score}, harm=10, remedies=[remedy("note", recommended=True, title="look at the leak findings"), remedy("accept")])]


@check("row-order", source="G08", cost="pairs", rows=20_000)
def row_order(table: CheckTable) -> list[Finding]:
    """The file is sorted by the target."""
    from phasewise.checks.onecolumn import column_score

    facts = table.facts
    k = len(facts.classes) if table.classification else 0
    position = table.frame["__row__"].to_numpy()[facts.leak_rows] if "__row__" in table.frame.columns else facts.leak_rows
    found = column_score(position.astype(float), facts.leak_y, k, seed=table.seed)
    value = max(found.score, found.best) if k > 2 else found.score
    if value < 0.85:
        return []
    return [finding("row-order", "info", "The file is sorted by the target", f"The row number alone scores {value:.2f} of 1.", numbers={"score": value}, remedies=[remedy("shuffle", recommended=True), remedy("time-split")])]


_PRIVATE = {
    "e-mail address": r"^[\w.+-]+@[\w-]+\.[\w.-]+$",
    "phone number": r"^\+?\(?\d{2,4}\)?[ /-]\d{2,4}[ /-]?\d{2,6}([ /-]?\d{1,4})?$",
    "card number": r"^\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}$",
    "IBAN": r"^[A-Z]{2}\d{2}[ ]?([A-Z0-9]{4}[ ]?){3,7}[A-Z0-9]{0,4}$",
    "social security number": r"^\d{3}-\d{2}-\d{4}$",
}
_DATE = r"^((19|20)\d{2}[-/. ]\d{1,2}([-/. ]\d{1,2})?\b|\d{1,2}[-/. ]\d{1,2}[-/. ](19|20)\d{2}\b|([0-2]?\d|3[01])[-/. ]([0-2]?\d|3[01])[-/. ]\d{2}$|(19|20)\d{2}[-/](19|20)?\d{2}$)"
_PRIVATE_NAMES = ("first_name", "firstname", "last_name", "lastname", "surname", "full_name", "fullname", "email", "e_mail", "phone", "telephone", "mobile", "ssn", "iban", "passport", "credit_card", "street", "address", "date_of_birth", "dob")


@check("personal-data", source="G09", cost="pass", rows=100_000)
def personal_data(table: CheckTable) -> list[Finding]:
    """Columns with addresses, numbers or names of persons; counts only, never values."""
    out = []
    hidden = [c for c in table.left_out if table.schema[c] == pl.String]
    for column in [*table.facts.texts(), *hidden]:
        cells = table.facts.uniques(column)["value"].head(2000)
        if len(cells) < 5:
            continue
        # A date such as 12-05-2019 has the form of a telephone number; its name may still say whose date it is.
        dates = float(cells.str.strip_chars().str.contains(_DATE).mean() or 0) >= 0.5
        for what, pattern in _PRIVATE.items():
            share = float(cells.str.strip_chars().str.contains(pattern).mean() or 0)
            if share >= 0.5 and not dates:
                out.append(_private(column, f"{percent(share)} of the distinct values look like a {what}"))
                break
        else:
            plain = column.lower().replace(" ", "_").replace("-", "_")
            if plain in _PRIVATE_NAMES and len(cells) > 20:
                out.append(_private(column, f"The name says so, and {len(cells):,} values differ"))
    return already(table, out)


def _private(column: str, seen: str) -> Finding:
    return finding("personal-data", "warn", f"{q(column)} holds personal data", f"{seen}.", column=column, remedies=[remedy("drop-column", recommended=True), remedy("hash-column", salt=column), remedy("accept")])


@check("file-changed", source="G10", cost="free")
def file_changed(table: CheckTable) -> list[Finding]:
    """The data file differs from the one earlier results came from."""
    before, now = table.options.get("previous"), table.options.get("file")
    if not before or not now:
        raise Skip("first look at this file")
    if before.get("sha256") == now.get("sha256"):
        return []
    return [finding("file-changed", "warn", "The data file has changed since the last run", f"{before.get('rows', '?')} rows before, {now.get('rows', '?')} now.", numbers={"before": before, "now": now}, remedies=[remedy("accept", recommended=True)])]


@check("learning-curve", source="G02, D16", cost="slow", rows=20_000)
def learning_curve(table: CheckTable) -> list[Finding]:
    """What doubling the data would buy, from a quick model on 25, 50 and 100 % of the rows."""
    from phasewise.checks.quick import out_of_fold
    from phasewise.stats.forecast import fit

    facts = table.facts
    names = list(facts.coded)
    matrix = np.stack([facts.coded[c] for c in names], 1)
    k = len(facts.classes) if table.classification else 0
    sizes, errors = [], []
    for repeat in range(3):
        order = facts.rng(900 + repeat).permutation(len(matrix))
        for share in (0.125, 0.25, 0.5, 1.0):
            rows = order[: int(share * len(order))]
            if len(rows) < 60:
                continue
            quick = out_of_fold(matrix[rows], facts.leak_y[rows], k, rows=rows, seed=repeat)
            sizes.append(len(rows) * 2 / 3)
            errors.append(1 - quick.score)
    if len(set(sizes)) < 3:
        raise Skip("too few rows for a curve")
    curve = fit(np.array(sizes), np.array(errors), seed=table.seed)
    twice = curve.predict(2 * max(sizes))
    now = curve.predict(max(sizes))
    word = "1 - AUC" if table.classification else "1 - R2"
    return [finding("learning-curve", "info", f"Twice the rows would change {word} from {now.value:.3f} to about {twice.value:.3f}", f"80 % interval {twice.low:.3f} to {twice.high:.3f}, from a power law through {len(sizes)} fits.", numbers={"now": now.value, "twice": twice.value, "low": twice.low, "high": twice.high}, remedies=[remedy("note", recommended=True, title="plan a collection")])]
