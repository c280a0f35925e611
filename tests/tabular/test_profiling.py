"""Roles, targets, tasks, distributions and the split policy proposal (D01, D19)."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from phasewise.kinds.tabular import profiling, targets
from phasewise.kinds.tabular.roles import cont_cat_split
from tabular.helpers import mixed, view

TARGETS = {
    "adult/train.csv.gz": ("income", "binary"), "titanic/train.csv": ("Survived", "binary"), "telco-churn/telco-churn.csv": ("Churn", "binary"),
    "california-housing/housing.csv": ("median_house_value", "regression"), "wine-quality/wine.csv": ("quality", "regression"),
    "penguins/penguins.csv": ("species", "multiclass"), "covertype-15k/covertype.csv.gz": ("Cover_Type", "multiclass"), "mammography/mammography.csv": ("column_7", "binary"),
}


@pytest.mark.parametrize("name", TARGETS)
def test_target_and_task_of_real_sets_are_proposed(shared_data: Path, name: str) -> None:
    found = profiling.profile(view(shared_data / name))
    assert (found.target, found.task) == TARGETS[name]
    assert found.targets[0].reason and found.policy is not None and found.policy.value == "stratified"
    assert len(found.files[0].sha256) == 64


def test_roles_of_titanic(shared_data: Path) -> None:
    found = {c.name: c for c in profiling.profile(view(shared_data / "titanic/train.csv")).columns}
    roles = {n: c.role for n, c in found.items()}
    assert roles == {
        "PassengerId": "ignore", "Survived": "number", "Pclass": "category", "Name": "text", "Sex": "category", "Age": "number", "SibSp": "category",
        "Parch": "category", "Ticket": "ignore", "Fare": "number", "Cabin": "ignore", "Embarked": "category",
    }
    assert found["Age"].missing == 177 and found["Age"].quantiles[2] == 28.0 and sum(b.count for b in found["Age"].bars) == 714
    assert all(c.reason for c in found.values())


def _by_hand(frame: pl.DataFrame, target: str, max_card: int = 20) -> tuple[list[str], list[str]]:
    """fastai 2.8 `cont_cat_split`, its words in order: integer with more than max_card values or float -> continuous."""
    cont, cat = [], []
    for name in frame.columns:
        if name == target:
            continue
        kind = frame[name].to_numpy().dtype.kind
        if (kind in "iu" and len(np.unique(frame[name].to_numpy())) > max_card) or kind == "f":
            cont.append(name)
        else:
            cat.append(name)
    return cont, cat


def test_cont_cat_split_is_fastais(shared_data: Path) -> None:
    from phasewise.kinds.tabular.reading import ROW, read_raw

    frame = read_raw(view(shared_data / "adult/train.csv.gz")).frame.drop(ROW)
    found = cont_cat_split(frame, target="income")
    assert found == _by_hand(frame, "income")
    assert found[0] == ["age", "fnlwgt", "capital_gain", "capital_loss", "hours_per_week"]
    profile = {c.name: c.role for c in profiling.profile(view(shared_data / "adult/train.csv.gz")).columns}
    assert {n for n, r in profile.items() if r == "number"} == set(found[0])


def write(tmp_path: Path, **columns: list) -> Path:
    pl.DataFrame(columns).write_csv(tmp_path / "t.csv")
    return tmp_path / "t.csv"


def test_text_that_is_a_number_a_code_or_prose(tmp_path: Path) -> None:
    n = 60
    words = ["the quick brown fox jumps", "over a lazy dog again today", "pack my box with five dozen"]
    path = write(
        tmp_path, price=[f"${i * 37 + 1000:,}" for i in range(n)], share=[f"{i * 1.3:.1f}%" for i in range(n)], zip=[f"0{i % 30:04d}" for i in range(n)],
        prose=[f"{words[i % 3]} {i}" for i in range(n)], flag=["yes", "no"] * (n // 2), mark=[str(i * 1.5) if i % 9 else "?" for i in range(n)],
        when=[f"{1 + i % 28:02d}.0{1 + i % 9}.2021" for i in range(n)], constant=["x"] * n, target=["a", "b", "c"] * (n // 3),
    )
    found = profiling.profile(view(path, "target"))
    roles = {c.name: c.role for c in found.columns}
    assert roles == {"price": "number", "share": "number", "zip": "category", "prose": "text", "flag": "category", "mark": "number", "when": "date", "constant": "ignore", "target": "category"}
    price = next(c for c in found.columns if c.name == "price")
    assert price.minimum == 1000.0 and "thousands separators" in price.reason
    assert any(re.search(r"'mark' holds 7 cells '\?'", note) for note in found.notes)


def test_user_roles_win(tmp_path: Path) -> None:
    path = write(tmp_path, code=list(range(60)), x=[i / 7 for i in range(60)], target=["a", "b"] * 30)
    column = profiling.profile(view(path, "target", roles={"code": "category"})).columns[0]
    assert column.role == "category" and "proposed: ignore" in column.reason


@pytest.mark.parametrize(("values", "name", "task"), [
    ([0, 1] * 30, "y", "binary"), ([1, 2, 3] * 20, "t", "multiclass"), ([3, 4, 5, 6] * 15, "quality", "regression"), (["a", "b", "c"] * 20, "t", "multiclass"),
    ([i / 3 for i in range(60)], "t", "regression"), (list(range(60)), "t", "regression"), ([5, 9, 30] * 20, "cover_type", "multiclass"), ([1.0, 2.0] * 30, "t", "binary"),
])
def test_task_from_the_target(values: list, name: str, task: str) -> None:
    assert targets.propose_task(pl.Series(name, values))[0] == task


@pytest.mark.parametrize(("levels", "positive"), [
    (["<=50K", ">50K"], ">50K"), (["No", "Yes"], "Yes"), (["0", "1"], "1"), (["'-1'", "'1'"], "'1'"), (["good", "bad"], "bad"), (["cat", "dog"], "dog"), (["B", "M"], "M"),
])
def test_positive_class_is_second(levels: list[str], positive: str) -> None:
    column = pl.Series("t", [levels[0]] * 5 + [levels[1]] * (4 if levels != ["good", "bad"] else 3))
    found = targets.encode(column, view("x", "t"))
    assert found.classes[1] == positive and found.y.sum() == (column == positive).sum()


def test_claim_chooses_the_policy() -> None:
    assert profiling.propose_policy("binary", [], ["day"], "later_time", 500).value == "time"
    assert profiling.propose_policy("binary", ["person"], [], "new_groups", 500).value == "grouped"
    assert profiling.propose_policy("binary", ["person"], ["day"], "new_rows", 500).value == "stratified"


def test_group_and_time_columns_are_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write(tmp_path, patient_id=[f"p{i % 20}" for i in range(200)], day=[f"2020-01-{1 + i % 28:02d}" for i in range(200)], x=rng.normal(size=200).tolist(), target=["a", "b"] * 100)
    found = profiling.profile(view(path, "target"))
    assert found.group_columns == ["patient_id"] and found.time_columns == ["day"]


def test_sentinel_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path, age=[20 + i % 50 for i in range(190)] + [999] * 10, target=["a", "b"] * 100)
    assert any("holds 999 in 10 rows" in n for n in profiling.profile(view(path, "target")).notes)


def test_profile_counts_are_exact(tmp_path: Path) -> None:
    frame = mixed(200)
    frame.write_csv(tmp_path / "m.csv")
    found = profiling.profile(view(tmp_path / "m.csv", "target"))
    for c in found.columns:
        assert c.missing == frame[c.name].null_count() and c.distinct == frame[c.name].drop_nulls().n_unique()
    assert {b.label: b.count for b in found.classes} == dict(frame["target"].value_counts().iter_rows())
    z = next(c for c in found.columns if c.name == "z")
    assert z.mean == pytest.approx(frame["z"].mean()) and z.std == pytest.approx(frame["z"].std(ddof=0))


def test_months_without_a_day_are_dates_and_codes_of_that_shape_are_not():
    from phasewise.kinds.tabular import casting

    months = pl.Series("m", [f"{y}-{m:02d}" for y in range(1949, 1961) for m in range(1, 13)])
    assert casting.date_format(months) == ("%Y-%m", 1.0)
    assert casting.parse_dates(months, "%Y-%m")[13].isoformat() == "1950-02-01T00:00:00"
    assert casting.parse_dates(pl.Series("m", ["1949-01", "1949-13", None, "x"]), "%Y-%m").null_count() == 3
    assert casting.date_format(pl.Series("code", [f"{a}-{b:02d}" for a in range(1900, 1990) for b in range(1, 30)])) is None
