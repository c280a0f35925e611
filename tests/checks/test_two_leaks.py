"""Several columns that give the target away: each is named, with the others, and copies of a leak are no rivals to it."""

import numpy as np
import polars as pl

from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable


def table(n: int = 1200, wrong: float = 0.0) -> CheckTable:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, n)
    told = np.where(rng.random(n) < wrong, 1 - y, y)
    frame = pl.DataFrame({f"x{i}": rng.normal(size=n) + 0.3 * y for i in range(4)}).with_columns(
        pl.Series("state", np.array(["open", "closed"])[told]), pl.Series("code", 7 * told), pl.Series("y", np.array(["no", "yes"])[y])
    )
    return CheckTable(frame=frame, target="y", task="binary")


def test_each_of_two_leaks_says_that_the_other_has_to_go_too():
    found = {f.id: f for f in run_checks(table()).findings}
    one, two = found["target-leak:state"], found["target-leak:code"]
    assert one.severity == two.severity == "block" and one.recommended().action == two.recommended().action == "drop-column"
    assert "'code'" in one.seen and "'state'" in two.seen and "all of them have to go" in one.seen
    assert "duplicate-columns:state=code" not in found, "that they are copies of one another is no further news"
    assert "duplicate-columns:state=code" in [*one.swallowed, *two.swallowed]


def test_a_copy_does_not_hide_a_noisy_leak():
    found = {f.id: f for f in run_checks(table(wrong=0.04), ["target-leak"]).findings}
    assert found["target-leak:state"].severity == found["target-leak:code"].severity == "warn"
    alone = {f.id: f for f in run_checks(CheckTable(frame=table(wrong=0.04).frame.drop("code"), target="y", task="binary"), ["target-leak"]).findings}
    assert alone["target-leak:state"].severity == "warn"


def test_columns_whose_values_all_differ_are_no_copies():
    rng = np.random.default_rng(2)
    y = rng.normal(size=800)
    frame = pl.DataFrame({"near": y + rng.normal(0, 0.25, 800), "far": rng.normal(size=800), "half": y + rng.normal(0, 0.2, 800), "y": y})
    found = {f.id: f for f in run_checks(CheckTable(frame=frame, target="y", task="regression"), ["target-leak"]).findings}
    assert found["target-leak:near"].severity == "info", "another column does better"
