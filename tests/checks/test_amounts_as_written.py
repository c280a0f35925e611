"""Amounts as people write them: brackets and signs of accounting, limits, units of one quantity, codes of surveys, dates that mean none."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from phasewise.checks import remedies
from phasewise.checks.numerals import number_format, parse_numbers
from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable

N = 400


def found(cells: list, only: str, *, target: object = None, roles: dict[str, str] | None = None):
    rng = np.random.default_rng(5)
    frame = pl.DataFrame({"c": cells, "z": rng.normal(size=len(cells)), "y": rng.choice(["a", "b"], len(cells)) if target is None else target})
    task = "binary" if target is None else "regression"
    return {f.id: f for f in run_checks(CheckTable(frame=frame, target="y", task=task, roles=roles or {}), [only]).findings}, frame


@pytest.mark.parametrize(("cells", "form", "values"), [
    (["($1,234.50)", "$2,000.00", "$3.25"], "point", [-1234.5, 2000.0, 3.25]),
    (["12.5-", "7", "(8)"], "plain", [-12.5, 7.0, -8.0]),
    (["1.234,5-", "2,5", "(3,5)"], "comma", [-1234.5, 2.5, -3.5]),
])
def test_accounting_writes_negative_amounts_in_brackets_or_with_the_sign_behind(cells, form, values):
    column = pl.Series("c", cells)
    assert number_format(column) == form and parse_numbers(column, form).to_list() == values


def test_limits_are_numbers_and_keep_their_value():
    rng = np.random.default_rng(0)
    cells = [f"{v:.2f}" if v > 0.1 else "<0.1" for v in rng.exponential(1, N)]
    told, frame = found(cells, "mixed-types")
    assert told["mixed-types:c"].severity == "warn" and "limits" in told["mixed-types:c"].title
    after = remedies.apply(frame, {"mixed-types:c": told["mixed-types:c"].recommended().spelled}, "y")["c"]
    assert after.null_count() == 0 and after.min() == 0.1
    counts = ["10+" if v >= 10 else str(v) for v in rng.poisson(6, N)]
    told, frame = found(counts, "mixed-types")
    assert remedies.apply(frame, {"mixed-types:c": told["mixed-types:c"].recommended().spelled}, "y")["c"].max() == 10
    words = ["see note" if i % 20 == 0 else str(v) for i, v in enumerate(rng.poisson(60, N))]
    assert found(words, "mixed-types")[0]["mixed-types:c"].severity == "block"


def test_words_among_numbers_with_separators_are_told_and_the_numbers_stay():
    rng = np.random.default_rng(0)
    cells = ["see note" if i % 25 == 0 else f"{v:,.2f}" for i, v in enumerate(rng.gamma(2, 3000, N))]
    told, frame = found(cells, "mixed-types")
    after = remedies.apply(frame, {"mixed-types:c": told["mixed-types:c"].recommended().spelled}, "y")["c"]
    assert after.null_count() == N // 25 and after.max() > 1000


def test_units_of_one_quantity_become_one_unit_and_those_of_two_are_only_told():
    rng = np.random.default_rng(0)
    kilos = rng.normal(75, 10, N).round(1)
    cells = [f"{v} kg" if i % 4 else f"{v / 0.45359237:.3f} lb" for i, v in enumerate(kilos)]
    told, frame = found(cells, "mixed-formats")
    after = remedies.apply(frame, {"mixed-formats:c": told["mixed-formats:c"].recommended().spelled}, "y")["c"].to_numpy()
    assert np.abs(after - kilos).max() < 0.01
    told, _ = found([f"{v} {'kg' if i % 2 else 'cm'}" for i, v in enumerate(kilos)], "mixed-formats")
    assert told["mixed-formats:c"].recommended().action == "note"
    percent = [f"{v:.1f} %" for v in kilos]
    assert found(percent, "mixed-formats", roles={"c": "number"})[0] == {}, "a percent column that is read as numbers needs no word"
    assert "mixed-formats:c" in found(percent, "mixed-formats")[0]


def test_codes_of_surveys_are_told_on_short_scales_only():
    rng = np.random.default_rng(0)
    scale = rng.integers(1, 6, N)
    coded = np.where(rng.random(N) < 0.05, 99, np.where(rng.random(N) < 0.05, 88, scale))
    told = found(coded.tolist(), "sentinel-values")[0]["sentinel-values:c"]
    assert told.severity == "warn" and told.numbers["values"] == [99, 88]
    levels = found(coded.tolist(), "sentinel-values", roles={"c": "category"})[0]
    assert set(levels) == {"sentinel-values:levels"} and levels["sentinel-values:levels"].severity == "info"
    ages = rng.integers(18, 100, N)
    ages[:6] = 99
    ages[6:12] = 88
    assert found(ages.tolist(), "sentinel-values")[0] == {}


def test_a_code_in_the_target_is_told_and_its_rows_leave():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(N) < 0.03, -999.0, rng.normal(50, 10, N).round(2))
    told, frame = found(rng.normal(size=N).tolist(), "sentinel-values", target=y)
    assert told["sentinel-values:y"].severity == "warn"
    after = remedies.apply(frame, {"sentinel-values:y": told["sentinel-values:y"].recommended().spelled}, "y")["y"]
    assert after.null_count() == int((y == -999).sum()) and after.min() > 0


def test_a_date_far_beyond_all_others_that_comes_again_and_again_means_none():
    rng = np.random.default_rng(0)
    days = [date(2010, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 3000, N)]
    late = [date(2099, 1, 1) if i % 40 == 0 else d for i, d in enumerate(days)]
    assert "2099-01-01" in found(late, "sentinel-values")[0]["sentinel-values:c"].title
    assert found(days, "sentinel-values")[0] == {}
    once = [date(2099, 1, 1), *days[1:]]
    assert found(once, "sentinel-values")[0] == {}, "one late date is no code"
