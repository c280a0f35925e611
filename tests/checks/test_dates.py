"""Dates order rows only where rows have them, and are neither telephone numbers nor harmless when they are birthdays."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable

ROWS = 1200


def drifting(missing: float, *, moves: bool = True) -> CheckTable:
    """A target whose level rises along a date that a share of the rows lacks."""
    rng = np.random.default_rng(0)
    days = rng.integers(0, 1500, ROWS)
    y = rng.normal(size=ROWS) + (days / 300 if moves else 0)
    when = pl.Series("recorded", [date(2019, 1, 1) + timedelta(days=int(d)) for d in days]).to_frame()
    lost = pl.Series(rng.random(ROWS) < missing)
    frame = when.select(pl.when(lost).then(None).otherwise(pl.col("recorded")).alias("recorded"))
    return CheckTable(frame=frame.with_columns(pl.Series("x", rng.normal(size=ROWS)), pl.Series("y", y)), target="y", task="regression")


@pytest.mark.parametrize(("missing", "moves", "told"), [(0.0, True, True), (0.05, True, True), (0.4, True, False), (0.0, False, False), (0.05, False, False)])
def test_a_trend_is_told_where_nearly_every_row_has_a_date(missing, moves, told):
    found = [f.id for f in run_checks(drifting(missing, moves=moves), ["time-trend"]).findings]
    assert found == (["time-trend:recorded"] if told else [])


def said(name: str, cells: list[str]) -> bool:
    frame = pl.DataFrame({name: cells, "y": np.arange(len(cells)) % 2})
    return bool(run_checks(CheckTable(frame=frame, target="y", task="binary"), ["personal-data"]).findings)


DAYS = [date(2018, 1, 1) + timedelta(days=3 * i) for i in range(200)]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d-%m-%Y", "%m/%d/%Y", "%d-%m-%y", "%d/%m/%y", "%Y/%m/%d %H:%M", "%d.%m.%Y"])
def test_dates_are_no_telephone_numbers(form):
    assert not said("opened", [d.strftime(form) for d in DAYS])


def test_seasons_and_months_are_no_telephone_numbers():
    assert not said("season", [f"{y}-{y + 1}" for y in range(1950, 2020)])
    assert not said("season", [f"{y}/{(y + 1) % 100:02d}" for y in range(1950, 2020)])
    assert not said("month", [f"{y}-{m:02d}" for y in range(2000, 2010) for m in range(1, 13)])


@pytest.mark.parametrize("form", ["0{}-555-{:04d}", "+49 {} {:06d}", "({}) 555-{:04d}", "0{}/{:06d}"])
def test_telephone_numbers_are_personal(form):
    assert said("note", [form.format(151 + i % 20, 1234 + 37 * i) for i in range(200)])


def test_a_date_of_birth_is_personal_by_its_name():
    assert said("date_of_birth", [d.strftime("%Y-%m-%d") for d in DAYS])
    assert not said("shipped", [d.strftime("%Y-%m-%d") for d in DAYS])
