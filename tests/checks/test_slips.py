"""A few absurd target values are told as such and hide no signal from the checks that fit models."""

import numpy as np
import polars as pl
import pytest

from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable


def priced(slips: int, signal: float = 1.0) -> CheckTable:
    rng = np.random.default_rng(3)
    size = rng.uniform(20, 200, 1500)
    price = 1000 + signal * 30 * size + rng.normal(0, 300, 1500)
    price[rng.permutation(1500)[:slips]] *= 1000
    return CheckTable(frame=pl.DataFrame({"size": size, "rooms": rng.integers(1, 6, 1500), "price": price}), target="price", task="regression")


def ids(table: CheckTable) -> set[str]:
    return {f.id.partition("-y")[0] for f in run_checks(table, ["no-signal", "target-shape"]).findings}


def test_slips_of_a_factor_of_a_thousand_are_told_and_hide_no_signal():
    assert ids(priced(0)) == set()
    assert ids(priced(3)) == {"target-shape:extremes"}


def test_pure_noise_is_still_called_noise_with_and_without_slips():
    assert "no-signal" in ids(priced(0, signal=0.0))
    assert ids(priced(3, signal=0.0)) == {"no-signal", "target-shape:extremes"}


def test_the_rows_are_named_and_a_slip_of_many_is_no_slip_of_three():
    frame = priced(2).frame
    found = next(f for f in run_checks(CheckTable(frame=frame, target="price", task="regression"), ["target-shape"]).findings if f.id.endswith("extremes"))
    worst = set(np.argsort(-frame["price"].to_numpy())[:2] + 1)
    assert found.severity == "warn" and found.rows == 2 and {int(e.split(":")[0][4:].replace(",", "")) for e in found.examples} == worst
    assert found.title == "2 extreme targets decide every squared error"


TAILS = {
    "exponential": lambda rng: rng.exponential(5.0, 1500),
    "log-normal": lambda rng: np.exp(rng.normal(3, 1.5, 1500)),
    "mostly zero": lambda rng: rng.gamma(0.5, 100, 1500) * (rng.random(1500) < 0.02),
    "zero but for two rows": lambda rng: np.r_[np.zeros(1498), 2.0, 3.0],
    "student t with 3 degrees": lambda rng: rng.standard_t(3, 1500),
}


@pytest.mark.parametrize("name", TAILS)
def test_a_heavy_tail_is_no_slip(name):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        table = CheckTable(frame=pl.DataFrame({"x": rng.normal(size=1500), "y": TAILS[name](rng)}), target="y", task="regression")
        assert not [f.id for f in run_checks(table, ["target-shape"]).findings if f.severity != "info"], (name, seed)
