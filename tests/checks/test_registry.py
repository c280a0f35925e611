"""Running, cancelling, folding, accepting; odd tables never crash a check."""

import numpy as np
import polars as pl
import pytest
from planted_bases import made

from phasewise.checks import folding, registry
from phasewise.checks.labels import queue
from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding, percent


def table(frame: pl.DataFrame, task: str = "binary", **more) -> CheckTable:
    return CheckTable(frame=frame, target="target", task=task, **more)


def test_coverage_names_every_check_and_why_it_did_not_run():
    base = made("binary", n=400)
    result = run_checks(table(base.frame))
    assert {c.check for c in result.coverage} == {c.id for c in registry.all_checks("table")} | {c.id for c in registry.all_checks("summary")}
    skipped = {c.check: c.why for c in result.coverage if c.state == "skipped"}
    assert skipped["target-shape"] == "not for a binary task"
    assert "asked for by name" in skipped["learning-curve"]
    assert all(skipped.values())
    assert result.trust == "yes" and result.rows == 400


def test_progress_is_reported_and_cancels():
    seen = []

    def progress(done: int, total: int, name: str) -> bool:
        seen.append(name)
        return done < 3

    result = run_checks(table(made("binary", n=300).frame), progress=progress)
    assert sum(c.state == "ran" for c in result.coverage) <= 3
    assert any(c.why == "cancelled" for c in result.coverage) and len(seen) >= 4


def test_only_runs_what_is_named_even_when_slow():
    result = run_checks(table(made("binary", n=800).frame), ["learning-curve"])
    assert [c.check for c in result.coverage if c.state == "ran"] == ["learning-curve"]
    assert result.findings[0].numbers["twice"] <= result.findings[0].numbers["now"] + 0.02


def test_a_crash_becomes_a_failed_line(monkeypatch):
    info = next(c for c in registry.all_checks("table") if c.id == "constant-column")

    def broken(_: CheckTable):
        raise RuntimeError("planted \x1b[31m")

    crashing = registry.Info(id=info.id, source=info.source, cost=info.cost, on=info.on, tasks=(), rows=None, function=broken)
    found, line = registry.run_one(crashing, table(made("binary", n=50).frame), total=50)
    assert found == [] and line.state == "failed" and "\x1b" not in line.why


def test_consequences_fold_into_their_cause_but_never_a_worse_one():
    cause = finding("id-column", "warn", "t", column="k")
    small, worse = finding("high-cardinality", "info", "t", column="k"), finding("target-leak", "block", "t", column="k")
    other = finding("high-cardinality", "info", "t", column="z")
    kept = folding.fold([small, cause, worse, other])
    assert {f.id for f in kept} == {"id-column:k", "target-leak:k", "high-cardinality:z"}
    assert next(f for f in kept if f.check == "id-column").swallowed == ["high-cardinality:k"]


def test_findings_are_sorted_by_severity_then_harm_and_accepted_ones_sink():
    base = made("binary", n=1200)
    frame = base.frame.with_columns(pl.lit(0).alias("fixed"), pl.Series("leak", base.frame["target"]), pl.Series("x1", [float("inf"), *base.frame["x1"][1:]]))
    result = run_checks(table(frame))
    order = [f.severity for f in result.findings]
    assert order == sorted(order, key=["block", "warn", "info"].index)
    assert result.findings[0].id == "target-leak:leak" and result.trust == "no"
    again = run_checks(table(frame, options={"accepted": ["target-leak:leak"]}))
    assert next(f for f in again.findings if f.id == "target-leak:leak").severity == "info"


ODD = {
    "all copies": lambda: pl.DataFrame({"a": [1.0] * 200, "b": ["x"] * 200, "target": ["p", "q"] * 100}),
    "one row": lambda: pl.DataFrame({"a": [1.0], "target": ["p"]}),
    "all missing": lambda: pl.DataFrame({"a": pl.Series([None] * 60, dtype=pl.Float64), "b": pl.Series([None] * 60, dtype=pl.String), "target": ["p", "q"] * 30}),
    "target partly missing": lambda: pl.DataFrame({"a": np.arange(60.0), "target": ["p", None, "q"] * 20}),
    "names that clash": lambda: pl.DataFrame({"count": np.arange(90) % 7, "value": ["u", "v", "w"] * 30, "rows": np.arange(90.0), "key": np.arange(90) % 2, "y": np.arange(90) % 3, "n": [1] * 90, "target": ["p", "q", "q"] * 30}),
    "hostile text": lambda: pl.DataFrame({"\x1b[2J": ["\x1b]0;x\x07", "\u202eabc", "?"] * 30, "target": ["p", "q", "p"] * 30}),
    "nan and inf": lambda: pl.DataFrame({"a": [float("nan"), float("inf"), -float("inf"), 1.0] * 30, "target": ["p", "q"] * 60}),
    "dates and booleans": lambda: pl.DataFrame({"d": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 4, 9), eager=True), "t": [True, False] * 50, "target": ["p", "q"] * 50}),
    "only a target": lambda: pl.DataFrame({"target": ["p", "q"] * 40}),
    "long cells": lambda: pl.DataFrame({"a": ["z" * 100_000 + str(i) for i in range(20)], "b": np.arange(20), "target": ["p", "q"] * 10}),
}


@pytest.mark.parametrize("name", list(ODD))
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_odd_tables_never_make_a_check_fail(name, task):
    frame = ODD[name]()
    if task == "regression":
        frame = frame.with_columns(pl.Series("target", np.arange(frame.height) % 5, dtype=pl.Float64))
    result = run_checks(table(frame, task))
    assert [(c.check, c.why) for c in result.coverage if c.state == "failed"] == []
    assert all("\x1b" not in f.title + f.seen + "".join(f.examples) and "\u202e" not in f.seen + "".join(f.examples) for f in result.findings)


def test_many_columns_and_few_rows():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{i}": rng.normal(size=12) for i in range(3000)}).with_columns(pl.Series("target", ["p", "q"] * 6))
    result = run_checks(table(frame))
    assert [c.check for c in result.coverage if c.state == "failed"] == []


def test_review_queue_finds_flipped_labels_of_digits():
    """D18: the top 10 % hold more than 60 % of 10 % flips; D01: precision of as many as were flipped above 0.7."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    flipped = rng.random(len(y)) < 0.1
    given = np.where(flipped, (y + rng.integers(1, 10, len(y))) % 10, y)
    frame = pl.DataFrame({f"p{i}": x[:, i] for i in range(64)}).with_columns(pl.Series("target", [f"d{v}" for v in given]))
    doubts = queue(table(frame, "multiclass"), limit=len(y))
    top = [d.row for d in doubts[: int(0.1 * len(y))]]
    assert flipped[top].sum() > 0.6 * flipped.sum()
    first = [d.row for d in doubts[: int(flipped.sum())]]
    assert flipped[first].mean() > 0.7
    right = [d.suggested == f"d{y[d.row]}" for d in doubts[: int(flipped.sum())] if flipped[d.row]]
    assert np.mean(right) > 0.8


@pytest.mark.parametrize(("share", "said"), [(0.9971, "99.7 %"), (0.9999999, "99.9999 %"), (1.0, "100 %"), (0.98, "98 %"), (0.0029, "0.29 %")])
def test_nearly_all_is_not_called_all(share, said):
    assert percent(share) == said
