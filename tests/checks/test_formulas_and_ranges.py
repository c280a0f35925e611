"""Targets made of two columns, leaks that hide behind certain ones, values that cannot be, values filled in, words for yes and no."""

import numpy as np
import polars as pl
import pytest

from phasewise.checks import remedies
from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable

N = 900


def found(frame: pl.DataFrame, *only: str, task: str = "binary") -> dict:
    return {f.id: f for f in run_checks(CheckTable(frame=frame, target="y", task=task), list(only)).findings}


def repaired(frame: pl.DataFrame, finding) -> pl.DataFrame:
    return remedies.apply(frame, {finding.id: finding.recommended().spelled}, "y")


def riders() -> pl.DataFrame:
    rng = np.random.default_rng(9)
    casual, registered = rng.poisson(40, N), rng.poisson(150, N)
    return pl.DataFrame({"casual": casual, "registered": registered, "temp": rng.normal(15, 8, N), "y": casual + registered})


def test_the_parts_of_a_total_both_go():
    told = found(riders(), "target-formula", task="regression")["target-formula:casual+registered"]
    assert told.severity == "block" and "'casual' + 'registered'" in told.title
    assert repaired(riders(), told).columns == ["temp", "y"]


@pytest.mark.parametrize(("made", "leaving"), [(lambda p, m: (p / m).round(1), "per_m2"), (lambda p, m: (m / p * 1e6).round(4), None)])
def test_a_rate_made_from_the_target_goes_and_its_amount_stays(made, leaving):
    rng = np.random.default_rng(9)
    m2 = rng.integers(30, 200, N)
    price = np.round(m2 * rng.gamma(20, 150, N))
    frame = pl.DataFrame({"m2": m2, "per_m2": made(price, m2), "year": rng.integers(1900, 2020, N), "y": price})
    told = found(frame, "target-formula", task="regression")
    if leaving is None:
        assert told == {}, "another scale is another formula"
    else:
        assert repaired(frame, told["target-formula:m2+per_m2"]).columns == ["m2", "year", "y"]


def test_a_sum_with_noise_or_a_column_that_is_nearly_the_target_is_no_formula():
    rng = np.random.default_rng(9)
    a, b = rng.normal(50, 10, N), rng.normal(30, 10, N)
    assert not found(pl.DataFrame({"a": a, "b": b, "y": a + b + rng.normal(0, 5, N)}), "target-formula", task="regression")
    assert not found(pl.DataFrame({"a": a, "b": np.abs(b) / 1e6, "y": a * 1.001}), "target-formula", task="regression")


def test_two_columns_that_only_together_copy_the_target():
    rng = np.random.default_rng(9)
    y, a = rng.integers(0, 2, N), rng.integers(0, 2, N)
    frame = pl.DataFrame({"a": a, "b": a ^ y, "c": rng.choice(["u", "v"], N), "y": np.array(["no", "yes"])[y]})
    told = found(frame, "pair-leak", "target-leak")
    assert set(told) == {"pair-leak:a+b"} and repaired(frame, told["pair-leak:a+b"]).columns == ["c", "y"]
    assert not found(frame.with_columns(pl.Series("y", rng.choice(["no", "yes"], N))), "pair-leak")


def test_a_noisy_leak_is_told_beside_a_certain_one():
    rng = np.random.default_rng(9)
    y = rng.integers(0, 2, N)
    frame = pl.DataFrame({f"x{i}": rng.normal(size=N) + 0.3 * y for i in range(4)}).with_columns(
        pl.Series("sure", y * 1.0 + rng.normal(0, 0.05, N)), pl.Series("flag", np.where(rng.random(N) < 0.05, 1 - y, y)), pl.Series("y", np.array(["no", "yes"])[y])
    )
    told = found(frame, "target-leak")
    assert told["target-leak:sure"].severity == "block" and told["target-leak:flag"].severity == "warn"


@pytest.mark.parametrize(("name", "cells", "odd"), [
    ("age", np.random.default_rng(7).integers(18, 90, N), [-4, 212]), ("Latitude", np.random.default_rng(7).uniform(40, 60, N), [512.0]), ("rel_humidity", np.random.default_rng(7).uniform(20, 95, N), [-3.0]),
])
def test_what_a_name_rules_out_becomes_missing(name, cells, odd):
    rng = np.random.default_rng(9)
    cells = np.asarray(cells).copy()
    cells[: len(odd)] = odd
    frame = pl.DataFrame({name: cells, "y": rng.choice(["a", "b"], N)})
    told = found(frame, "impossible-values")[f"impossible-values:{name}"]
    assert told.rows == len(odd) and repaired(frame, told)[name].null_count() == len(odd)
    assert not found(frame.rename({name: "value"}), "impossible-values")


def test_a_name_that_means_something_else_is_left_alone():
    rng = np.random.default_rng(9)
    assert not found(pl.DataFrame({"age": rng.integers(0, 3000, N), "y": rng.choice(["a", "b"], N)}), "impossible-values"), "days, perhaps"


def test_a_mean_filled_in_is_told():
    rng = np.random.default_rng(9)
    income = rng.lognormal(10, 0.5, N)
    filled = np.where(rng.random(N) < 0.12, round(float(income.mean()), 2), income.round(2))
    told = found(pl.DataFrame({"income": filled, "y": rng.choice(["a", "b"], N)}), "repeated-value")["repeated-value:income"]
    assert told.severity == "info" and "mean" in told.seen
    zeros = np.where(rng.random(N) < 0.3, 0.0, income)
    capped = np.minimum(income, 40_000)
    for cells in (income, zeros, capped):
        assert not found(pl.DataFrame({"income": cells, "y": rng.choice(["a", "b"], N)}), "repeated-value")


def test_words_for_yes_and_no_become_two_levels():
    rng = np.random.default_rng(9)
    frame = pl.DataFrame({"own": rng.choice(["Yes", "Y", "1", "true", "No", "n", "0"], N), "y": rng.choice(["a", "b"], N)})
    told = found(frame, "text-variants")["text-variants:own"]
    assert set(repaired(frame, told)["own"].to_list()) == {"yes", "no"}
    for levels in (["yes", "no"], ["Y", "N"], ["yes", "no", "maybe"], ["0", "1", "2"], ["t", "f", "m"]):
        assert not found(frame.with_columns(pl.Series("own", rng.choice(levels, N))), "text-variants"), levels
