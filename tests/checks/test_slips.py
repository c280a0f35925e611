"""A few absurd target values are told as such and hide no signal from the checks that fit models."""

import numpy as np
import polars as pl

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
