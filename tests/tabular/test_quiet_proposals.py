"""Proposals and checks of the split say what an expert would, and nothing where chance or the policy explains it."""

import numpy as np
import polars as pl

from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable
from phasewise.kinds.shared import splitchecks
from phasewise.kinds.shared.assigning import TEST, TRAIN, VALIDATION
from phasewise.kinds.tabular.profiling import column_facts, profile
from phasewise.kinds.tabular.roles import propose_role
from phasewise.kinds.tabular.targets import propose_task
from phasewise.records.jobs import DataView


def role(name: str, cells: list) -> str:
    frame = pl.DataFrame({name: cells})
    return propose_role(frame[name], column_facts(frame)[name])[0]


def test_whole_numbers_are_levels_only_where_each_has_rows():
    rng = np.random.default_rng(0)
    assert role("age", list(range(30, 42))) == "number", "twelve ages of twelve people"
    assert role("visits", rng.integers(0, 12, 60).tolist()) == "number" and role("visits", rng.integers(0, 12, 600).tolist()) == "category"
    assert role("grade", [1, 2, 3, 4, 5] * 4) == "category", "a short scale is one on few rows too"


def test_codes_by_name_are_levels_and_amounts_are_not():
    rng = np.random.default_rng(0)
    many = rng.integers(10_000, 10_300, 3000).tolist()
    for name in ("zip_code", "PLZ", "branch_no", "areaCode", "customer_id"):
        assert role(name, many) == "category", name
    for name in ("income", "no_of_calls", "encoded_value", "sales"):
        assert role(name, many) == "number", name
    assert role("zip_code", rng.integers(10_000, 90_000, 300).tolist()) == "number", "one row a code teaches nothing about it"


def test_years_are_numbers_so_that_later_ones_are_known():
    assert role("year", [2018, 2019, 2020, 2021] * 100) == "number" and role("years_of_school", [8, 9, 10, 12] * 100) == "category"


def test_grades_offer_the_other_task():
    for name, task, other in (("stars", "regression", "multiclass"), ("answer", "multiclass", "regression")):
        found, why = propose_task(pl.Series(name, [1, 2, 3, 4, 5] * 20))
        assert found == task and f"--set data.task={other}" in why


PART = np.repeat([TRAIN, VALIDATION, TEST], [600, 200, 200]).astype(np.int8)


def test_a_rare_level_missed_by_chance_is_no_news_and_a_missing_region_is():
    levels = np.array(["a", "b"] * 500)
    rare = levels.copy()
    rare[[999, 998, 997]] = "z"
    assert splitchecks.unseen(pl.DataFrame({"c": rare}), ["c"], PART, "stratified")[0].severity == "pass"
    region = levels.copy()
    region[980:] = "z"
    assert splitchecks.unseen(pl.DataFrame({"c": region}), ["c"], PART, "stratified")[0].severity == "warn"


def test_groups_drawn_whole_are_drawn_at_random_and_later_rows_may_differ():
    x = np.random.default_rng(0).normal(size=(1000, 3)) + (PART == TEST)[:, None] * 2.0
    assert splitchecks.distinguishable(x, PART, "grouped", 0)[0].severity == "pass"
    moved = np.where(PART == TEST, 1, np.arange(1000) % 2)
    by_time, drawn = splitchecks.shift(moved, PART, "time")[0], splitchecks.shift(moved, PART, "grouped")[0]
    assert (by_time.severity, drawn.severity) == ("info", "warn") and drawn.recommended() is not None


def test_declared_groups_in_two_parts_have_a_way_out():
    found = splitchecks.group_and_time(PART, np.arange(1000) % 90, None, "stratified", "new_rows", 0, "who")[0]
    assert found.severity == "block" and found.columns == ["who"] and found.recommended().action == "group-split"


def checked(frame: pl.DataFrame, *only: str) -> dict:
    n = frame.height
    table = CheckTable(frame=frame, target="y", task="binary", train=np.arange(n * 3 // 4), validation=np.arange(n * 3 // 4, n))
    return {f.id: f for f in run_checks(table, list(only)).findings}


def test_a_file_appended_to_itself_is_full_of_copies_and_a_table_of_few_levels_is_not():
    rng = np.random.default_rng(1)
    once = pl.DataFrame({"age": rng.integers(18, 80, 700), "income": rng.gamma(6, 7000, 700).round(2), "visits": rng.poisson(5, 700), "y": rng.choice(["no", "yes"], 700)})
    told = checked(pl.concat([once, once]), "copies-across-parts", "duplicate-rows")
    assert told["copies-across-parts"].severity == "block" and told["duplicate-rows"].severity == "warn" and told["duplicate-rows"].numbers["copies"] > 600
    few = pl.DataFrame({c: rng.choice(["u", "v", "w"], 1400) for c in ("a", "b", "c")}).with_columns(pl.Series("y", rng.choice(["no", "yes"], 1400)))
    told = checked(few, "copies-across-parts", "duplicate-rows")
    assert {f.severity for f in told.values()} == {"info"} and told["copies-across-parts"].recommended().action == "accept"


def test_a_column_filled_for_one_small_class_is_told_on_few_rows():
    rng = np.random.default_rng(2)
    y = rng.choice(["a", "b", "c"], 340)
    filled = (y == "c") & (np.cumsum(y == "c") <= 43)
    told = checked(pl.DataFrame({"x": rng.normal(size=340), "seen": pl.Series(np.where(filled, rng.normal(size=340), np.nan)).fill_nan(None), "y": y}), "missingness-leak")
    assert told["missingness-leak:seen"].severity == "warn"


def test_a_y_beside_an_x_is_a_place_and_what_was_counted_is_no_class(tmp_path):
    rng = np.random.default_rng(5)
    rows = [f"{rng.integers(1, 9)},{rng.integers(2, 9)},{rng.normal():.2f},{rng.exponential():.2f}" for _ in range(300)]
    file = tmp_path / "fires.csv"
    file.write_text("X,Y,temp,area\n" + "\n".join(rows))
    assert profile(DataView(kind="tabular", file=str(file))).target == "area"
    claims = pl.Series("ClaimNb", rng.poisson(0.4, 400))
    assert propose_task(claims)[0] == "regression" and propose_task(claims.alias("num"))[0] == "multiclass"


def test_a_first_goal_is_drawn_from_what_was_measured_and_not_from_a_code(tmp_path):
    rng = np.random.default_rng(7)
    y = [f"{v:.1f}".replace(".", ",") if rng.random() > 0.1 else "-200" for v in rng.gamma(4, 0.5, 400)]
    file = tmp_path / "air.csv"
    file.write_text("a;b;CO\n" + "".join(f"{rng.normal():.3f};{rng.normal():.3f};{v}\n" for v in y))
    found = profile(DataView(kind="tabular", file=str(file), target="CO"))
    column = next(c for c in found.columns if c.name == "CO")
    assert column.std < 3 and column.minimum > 0 and any("-200" in n for n in found.notes)
