"""Planted faults on bundled tables: one strength of each kind; the whole suite runs with `python -m benchmarks.evidence_data`."""

import numpy as np
import polars as pl
import pytest
from planted import FAULTS
from planted_bases import Base, bundled, made

from phasewise.checks import remedies
from phasewise.checks.registry import all_checks, run_checks
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import known


@pytest.fixture(scope="module")
def bases() -> dict[str, Base]:
    return {b.name: b for b in bundled()}


def checked(base: Base, frame: pl.DataFrame, only: list[str] | None = None, **options):
    train, validation = options.pop("train", None), options.pop("validation", None)
    table = CheckTable(frame=frame, target=base.target, task=base.task, train=train, validation=validation, options={"folds": 5, **options})
    return run_checks(table, only)


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.must], ids=lambda f: f.name)
def test_a_planted_fault_is_named_by_its_check_and_not_on_the_clean_twin(fault, bases):
    for name in ("made-binary", "made-multiclass", "made-regression", "digits", "breast_cancer", "diabetes"):
        base = bases[name]
        planted = fault.make(base, np.random.default_rng(1), fault.parameters[-1])
        if planted is not None:
            break
    else:
        pytest.skip("no bundled table can hold this fault")
    wanted = list(planted.checks)
    found = {f.id: f for f in checked(base, planted.frame, wanted, **planted.options).findings}
    clean = {(f.id, f.severity) for f in checked(base, base.frame, wanted).findings}
    named = [f for f in found.values() if (f.id, f.severity) not in clean and (planted.column is None or planted.column in f.columns)]
    assert named, (base.name, list(found))
    assert named[0].title and named[0].why and named[0].source and named[0].recommended() is not None
    if planted.fixable:
        after = remedies.apply(planted.frame, {named[0].id: named[0].recommended().spelled}, base.target)
        assert named[0].id not in {f.id for f in checked(base, after, wanted).findings if f.severity != "info"}
        others = [c for c in base.frame.columns if c not in named[0].columns]
        assert after.select(others).equals(planted.frame.select(others))


def test_clean_tables_are_quiet(bases):
    warned = 0
    for base in bases.values():
        result = checked(base, base.frame)
        assert [f.id for f in result.findings if f.severity == "block"] == [], base.name
        assert [c.check for c in result.coverage if c.state == "failed"] == []
        warned += sum(f.severity == "warn" for f in result.findings)
    assert warned <= 0.5 * len(bases)


def test_every_check_has_words_an_id_and_a_source():
    checks = all_checks()
    ids = [c.id for c in checks]
    assert len(ids) == len(set(ids)) >= 70
    assert {c.id for c in checks} <= known()
    assert all(c.source and c.id == c.id.lower() and " " not in c.id for c in checks)


def test_remedies_offered_are_remedies_that_exist():
    base = made("multiclass", n=600)
    frame = base.frame.with_columns(pl.lit(1).alias("fixed"), pl.Series("id", range(600)), pl.when(pl.int_range(600) % 9 == 0).then(pl.lit("?")).otherwise(pl.col("colour")).alias("colour"))
    for f in checked(base, frame).findings:
        assert f.remedies and sum(r.recommended for r in f.remedies) <= 1
        for r in f.remedies:
            action, args = remedies.parse(r.spelled)
            assert action == r.action and args == r.args
