"""The split: pure in contents, whole clusters, alike in strata, sealed; development rows without the vault (D05, checks.md 7.1-7.3)."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from phasewise.kinds.shared import assigning, drawing, sealing, splitchecks
from phasewise.kinds.shared.assigning import TEST, TRAIN, VALIDATION
from phasewise.kinds.tabular import arriving, development, rows, splitting
from phasewise.kinds.tabular.reading import ROW
from phasewise.project.folder import Project
from phasewise.project.vault_ledger import verify
from phasewise.records.errors import BadInputError, StorageError, UsageError
from phasewise.records.jobs import SplitJob
from phasewise.stats import power
from tabular.helpers import developed, mixed, project, quiet, view


def parts_of(tmp_path: Path, frame: pl.DataFrame, **job: object) -> tuple[splitting.Table, splitting.Drawn]:
    file = tmp_path / "data.csv"
    frame.write_csv(file)
    options = {"policy": "stratified", **job}
    wanted = SplitJob(phase="data", data=view(file, "target"), **options)
    table = splitting.read_table(wanted)
    return table, splitting.draw(table, wanted)


def by_key(table: splitting.Table, drawn: splitting.Drawn) -> dict[str, int]:
    return dict(zip(table.frame["key"].to_list(), drawn.part.tolist(), strict=True))


def test_sizes_follow_the_rule() -> None:
    assert assigning.sizes(500) == assigning.Sizes(test=100, validation=80, folds=5)
    big = assigning.sizes(20_000)
    assert big.test == big.validation == 2000 and big.folds == 0
    middle = assigning.sizes(8_000)
    assert middle.test == power.rows_for_half_width(0.85, 0.02) == middle.validation
    assert assigning.sizes(2_000).test == 500
    assert assigning.sizes(500, test_share=0.3, folds=0) == assigning.Sizes(test=150, validation=150)
    assert assigning.sizes(3_000, folds=10).folds == 10


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_stratified_shares_are_equal_within_a_row(tmp_path: Path, task: str) -> None:
    table, drawn = parts_of(tmp_path, mixed(2400, task=task))
    stratum = drawn.stratum
    n = len(stratum)
    for code in (TRAIN, VALIDATION, TEST):
        size = (drawn.part == code).sum()
        for s in np.unique(stratum):
            wanted = size * (stratum == s).sum() / n
            assert abs(((drawn.part == code) & (stratum == s)).sum() - wanted) <= (1.01 if code != TRAIN else 2.01)
    assert not drawn.troubles


def test_split_does_not_depend_on_row_order_or_file_name(tmp_path: Path) -> None:
    frame = mixed(1500)
    first = by_key(*parts_of(tmp_path, frame, seed=3))
    (tmp_path / "b").mkdir()
    second = by_key(*parts_of(tmp_path / "b", frame.sample(fraction=1.0, shuffle=True, seed=9), seed=3))
    assert first == second
    assert by_key(*parts_of(tmp_path, frame, seed=4)) != first


def test_new_rows_leave_nearly_all_old_rows_in_their_parts(tmp_path: Path) -> None:
    frame = mixed(2400)
    old = by_key(*parts_of(tmp_path, frame[:2300]))
    new = by_key(*parts_of(tmp_path, frame))
    assert np.mean([new[k] == p for k, p in old.items()]) > 0.97


def test_digest_repeats_and_changes_with_a_cell(tmp_path: Path) -> None:
    frame = mixed(400)

    def digest(f: pl.DataFrame) -> str:
        table, drawn = parts_of(tmp_path, f)
        return drawing.digest(table.hashes, drawn.part)

    assert digest(frame) == digest(frame)
    assert digest(frame.with_columns(pl.when(pl.col("key") == "k000007").then(1.0).otherwise(pl.col("z")).alias("z"))) != digest(frame)


def test_copies_and_near_copies_stay_together(tmp_path: Path) -> None:
    frame = mixed(1200)
    copies = frame[:100].with_columns(("c" + pl.col("key")).alias("key"))
    near = frame[100:160].with_columns(("n" + pl.col("key")).alias("key"), (pl.col("z") + 0.0005).alias("z"))
    table, drawn = parts_of(tmp_path, pl.concat([frame, copies, near]))
    part = by_key(table, drawn)
    assert all(part[f"ck{i:06d}"] == part[f"k{i:06d}"] for i in range(100))
    assert all(part[f"nk{i:06d}"] == part[f"k{i:06d}"] for i in range(100, 160))
    assert drawn.clusters.copies == 100 and drawn.clusters.near >= 55


def test_without_clusters_the_same_copies_would_be_parted(tmp_path: Path) -> None:
    frame = mixed(1200)
    both = pl.concat([frame, frame.with_columns(("c" + pl.col("key")).alias("key"))])
    table, _ = parts_of(tmp_path, both)
    part = assigning.by_strata(table.hashes, table.labels.y, np.arange(len(both)), {TEST: 300, VALIDATION: 300}, 0)
    assert splitchecks.across(np.r_[np.arange(1200), np.arange(1200)], part) > 300


def test_rows_of_few_values_are_not_glued_together() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.integers(0, 3, 500), "b": rng.integers(0, 3, 500)})
    found = rows.clusters(frame, ["a", "b"])
    assert found.count == 500 and "repeat by chance" in found.notes[0]


def test_grouped_split_keeps_groups_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = mixed(1500).with_columns(pl.Series("person", [f"p{i}" for i in rng.integers(0, 150, 1500)]))
    table, drawn = parts_of(tmp_path, frame, policy="grouped", group="person")
    parts = pl.DataFrame({"g": table.frame["person"], "p": drawn.part}).group_by("g").agg(pl.col("p").n_unique())
    assert parts["p"].max() == 1
    assert abs((drawn.part == TEST).sum() - assigning.sizes(1500, rarest=0.4).test) < 40


def test_time_split_has_order_and_gap(tmp_path: Path) -> None:
    table, drawn = parts_of(tmp_path, mixed(1500), policy="time", time="day", gap=5)
    day = splitting.time_order(table.frame["day"], "%Y-%m-%d")[0] / 86_400
    assert day[drawn.part == TRAIN].max() + 5 < day[drawn.part == VALIDATION].min()
    assert day[drawn.part == VALIDATION].max() + 5 < day[drawn.part == TEST].min()
    assert any("gap" in n for n in drawn.notes)


def test_small_data_gets_folds_and_no_class_is_missing(tmp_path: Path) -> None:
    dev, _ = developed(tmp_path, mixed(240, task="multiclass"))
    assert dev.folds is not None and set(dev.folds) == {0, 1, 2, 3, 4} and dev.fold_repeats.shape == (192, 5)
    assert np.array_equal(np.flatnonzero(dev.folds == 0), dev.validation)
    sizes = [len(v) for _, v in dev.rounds()]
    assert max(sizes) - min(sizes) <= 2 and sum(sizes) == 192
    for _, held in dev.rounds():
        counts = np.bincount(dev.y[held], minlength=3)
        assert (counts > 0).all() and abs(counts - np.bincount(dev.y) / 5).max() <= 1.01


def test_unlabelled_rows_are_in_no_part(tmp_path: Path) -> None:
    frame = mixed(1100).with_columns(pl.when(pl.col("key") < "k000050").then(None).otherwise(pl.col("target")).alias("target"))
    table, drawn = parts_of(tmp_path, frame)
    assert (drawn.part == assigning.DROPPED).sum() == 50
    assert not set(np.flatnonzero(drawn.part != assigning.DROPPED)) & set(range(50))


def test_vault_holds_the_test_rows_and_nothing_else_does(tmp_path: Path) -> None:
    made, wished = project(tmp_path, mixed(1200))
    audit = verify(made.path)
    assert audit.ok
    about = json.loads((made.path / "splits" / "split.json").read_text())
    with np.load(made.path / "splits" / "rows.npz") as held:
        kept = set(held["rows"].tolist())
    manifest = json.loads((made.path / "vault" / "manifest.json").read_text())
    assert len(kept) == about["parts"]["train"] + about["parts"]["validation"] and manifest["digest"] == about["manifest"]
    assert manifest["parts"]["test"]["rows"] == 1200 - len(kept) and "row_hashes" not in manifest["parts"]["test"]
    assert len(manifest["parts"]["train"]["row_hashes"]) == about["parts"]["train"]
    from phasewise.project.vault import Vault

    with Vault(made.path) as vault:
        vault.freeze("f", {})
        opening = vault.open_container("first", "f")
    dev = development.load(made, wished)
    test = arriving.opened(made, wished, dev, opening.data)
    numbers = set(test.natural[ROW].to_list())
    assert not numbers & kept and numbers | kept == set(range(1200))
    assert len(test.labelled) == len(numbers)


def test_development_works_with_the_vault_moved_away(tmp_path: Path) -> None:
    made, wished = project(tmp_path, mixed(1200))
    shutil.move(made.path / "vault", tmp_path / "elsewhere")
    dev = development.load(made, wished)
    again = development.load(made, wished)
    assert dev.table.height == again.table.height == len(dev.train) + len(dev.validation)
    assert dev.table.equals(again.table) and not (made.path / "vault").exists()
    assert dev.features == ["x", "z", "colour", "day"] and dev.classes == ("no", "yes")


def test_cache_holds_no_test_row(tmp_path: Path) -> None:
    made, wished = project(tmp_path, mixed(1200))
    dev = development.load(made, wished)
    (cached,) = (made.path / ".phasewise" / "cache" / "tables").glob("*.arrow")
    assert set(sealing.from_bytes(cached.read_bytes())[ROW].to_list()) == set(dev.rows.tolist())


def test_changed_file_is_refused(tmp_path: Path) -> None:
    made, wished = project(tmp_path, mixed(300))
    mixed(300, seed=1).write_csv(tmp_path / "data.csv")
    with pytest.raises(StorageError, match="not the file that was split"):
        development.load(made, wished)


def test_no_split_yet(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not split yet"):
        development.load(Project.create(tmp_path / "p"), view("x", "y"))


def test_relabel_by_row_and_remedies(tmp_path: Path) -> None:
    made, wished = project(tmp_path, mixed(300))
    dev = development.load(made, wished)
    row, other = int(dev.rows[0]), int(dev.rows[1])
    new = "no" if dev.classes[dev.y[0]] == "yes" else "yes"
    changed = development.load(made, wished.model_copy(update={"relabel": {str(row): new, str(other): ""}, "remedies": {"t:z": "drop-column"}}))
    assert changed.classes[changed.y[0]] == new and other not in changed.rows and "z" not in changed.features
    as_category = development.load(made, wished.model_copy(update={"remedies": {"t:x": "as-category"}}))
    assert as_category.roles["x"] == "category" and as_category.table["x"].dtype == pl.String


def test_external_test_file_quarantines_copies(tmp_path: Path) -> None:
    frame = mixed(1600)
    frame[:1200].write_csv(tmp_path / "train.csv")
    test = pl.concat([frame[1200:], frame[:30]])
    test.write_csv(tmp_path / "test.csv")
    made = Project.create(tmp_path / "p")
    job = SplitJob(phase="data", data=view(tmp_path / "train.csv", "target"), policy="file", test_file=str(tmp_path / "test.csv"))
    result = splitting.split(made, job, quiet)
    assert result.parts["test"].rows == 430 and result.parts["dropped"].rows == 30
    finding = next(f for f in result.findings if f.check == "copies-across-parts")
    assert finding.severity == "warn" and finding.rows == 30
    assert not set(range(30)) & set(development.load(made, job.data).rows.tolist())


def test_external_test_file_must_have_the_columns(tmp_path: Path) -> None:
    frame = mixed(300)
    frame[:200].write_csv(tmp_path / "train.csv")
    frame[200:].drop("colour").write_csv(tmp_path / "test.csv")
    job = SplitJob(phase="data", data=view(tmp_path / "train.csv", "target"), policy="file", test_file=str(tmp_path / "test.csv"))
    with pytest.raises(BadInputError, match="lacks columns") as caught:
        splitting.split(Project.create(tmp_path / "p"), job, quiet)
    assert "'colour'" in caught.value.cause


@pytest.mark.parametrize("form", ["parts", "rows", "keys"])
def test_split_file(tmp_path: Path, form: str) -> None:
    frame = mixed(300)
    part = ["train"] * 200 + ["validation"] * 50 + ["test"] * 50
    frame.write_csv(tmp_path / "data.csv")
    named = {"parts": {}, "rows": {"row": range(300, 0, -1)}, "keys": {"key": frame["key"].reverse()}}[form]
    given = pl.DataFrame({**named, "part": part if form == "parts" else part[::-1]})
    given.write_csv(tmp_path / "split.csv")
    job = SplitJob(phase="data", data=view(tmp_path / "data.csv", "target"), policy="file", split_file=str(tmp_path / "split.csv"))
    table = splitting.read_table(job)
    drawn = splitting.draw(table, job)
    assert [assigning.PARTS[c] for c in drawn.part] == part


@pytest.mark.parametrize(("text", "said"), [
    ("row,part\n1,train\n1,test\n2,train\n", "row 1"), ("row,part\n0,train\n", "row 0"), ("row,part\n301,test\n", "row 301"), ("part\ntrain\n", "1 rows"), ("row,part\n1,maybe\n", "maybe"), ("row,part\nA7,train\n", "Line 2: 'A7'"), ("key,part\nabsent,test\n", "'absent'"), ("a,b\n1,2\n", "part"),
])
def test_bad_split_files(tmp_path: Path, text: str, said: str) -> None:
    mixed(300).write_csv(tmp_path / "data.csv")
    (tmp_path / "split.csv").write_text(text)
    job = SplitJob(phase="data", data=view(tmp_path / "data.csv", "target"), policy="file", split_file=str(tmp_path / "split.csv"))
    table = splitting.read_table(job)
    with pytest.raises(BadInputError) as caught:
        splitting.draw(table, job)
    assert said in caught.value.title + caught.value.cause and caught.value.remedy


def test_missing_choices_are_named(tmp_path: Path) -> None:
    mixed(300).write_csv(tmp_path / "data.csv")
    for policy in ("grouped", "time", "file"):
        job = SplitJob(phase="data", data=view(tmp_path / "data.csv", "target"), policy=policy)
        with pytest.raises(UsageError) as caught:
            splitting.draw(splitting.read_table(job), job)
        assert caught.value.remedy


def test_checks_see_planted_faults_and_pass_a_clean_split() -> None:
    rng = np.random.default_rng(0)
    part = np.repeat([TRAIN, VALIDATION, TEST], [700, 150, 150])
    y = rng.permutation(np.repeat([0, 1], [500, 500]))
    clean = [*splitchecks.copies(np.arange(1000).astype(np.uint64), part, -1, 0), *splitchecks.classes(y, ["a", "b"], part, 0), *splitchecks.shift(y, part), *splitchecks.size(1000, 0.02, 0)]
    assert {f.severity for f in clean} == {"pass"}
    doubled = np.arange(1000).astype(np.uint64)
    doubled[-1] = 0
    assert splitchecks.copies(doubled, part, -1, 0)[0].severity == "warn"
    lost = np.where(part == TEST, 0, y)
    one_class = splitchecks.classes(lost, ["a", "b"], part, 0)[0]
    assert one_class.severity == "block" and one_class.recommended().action == "stratify"
    third = np.where((part == TRAIN) & (np.arange(1000) < 30), 2, y)
    assert splitchecks.classes(third, ["a", "b", "c"], part, 0)[0].severity == "warn"
    assert splitchecks.shift(np.where(part == TEST, 1, y), part)[0].severity == "warn"
    assert splitchecks.group_and_time(part, np.arange(1000) % 90, None, "grouped", "", 0)[0].severity == "block"
    x = rng.normal(size=(1000, 3))
    assert splitchecks.distinguishable(x, part, "file", 0)[0].severity == "pass"
    assert splitchecks.distinguishable(x + (part == TEST)[:, None] * 2.0, part, "file", 0)[0].severity == "warn"
    moved = x + (part == TEST)[:, None] * 2.0 * (np.arange(x.shape[1]) == 1)
    named = splitchecks.distinguishable(moved, part, "file", 0, [f"c{i}" for i in range(x.shape[1])])[0]
    assert "'c1'" in named.seen and "'c0'" not in named.seen


def test_all_duplicate_rows_do_not_crash(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [1.5] * 60, "z": [2.5] * 60, "target": ["a", "b"] * 30})
    table, drawn = parts_of(tmp_path, frame)
    assert all((drawn.part == code).any() for code in (TRAIN, VALIDATION, TEST)) and drawn.clusters.count == 60
