"""Second and third openings, and the generation that follows when the real world disagrees (checks.md 7.7, 7.8; E02)."""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv  # noqa: E402

from phasewise.kinds.tabular import development  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402
from phasewise.project.vault_ledger import Ledger, verify  # noqa: E402

NAMES = ["dummy", "linear", "trees", "knn"]


def ledger(jobs):
    book = Ledger(jobs.folder / "vault", writable=False)
    return [(e.kind, e.data.get("generation")) for e in book.entries()]


def opened(jobs, found, name, freeze, code=0, **more):
    models = {m.name: m.ref for m in found.models}
    others = [r for n, r in models.items() if n != name]
    return jobs.run("open_vault", code=code, phase="verify", model=models[name], freeze=freeze, baselines=others, claim="better_than_baseline", evaluations=4, **more)


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("looks")
    jobs = Jobs(folder / "p", moons_csv(folder / "data.csv", rows=900), "label", "accuracy", "binary")
    jobs.split(folds=0, test_share=0.25, validation_share=0.2)
    found = jobs.run("baselines", phase="baseline", models=NAMES)
    first = opened(jobs, found, "linear", "f1")
    second = opened(jobs, found, "trees", "f2", reason="trees are in use already", changes=["the candidate is trees, it was linear"])
    third = opened(jobs, found, "knn", "f3", reason="for the appendix")
    return jobs, found, (first, second, third)


def test_every_look_is_wider_warned_of_and_names_the_first(looked):
    jobs, found, (first, second, third) = looked
    assert [r.level for r in (first, second, third)] == pytest.approx([0.95, 1 - 0.05 / 2, 1 - 0.05 / 3]) and [r.looks for r in (first, second, third)] == [1, 2, 3]
    assert first.warning == "" and first.shrunk is None
    for look in (second, third):
        assert f"the first opening ({first.test.value:.4g} [" in look.warning and "no longer unseen" in look.warning
    assert "beyond its own standard error: acknowledged" in second.warning and "+" in second.warning
    assert "not beyond its own standard error: the earlier number stands" in third.warning or third.test.value > second.test.value
    assert second.changes == ["the candidate is trees, it was linear"] and second.model.endswith("/trees")
    best = max(first.test.value, second.test.value)
    assert second.shrunk == pytest.approx(best, abs=0.04) and f"{second.shrunk:.4g} after correction" in second.warning
    opened(jobs, found, "trees", "f4", code=3, reason="one more")
    assert sum(k == "open" for k, _ in ledger(jobs)) == 3 and verify(jobs.folder, looks=3).ok


def field_file(path, rows=300, seed=9, flip=0.45):
    """Real cases in which the relation is half gone."""
    frame = pl.read_csv(moons_csv(path, rows=rows))
    rng = np.random.default_rng(seed)
    other = pl.Series(rng.random(rows) < flip)
    shifted = frame.with_columns((pl.col("noise") + 10).round(5).alias("noise"))
    shifted.with_columns(pl.when(other).then(pl.col("label").replace({"yes": "no", "no": "yes"})).otherwise(pl.col("label")).alias("label")).write_csv(path)
    return path


def test_too_few_real_cases_burn_nothing(looked, tmp_path):
    jobs, *_ = looked
    before = ledger(jobs)
    jobs.run("renew", code=3, phase="data", file=str(field_file(tmp_path / "few.csv", rows=60)), generation=2, reason="few")
    jobs.run("renew", code=3, phase="data", file=str(jobs.data.file), generation=2, reason="the same rows again")
    assert ledger(jobs) == before


def test_generation_two_is_made_of_real_cases_and_burns_the_old_test(looked, tmp_path):
    jobs, *_ = looked
    with Project.open(jobs.folder, read_only=True) as project:
        developed = set(development.load(project, jobs.data).rows.tolist())
    source = pl.read_csv(jobs.data.file)
    field = field_file(tmp_path / "field.csv")
    pl.concat([pl.read_csv(field), source.head(7)]).write_csv(field)
    made = jobs.run("renew", phase="data", file=str(field), generation=2, reason="the field is far below the test")
    table, parts = pl.read_parquet(jobs.folder / made.file), pl.read_csv(jobs.folder / made.parts_file)["part"].to_list()
    assert table.height == len(parts) == 900 + 307 and made.copies == 7 and parts[-7:] == ["drop"] * 7
    assert table.head(900).equals(source.cast(dict(table.schema)))
    assert {i for i in range(900) if parts[i] == "train"} == developed
    assert {i for i in range(900) if parts[i] == "validation"} == set(range(900)) - developed and made.rows["old_test"] == 900 - len(developed)
    new = parts[900:1200]
    assert new.count("test") == made.rows["test"] == 150 and new.count("validation") == 150
    assert ledger(jobs)[-1] == ("demote", 1)
    again = Jobs.__new__(Jobs)
    again.folder, again.data = jobs.folder, jobs.data.model_copy(update={"file": str(jobs.folder / made.file)})
    split = again.split(policy="file", split_file=str(jobs.folder / made.parts_file), generation=2, folds=None)
    assert split.generation == 2 and split.parts["test"].rows == 150 and ledger(jobs)[-1] == ("reseal", 2) and ledger(jobs).count(("demote", 1)) == 1
    audit = verify(jobs.folder, manifest=split.manifest, looks=3)
    assert audit.ok and audit.generation == 2 and audit.looks == 0
    with Project.open(jobs.folder, read_only=True) as project:
        dev = development.load(project, again.data)
    assert not set(dev.rows.tolist()) & {i for i, p in enumerate(parts) if p in ("test", "drop")}
    found = again.run("baselines", phase="baseline", models=["dummy", "trees"])
    look = opened(again, found, "trees", "g1")
    assert look.looks == 1 and look.generation == 2 and look.level == 0.95 and look.warning == "" and look.rows == 150
    assert verify(jobs.folder, looks=4).ok and not verify(jobs.folder, looks=5).ok


def test_a_burnt_set_does_not_open_and_an_external_test_set_is_burnt_too(tmp_path):
    moons_csv(tmp_path / "all.csv", rows=700)
    frame = pl.read_csv(tmp_path / "all.csv")
    frame[:500].write_csv(tmp_path / "data.csv")
    frame[500:].write_csv(tmp_path / "test.csv")
    jobs = Jobs(tmp_path / "p", tmp_path / "data.csv", "label", "accuracy", "binary")
    jobs.split(policy="file", test_file=str(tmp_path / "test.csv"), validation_share=0.2, folds=0)
    found = jobs.run("baselines", phase="baseline", models=["dummy", "linear"])
    opened(jobs, found, "linear", "f1")
    made = jobs.run("renew", phase="data", file=str(field_file(tmp_path / "field.csv")), test_file=str(tmp_path / "test.csv"), generation=2, reason="field below test")
    parts = pl.read_csv(jobs.folder / made.parts_file)["part"].to_list()
    assert parts[500:700] == ["validation"] * 200 and pl.read_parquet(jobs.folder / made.file)[500:700].equals(frame[500:].cast(dict(pl.read_parquet(jobs.folder / made.file).schema)))
    opened(jobs, found, "linear", "f1", code=3, reason="a look at burnt rows")
    assert json.loads((jobs.folder / "vault" / "manifest.json").read_text())["generation"] == 1


def test_parts_drawn_anew_after_models_were_scored_take_a_reason_that_the_opening_shows(tmp_path):
    """checks.md section 7: after the first training a re-split is no small change; the ledger keeps how many scores had been seen, and why."""
    jobs = Jobs(tmp_path / "p", moons_csv(tmp_path / "data.csv", rows=600), "label", "accuracy", "binary")
    jobs.split(folds=0, test_share=0.25, validation_share=0.2)
    jobs.split(folds=0, test_share=0.25, validation_share=0.2, seed=1)  # nothing was scored yet: logged, no reason asked for
    jobs.run("baselines", phase="baseline", models=["dummy", "linear"])
    jobs.split(folds=0, test_share=0.3, validation_share=0.2, code=3)
    jobs.split(folds=0, test_share=0.3, validation_share=0.2, code=3)  # asked twice, counted once
    jobs.split(folds=0, test_share=0.3, validation_share=0.2, reason="the board asked for a larger test set")
    book = Ledger(jobs.folder / "vault", writable=False)
    assert [e.kind for e in book.entries()] == ["seal", "resplit", "validation-score", "resplit"]
    assert book.evaluations() == 2 and book.counted() == 0 and book.entries()[-1].data["reason"] == "the board asked for a larger test set"
    found = jobs.run("baselines", phase="baseline", models=["dummy", "linear"])
    look = opened(jobs, found, "linear", "f1")
    assert "drawn anew after models had been scored on them (the board asked for a larger test set)" in look.warning
