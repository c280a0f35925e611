"""Cells written in several ways, and words among numbers, on the path of the product: read from CSV, roles as proposed."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from phasewise.checks import remedies
from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable
from phasewise.kinds.tabular import casting, reading
from tabular.helpers import view

ROWS = 600
ONLY = ["mixed-formats", "mixed-types", "numbers-as-text", "dates-as-text", "sentinel-values", "unit-mix"]


def found(tmp_path: Path, cells: list, *, target: list | None = None) -> tuple[dict, pl.DataFrame]:
    """Findings on a column `c` beside an ordinary one, and the frame as read."""
    rng = np.random.default_rng(5)
    y = target if target is not None else [("yes", "no")[v] for v in rng.integers(0, 2, ROWS)]
    file = tmp_path / "d.csv"
    pl.DataFrame({"c": cells, "x": rng.normal(size=ROWS), "y": y}).write_csv(file)
    seen = view(file, "y")
    frame = reading.read_raw(seen).frame
    roles = reading.effective_roles(frame, seen)
    dated = casting.cast_roles(frame, {c: r for c, r in roles.items() if r == "date"})
    table = CheckTable(frame=dated, target="y", task="regression" if target is not None else "binary", roles=roles)
    return {f.id: f for f in run_checks(table, ONLY).findings if f.severity != "info"}, frame


def days(form: str) -> list[str]:
    return [(date(2020, 1, 1) + timedelta(days=2 * i)).strftime(form) for i in range(ROWS)]


def numbers(digits: int = 2) -> list[str]:
    return [f"{v:.{digits}f}" for v in np.random.default_rng(1).normal(50, 9, ROWS)]


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_words_among_numbers_are_told_although_the_column_is_left_out(tmp_path: Path, share: float) -> None:
    cells = ["see note" if i % 100 < 100 * share else v for i, v in enumerate(numbers())]
    told, frame = found(tmp_path, cells)
    assert list(told) == ["mixed-types:c"] and told["mixed-types:c"].recommended().action == "as-number"
    after = remedies.apply(frame, {"mixed-types:c": told["mixed-types:c"].recommended().spelled}, "y")
    assert after["c"].dtype == pl.Float64 and after["c"].null_count() == round(share * ROWS)


@pytest.mark.parametrize(("first", "second"), [("%Y-%m-%d", "%d.%m.%Y"), ("%d.%m.%Y", "%m/%d/%Y"), ("%Y-%m-%d", "%d/%m/%Y")])
def test_dates_in_two_forms_become_one(tmp_path: Path, first: str, second: str) -> None:
    cells = [b if i % 4 == 0 else a for i, (a, b) in enumerate(zip(days(first), days(second), strict=True))]
    told, frame = found(tmp_path, cells)
    assert list(told) == ["mixed-formats:c"]
    after = remedies.apply(frame, {"mixed-formats:c": told["mixed-formats:c"].recommended().spelled}, "y")
    assert after["c"].dt.date().to_list() == [date(2020, 1, 1) + timedelta(days=2 * i) for i in range(ROWS)]


def test_decimal_commas_beside_points_become_the_numbers_they_were(tmp_path: Path) -> None:
    cells = [v.replace(".", ",") if i % 3 == 0 else v for i, v in enumerate(numbers())]
    told, frame = found(tmp_path, cells)
    after = remedies.apply(frame, {"mixed-formats:c": told["mixed-formats:c"].recommended().spelled}, "y")
    assert after["c"].to_list() == [float(v) for v in numbers()]


def test_numbers_with_a_unit_become_numbers_and_two_units_are_told(tmp_path: Path) -> None:
    told, frame = found(tmp_path, [f"{v} kg" for v in numbers(1)])
    after = remedies.apply(frame, {"mixed-formats:c": told["mixed-formats:c"].recommended().spelled}, "y")
    assert after["c"].to_list() == [float(v) for v in numbers(1)]
    told, _ = found(tmp_path, [f"{v} {'kg' if i % 3 else 'lb'}" for i, v in enumerate(numbers(1))])
    assert "2 units" in told["mixed-formats:c"].title and told["mixed-formats:c"].recommended().args["units"] == {"kg": 1.0, "lb": 0.45359237}


@pytest.mark.parametrize("name", ["dates", "points", "thousands", "codes", "words"])
def test_columns_written_in_one_way_are_quiet(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(2)
    cells = {
        "dates": days("%d.%m.%Y"), "points": numbers(), "thousands": [f"{v:,}" for v in rng.integers(500, 90_000, ROWS)],
        "codes": [f"{v}{s}" for v, s in zip(rng.integers(1, 40, ROWS), rng.choice(list("ABCDEFGH"), ROWS), strict=True)], "words": rng.choice(["red", "blue", "12"], ROWS).tolist(),
    }[name]
    assert not found(tmp_path, cells)[0]


def test_a_comma_after_a_leading_zero_is_a_decimal_comma() -> None:
    column = pl.Series("c", [f"0,{v:03d}" for v in range(100, 400)])
    assert casting.number_format(column) == "comma" and casting.parse_numbers(column, "comma")[0] == 0.1


@pytest.mark.parametrize("code", ["1900-01-01", "9999-12-31"])
def test_a_date_that_stands_for_none_is_told_and_becomes_missing(tmp_path: Path, code: str) -> None:
    told, _ = found(tmp_path, [code if i % 20 == 0 else v for i, v in enumerate(days("%Y-%m-%d"))])
    assert list(told) == ["sentinel-values:c"]
    frame = pl.DataFrame({"c": pl.Series([code, "2020-01-01"]).str.to_date(), "y": [0, 1]})
    assert remedies.apply(frame, {"sentinel-values:c": told["sentinel-values:c"].recommended().spelled}, "y")["c"].null_count() == 1


def test_old_dates_among_old_dates_are_dates(tmp_path: Path) -> None:
    cells = [(date(1890, 1, 1) + timedelta(days=11 * i)).isoformat() for i in range(ROWS - 5)] + ["1900-01-01"] * 5
    assert not found(tmp_path, cells)[0]


def test_a_target_in_another_unit_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    y = rng.gamma(20, 5, ROWS).round(2)
    y[:30] *= 1000
    told, _ = found(tmp_path, numbers(), target=y.tolist())
    assert "unit-mix:y" in told
    assert not found(tmp_path, numbers(), target=rng.gamma(20, 5, ROWS).tolist())[0]
