"""Keys that tie rows together: given to the network, in a panel of keys and times, and beside a split that stands already (T31, T32, P04)."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable


def found(frame: pl.DataFrame, only: str, *, task: str = "regression", **more):
    return next((f for f in run_checks(CheckTable(frame=frame, target="y", task=task, **more), [only]).findings if f.check == only), None)


def recommended(finding) -> str:
    return finding.recommended().action


def visits(strength: float, seed: int = 0) -> pl.DataFrame:
    """Persons with a leaning of their own; no other column shows who it is."""
    rng = np.random.default_rng(seed)
    person, x = rng.integers(0, 150, 1800), rng.normal(size=(1800, 3))
    y = strength * rng.normal(size=150)[person] + x[:, 0] + 0.5 * rng.normal(size=1800)
    return pl.DataFrame({"patient_id": [f"P{p:04d}" for p in person], **{f"x{i}": x[:, i] for i in range(3)}, "y": y})


def test_a_key_that_alone_tells_the_target_ties_rows_together_and_its_control_does_not():
    seen = found(visits(1.0), "group-column", roles={"patient_id": "category"})
    assert seen.severity == "warn" and recommended(seen) == "group-split" and "the key alone" in seen.seen
    assert found(visits(0.0), "group-column", roles={"patient_id": "category"}) is None
    assert found(visits(1.0), "group-column", roles={"patient_id": "ignore"}) is None, "a key the network is not given tells it nothing"


@pytest.fixture(scope="module")
def sales() -> pl.DataFrame:
    rng = np.random.default_rng(1)
    level = rng.normal(50, 15, 24)
    rows = [(f"S{s:02d}", dt.date(2024, 1, 1) + dt.timedelta(d), rng.normal(), level[s] + 0.2 * d + rng.normal(0, 4)) for s in range(24) for d in range(80)]
    return pl.DataFrame(rows, schema=["store", "date", "x", "y"], orient="row")


def test_a_panel_is_split_by_time_and_then_nothing_asks_for_another_split(sales):
    seen = found(sales, "group-column")
    assert recommended(seen) == "time-split" and seen.recommended().args["column"] == "date" and "panel" in seen.seen
    for check in ("group-column", "time-trend"):
        assert found(sales, check, options={"policy": "time"}) is None
    parts = {"train": np.arange(0, 1920, 2), "validation": np.arange(1, 1920, 2), "groups": sales["store"].rank("dense").to_numpy(), "group": "store"}
    assert found(sales, "groups-across-parts", options={"policy": "time"}, **parts) is None, "later rows of the same stores are meant"
    assert found(sales, "groups-across-parts", options={"policy": "grouped"}, **parts).severity == "block"


def test_a_split_by_group_that_stands_is_not_taken_back_by_the_trend(sales):
    assert recommended(found(sales, "time-trend")) == "time-split"
    assert recommended(found(sales, "time-trend", options={"policy": "grouped"})) == "accept"


def test_a_trend_over_the_months_is_for_the_check_of_time_and_no_leak():
    months = [dt.date(1949 + i // 12, 1 + i % 12, 1) for i in range(144)]
    rng = np.random.default_rng(2)
    frame = pl.DataFrame({"Month": months, "y": 100 + 2.5 * np.arange(144) + rng.normal(0, 12, 144)})
    assert found(frame, "target-leak") is None
    assert recommended(found(frame, "time-trend")) == "time-split"
    y = rng.gamma(2.0, 40.0, 400)
    told = pl.DataFrame({"closed": [dt.date(2020, 1, 1) + dt.timedelta(days=int(10 * v)) for v in y], "x": rng.normal(size=400), "y": y})
    assert found(told, "target-leak").severity == "block", "the control: a date that follows from the outcome"


def hourly(seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    hours = [dt.datetime(2022, 1, 1) + dt.timedelta(hours=h) for h in range(2000)]
    level = np.cumsum(rng.normal(size=2000)) + rng.normal(size=2000)
    parts = {p: [getattr(h, p) for h in hours] for p in ("year", "month", "day", "hour")}
    return pl.DataFrame({"No": np.arange(1, 2001), **parts, "wind": rng.normal(size=2000), "y": level})


def test_a_calendar_in_parts_is_seen_and_split_by_the_row_number_that_goes_with_it():
    frame = hourly()
    seen = found(frame, "calendar-parts", roles={"No": "ignore"})
    assert seen.recommended().action == "time-split" and seen.recommended().args["column"] == "No" and seen.columns == ["year", "month", "day", "hour"]
    assert found(frame.drop("No"), "calendar-parts").recommended().action == "note", "nothing to split by: said, not done"
    assert found(frame.sample(fraction=1.0, shuffle=True, seed=0), "calendar-parts") is None, "a shuffled file does not rise"
    assert found(frame.with_columns(pl.Series("y", np.random.default_rng(4).normal(size=2000))), "calendar-parts") is None, "a target that does not follow itself"
