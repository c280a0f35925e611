"""The class a column tells is named rightly, and what lies far out is told beside what is infinite."""

import numpy as np
import polars as pl

from phasewise.checks.onecolumn import column_score
from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable


def test_the_best_class_is_named_although_a_class_of_two_rows_is_passed_over():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2, 3], [150, 80, 2, 100])
    found = column_score(rng.normal(size=len(y)) + 8 * (y == 3), y, 4)
    assert found.best_class == 3 and found.best > 0.95


def test_far_values_are_told_in_a_column_that_also_holds_infinite_ones():
    rng = np.random.default_rng(0)
    a = rng.normal(size=300)
    a[:3], a[3:5] = 1e30, np.inf
    told = {f.id for f in run_checks(CheckTable(frame=pl.DataFrame({"a": a, "b": rng.normal(size=300), "y": ["p", "n"] * 150}), target="y", task="binary")).findings}
    assert {"infinite-values:a", "extreme-values:a"} <= told
