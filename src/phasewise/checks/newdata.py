"""New rows from the real world against the rows the model was trained on (D rows): contract, drift, overlap."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from phasewise.checks.coding import coded
from phasewise.checks.hashing import frame_hash
from phasewise.checks.registry import all_checks, check, in_order, run_one
from phasewise.checks.remedies import remedy
from phasewise.checks.table import ROW, Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import CheckRun, Finding
from phasewise.records.results.common import Score
from phasewise.records.results.verify import DriftRow
from phasewise.stats.drift import STRONG, ColumnDrift, Domain, compare_columns, domain
from phasewise.stats.predictions import Predictions
from phasewise.stats.prior import estimated

ENOUGH = 100
"""Fewer rows than this get no drift verdict (check D07)."""
ROWS = 20_000


@dataclass(kw_only=True, eq=False)
class NewData:
    """New rows beside the reference (train rows), both as read with the same remedies applied.

    `reference_outputs`/`outputs` are the model's predictions on (held-out) reference rows and on the new rows;
    `reference_score`/`score` the judged metric on validation or test and on the labelled new rows.
    """

    reference: pl.DataFrame
    new: pl.DataFrame
    target: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    reference_outputs: Predictions | None = None
    outputs: Predictions | None = None
    prior: np.ndarray | None = None
    """Class shares the model was trained at."""
    reference_score: Score | None = None
    score: Score | None = None
    seed: int = 0

    @property
    def columns(self) -> list[str]:
        """Input columns of the reference."""
        return [c for c in self.reference.columns if c not in (self.target, ROW) and self.roles.get(c) != "ignore"]

    @cached_property
    def shared(self) -> list[str]:
        """Input columns both have with comparable types."""
        before, now = dict(self.reference.schema), dict(self.new.schema)
        return [c for c in self.columns if c in now and _family(before[c]) == _family(now[c])]

    @cached_property
    def compared(self) -> list[str]:
        """Columns compared for drift: those with few or repeating values or numbers; keys and free text say nothing."""
        out = []
        for c in self.shared:
            if self.roles.get(c) == "text":
                continue
            series = self.reference[c].head(20_000).drop_nulls()
            if _family(series.dtype) == "text" and len(series) and series.n_unique() > 0.5 * len(series):
                continue
            out.append(c)
        return out

    def sample(self, frame: pl.DataFrame, salt: int) -> pl.DataFrame:
        """At most 20,000 rows."""
        if frame.height <= ROWS:
            return frame
        rows = np.sort(np.random.default_rng([self.seed, salt]).choice(frame.height, ROWS, replace=False))
        return frame[rows]

    @cached_property
    def codes(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, bool]]:
        """Compared columns of both samples as floats with common level codes, and which hold levels."""
        old, new = self.sample(self.reference, 1), self.sample(self.new, 2)
        a, b, levels = {}, {}, {}
        for c in self.compared:
            kind = _family(old.schema[c])
            both = pl.concat([_plain(old[c], kind), _plain(new[c], kind)])
            values = coded(both)
            a[c], b[c] = values[: old.height], values[old.height :]
            levels[c] = kind == "text"
        return a, b, levels

    @cached_property
    def drift(self) -> list[ColumnDrift]:
        """Per-column drift (D02)."""
        if self.new.height < ENOUGH:
            return []
        a, b, levels = self.codes
        return compare_columns({c: (a[c], levels[c]) for c in a}, b)

    @cached_property
    def joint(self) -> Domain | None:
        """The domain classifier (D03); None with too few rows or columns."""
        a, b, levels = self.codes
        names = tuple(c for c in a if not (self.reference.schema[c].is_temporal()))
        if self.new.height < ENOUGH or not names:
            return None
        return domain(np.stack([a[c] for c in names], 1), np.stack([b[c] for c in names], 1), names, seed=self.seed)

    @cached_property
    def overlap(self) -> np.ndarray:
        """Mask [m] of new rows that are in the reference with every input equal (D09)."""
        names = self.shared
        if not names or len(names) < len(self.columns):
            return np.zeros(self.new.height, bool)
        return np.isin(frame_hash(_aligned(self.new, names, self.reference), names), frame_hash(_aligned(self.reference, names, self.reference), names))


def _family(dtype: pl.DataType) -> str:
    if dtype.is_numeric():
        return "number"
    return "date" if dtype.is_temporal() else "text"


def _plain(series: pl.Series, kind: str) -> pl.Series:
    if kind == "number":
        return series.cast(pl.Float64, strict=False).alias("v")
    return (series.cast(pl.Datetime("us"), strict=False) if kind == "date" else series.cast(pl.String)).alias("v")


def _aligned(frame: pl.DataFrame, names: list[str], like: pl.DataFrame) -> pl.DataFrame:
    return frame.select([_plain(frame[c], _family(like.schema[c])).alias(c) for c in names])


@dataclass(frozen=True, kw_only=True)
class FieldReport:
    """What the field job needs: findings, drift rows, domain AUC with its lower end, overlap, and what not to trust."""

    findings: list[Finding]
    coverage: list[CheckRun]
    drift: list[DriftRow]
    domain_auc: float | None
    domain_low: float | None
    overlap: np.ndarray
    prior: dict[str, float]
    do_not_trust: list[str]
    other_population: bool


def field_report(data: NewData) -> FieldReport:
    """All D checks of a batch of new rows."""
    findings: list[Finding] = []
    coverage: list[CheckRun] = []
    for info in all_checks("newdata"):
        found, line = run_one(info, data, total=data.new.height)
        findings += found
        coverage.append(line)
    rows = [DriftRow(column=d.column, p=d.p, q=d.q, effect=d.effect, drifted=d.drifted, detail=d.detail) for d in sorted(data.drift, key=lambda d: (not d.drifted, -d.effect))]
    joint = data.joint
    prior = {}
    if data.outputs is not None and data.outputs.proba is not None and data.prior is not None and data.new.height >= 30:
        prior = dict(zip(data.outputs.classes, (float(v) for v in estimated(data.outputs, data.prior)), strict=True))
    distrust = [f"{f.title}: {f.seen}" for f in in_order(findings) if f.severity in ("block", "warn") and f.check in ("field-contract", "unseen-levels", "out-of-range", "joint-drift", "input-quality")]
    return FieldReport(
        findings=in_order(findings), coverage=coverage, drift=rows, domain_auc=None if joint is None else joint.auc,
        domain_low=None if joint is None else joint.low, overlap=data.overlap, prior=prior, do_not_trust=distrust,
        other_population=bool(joint and joint.other_population),
    )


@check("field-contract", source="D01", cost="free", on="newdata")
def contract(data: NewData) -> list[Finding]:
    """Columns that are missing, extra, or of another kind."""
    out = []
    present, known, alike = set(data.new.columns), set(data.reference.columns), set(data.shared)
    gone = [c for c in data.columns if c not in present]
    extra = [c for c in data.new.columns if c not in known and c != ROW]
    if gone:
        near = {c: e for c in gone if (e := _renamed(data, c, extra))}
        hint = f" Perhaps renamed: {', '.join(f'{q(a)} -> {q(b)}' for a, b in near.items())}." if near else ""
        out.append(finding("field-contract", "block", f"{len(gone)} column{'s are' if len(gone) > 1 else ' is'} missing", f"{', '.join(q(c) for c in gone[:6])}.{hint}", place="missing", columns=gone, harm=20, remedies=[remedy("note", recommended=True, title="give a file with these columns")]))
    if extra:
        out.append(finding("field-contract", "info", f"{len(extra)} column{'s are' if len(extra) > 1 else ' is'} not used", f"{', '.join(q(c) for c in extra[:6])}.", place="extra", columns=extra, remedies=[remedy("accept", recommended=True)]))
    for c in data.columns:
        if c in present and c not in alike:
            filled = data.new[c].drop_nulls()
            if len(filled) == 0:
                out.append(finding("field-contract", "warn", f"{q(c)} is empty", "Every cell is missing in the new rows.", column=c, harm=5, remedies=[remedy("accept", recommended=True)]))
                continue
            was, now = _family(data.reference.schema[c]), _family(data.new.schema[c])
            out.append(finding("field-contract", "block", f"{q(c)} holds another kind of value", f"It was {was}, now it is {now}{_unread(filled, was)}.", column=c, examples=filled.head(3).to_list(), harm=10, remedies=[remedy("note", recommended=True, title="correct the column")]))
    return out


def _unread(filled: pl.Series, was: str) -> str:
    """How many cells are no number where numbers were, with the first ones."""
    if was != "number" or filled.dtype != pl.String:
        return ""
    odd = filled.filter(filled.str.strip_chars().cast(pl.Float64, strict=False).is_null())
    shown = ", ".join(q(v) for v in odd.unique(maintain_order=True).head(3).to_list())
    return f": {len(odd):,} of {len(filled):,} cells are no number ({shown})" if len(odd) else ""


def _renamed(data: NewData, column: str, extra: list[str]) -> str:
    """The extra column that seems to be a missing one: a like name and the same kind of value; empty when none is."""
    import difflib

    def plain(name: str) -> str:
        return name.strip().lower().replace("_", " ").replace("-", " ")

    kin = [e for e in extra if _family(data.new.schema[e]) == _family(data.reference.schema[column])]
    alike = {e: difflib.SequenceMatcher(None, plain(column), plain(e)).ratio() + (plain(column) in plain(e) or plain(e) in plain(column)) for e in kin}
    best = max(alike, key=lambda e: alike[e], default="")
    return best if best and alike[best] >= 0.75 else ""


@check("unseen-levels", source="D01, P08, D03", cost="pass", on="newdata")
def unseen_levels(data: NewData) -> list[Finding]:
    """Levels that training never saw, above 1 % of the rows."""
    out = []
    for c in data.compared:
        if _family(data.reference.schema[c]) != "text":
            continue
        known = data.reference[c].cast(pl.String).drop_nulls().unique()
        cells = data.new[c].cast(pl.String)
        strange = cells.is_not_null() & ~cells.is_in(known.implode())
        n = int(strange.sum())
        if n:
            share = n / data.new.height
            shown = cells.filter(strange).unique(maintain_order=True).head(5).to_list()
            severity = "warn" if share > 0.01 and n >= 3 else "info"
            out.append(finding("unseen-levels", severity, f"{q(c)} has levels that training never saw", f"{n:,} rows ({percent(share)}): {', '.join(q(v) for v in shown[:3])}{', ...' if len(shown) > 3 else ''}.", column=c, rows=n, examples=shown, numbers={"share": share}, harm=10 * share, remedies=[remedy("accept", recommended=True, title="treat them as unknown"), remedy("note", title="collect rows with them")]))
    return out


@check("out-of-range", source="D01, D03", cost="pass", on="newdata")
def out_of_range(data: NewData) -> list[Finding]:
    """Numbers outside what training saw, in more rows than chance would put there."""
    out = []
    for c in data.shared:
        if _family(data.reference.schema[c]) != "number":
            continue
        old, new = data.reference[c].cast(pl.Float64).drop_nulls().drop_nans(), data.new[c].cast(pl.Float64).drop_nulls().drop_nans()
        if len(old) < 20 or len(new) == 0:
            continue
        outside = (new < old.min()) | (new > old.max())
        n = int(outside.sum())
        # A new extreme now and then is expected: about 2 / (n + 1) of the rows lie outside n old ones.
        expected = 2 * len(new) / (len(old) + 1)
        if n > max(3.0, expected + 4 * expected**0.5):
            share = n / len(new)
            severity = "warn" if share > 0.01 else "info"
            out.append(finding("out-of-range", severity, f"{n:,} values of {q(c)} lie outside what training saw", f"Seen {old.min():.6g} to {old.max():.6g}, now {new.min():.6g} to {new.max():.6g}.", column=c, rows=n, numbers={"share": share}, harm=10 * share, remedies=[remedy("note", recommended=True, title="do not trust these rows"), remedy("accept")]))
    return out


@check("few-rows", source="D07", cost="free", on="newdata")
def few_rows(data: NewData) -> list[Finding]:
    """Too few rows for a verdict on drift."""
    if data.new.height >= ENOUGH:
        return []
    return [finding("few-rows", "info", "Too few rows for a verdict on drift", f"{data.new.height} rows; {ENOUGH} are needed. Contract and outputs were checked.", rows=data.new.height, remedies=[remedy("note", recommended=True, title="wait for more rows")])]


def _few(data: NewData) -> None:
    if data.new.height < ENOUGH:
        raise Skip(f"fewer than {ENOUGH} new rows")


@check("column-drift", source="D02", cost="model", on="newdata", rows=ROWS)
def column_drift(data: NewData) -> list[Finding]:
    """Single columns whose distribution moved, by significance and size."""
    _few(data)
    out = []
    for d in data.drift:
        if d.drifted:
            word = "strongly" if d.effect >= STRONG else "clearly"
            out.append(finding("column-drift", "warn", f"{q(d.column)} has moved {word}", f"Effect {d.effect:.2f} (at least 0.1 counts), q = {d.q:.2g}; {d.detail}.", column=d.column, numbers={"effect": d.effect, "q": d.q}, harm=10 * d.effect, remedies=[remedy("note", recommended=True, title="find out why"), remedy("drop-column"), remedy("accept")]))
    return out


@check("joint-drift", source="D03, D08", cost="model", on="newdata", rows=ROWS)
def joint_drift(data: NewData) -> list[Finding]:
    """A classifier tells new rows from old ones."""
    _few(data)
    found = data.joint
    if found is None:
        raise Skip("no columns to compare")
    if not found.drifted:
        return []
    causes = f" Mainly through {', '.join(q(c) for c in found.causes)}." if found.causes else ""
    severity = "block" if found.other_population else "warn"
    title = "The new rows come from another population" if found.other_population else "New rows can be told from old ones"
    return [finding("joint-drift", severity, title, f"AUC {found.auc:.3f} (0.5 = alike), {found.z:.1f} standard errors above.{causes}", columns=list(found.causes), numbers={"auc": found.auc, "z": found.z}, harm=40 * (found.auc - 0.5), remedies=[remedy("note", recommended=True, title="new validation and test sets from the real world"), remedy("accept")])]


@check("output-drift", source="D04", cost="pass", on="newdata")
def output_drift(data: NewData) -> list[Finding]:
    """The model's answers are distributed differently."""
    _few(data)
    if data.outputs is None or data.reference_outputs is None:
        raise Skip("no outputs to compare")
    if data.outputs.proba is None:
        before, after = {"value": (data.reference_outputs.values, False)}, {"value": data.outputs.values}
    else:
        classes = data.outputs.classes
        before = {c: (data.reference_outputs.proba[:, i], False) for i, c in enumerate(classes) if i or len(classes) > 2}
        after = {c: data.outputs.proba[:, i] for i, c in enumerate(classes) if i or len(classes) > 2}
    moved = [d for d in compare_columns(before, after, q=0.0005) if d.drifted]
    if not moved:
        return []
    worst = max(moved, key=lambda d: d.effect)
    return [finding("output-drift", "warn", "The model answers differently than before", f"Effect {worst.effect:.2f} on {q(worst.column)}; {worst.detail}.", numbers={"effect": worst.effect, "q": worst.q}, harm=10 * worst.effect, remedies=[remedy("note", recommended=True, title="judge a labelled sample"), remedy("accept")])]


@check("label-shift", source="D05", cost="pass", on="newdata")
def label_shift(data: NewData) -> list[Finding]:
    """Estimated class shares of the new rows differ from training's."""
    if data.outputs is None or data.outputs.proba is None or data.prior is None or data.new.height < ENOUGH:
        raise Skip("no class outputs, or too few rows")
    shares = estimated(data.outputs, data.prior)
    change = np.abs(shares - data.prior)
    noise = 3 * np.sqrt(data.prior * (1 - data.prior) / data.new.height)
    top = int(np.argmax(change - noise))
    if change[top] <= max(0.05, noise[top]):
        return []
    name = data.outputs.classes[top]
    return [finding("label-shift", "info", f"The share of class {q(name)} seems to have changed", f"{percent(float(data.prior[top]))} in training, about {percent(float(shares[top]))} now.", numbers={"shares": {c: float(s) for c, s in zip(data.outputs.classes, shares, strict=True)}}, harm=5 * float(change[top]), remedies=[remedy("prior-correction", recommended=True), remedy("accept")])]


@check("concept-drift", source="D06", cost="free", on="newdata")
def concept_drift(data: NewData) -> list[Finding]:
    """The score on labelled new rows lies beyond the reference score's interval."""
    if data.score is None or data.reference_score is None:
        raise Skip("the new rows have no labels")
    from phasewise.records.metrics import metric

    sign = 1 if metric(data.score.metric).maximize else -1
    gap = sign * (data.reference_score.value - data.score.value)
    se = float(np.hypot(data.score.se, data.reference_score.se))
    if gap <= 0 or gap < 1.96 * se:
        return []
    return [finding("concept-drift", "warn", "The model does worse on the new rows", f"{data.score.metric} {data.score.value:.3f} now ({data.score.n:,} rows), {data.reference_score.value:.3f} before; the difference is {gap / max(se, 1e-12):.1f} standard errors.", numbers={"gap": gap, "se": se}, harm=100 * gap, remedies=[remedy("note", recommended=True, title="new validation and test sets from the real world")])]


@check("rows-seen-before", source="D09", cost="pass", on="newdata")
def rows_seen_before(data: NewData) -> list[Finding]:
    """New rows that stood in training: they do not count."""
    n = int(data.overlap.sum())
    if n == 0:
        return []
    share = n / data.new.height
    severity = "warn" if share > 0.01 else "info"
    return [finding("rows-seen-before", severity, f"{n:,} of the new rows were in the training data", f"{percent(share)}; they are left out of the score.", rows=n, numbers={"share": share}, harm=5 * share, remedies=[remedy("accept", recommended=True, title="leave them out of the score")])]


@check("input-quality", source="D10", cost="pass", on="newdata")
def input_quality(data: NewData) -> list[Finding]:
    """New rows are emptier than the old ones."""
    _few(data)
    names = data.shared
    if not names:
        raise Skip("no shared columns")

    def empty(frame: pl.DataFrame) -> np.ndarray:
        return frame.select(pl.sum_horizontal([pl.col(c).is_null() for c in names])).to_series().to_numpy() / len(names)

    before, after = empty(data.sample(data.reference, 1)), empty(data.sample(data.new, 2))
    found = compare_columns({"empty": (before, False)}, {"empty": after}, q=0.0005)[0]
    if not found.drifted or after.mean() <= before.mean() + 0.02:
        return []
    return [finding("input-quality", "warn", "The new rows are emptier than the old ones", f"{percent(float(after.mean()))} of the cells are missing, {percent(float(before.mean()))} before.", numbers={"before": float(before.mean()), "after": float(after.mean())}, harm=3, remedies=[remedy("note", recommended=True, title="find out why cells are missing")])]
