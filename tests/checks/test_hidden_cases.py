"""Leaks in words and keys, cases in tight clusters, recordings without a time, wrong labels of one place; and their clean twins."""

import numpy as np
import polars as pl
import pytest

from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable
from phasewise.checks.time_checks import timelike

FIRST = ["Called about an invoice", "Asked for another tariff", "Complained about the network", "Moved house", "Wants paper bills"]
OTHER = ["sent a brochure", "no further action", "follow up next week"]


def found(frame: pl.DataFrame, *only: str, task: str = "binary", **more) -> dict:
    return {f.id: f for f in run_checks(CheckTable(frame=frame, target="y", task=task, **more), list(only)).findings}


def texts(share: float, n: int = 900) -> pl.DataFrame:
    """Notes of which a share of the cases that left says so."""
    rng = np.random.default_rng(0)
    y = rng.choice(["stays", "left"], n, p=[0.7, 0.3])
    said = [f"{rng.choice(FIRST)}, {'closed on demand' if v == 'left' and rng.random() < share else rng.choice(OTHER)}, number {rng.integers(1e6)}" for v in y]
    return pl.DataFrame({"note": said, "x": rng.normal(size=n), "y": y})


@pytest.mark.parametrize(("share", "severity"), [(1.0, "block"), (0.92, "warn"), (0.65, "warn"), (0.0, "")])
def test_words_written_after_the_outcome_give_it_away(share, severity):
    told = found(texts(share), "text-leak", roles={"note": "text"}).get("text-leak:note")
    assert (told.severity if told else "") == severity
    if told:
        assert "closed" in told.seen or "demand" in told.seen
        assert told.recommended().action == "drop-column"


def test_ordinary_words_of_a_topic_are_no_leak():
    rng = np.random.default_rng(1)
    topics = {"sport": ["match", "team", "goal", "player", "season"], "money": ["bank", "market", "share", "profit", "loan"]}
    y = rng.choice(["sport", "money"], 900)
    said = [" ".join(rng.choice([*topics[v], "the", "new", "today", "said", "week", "people"], 9)) for v in y]
    assert not found(pl.DataFrame({"note": said, "x": rng.normal(size=900), "y": y}), "text-leak", roles={"note": "text"})


def test_a_key_made_of_the_class_is_told_though_it_is_left_out():
    rng = np.random.default_rng(0)
    y = rng.choice(["a", "b"], 600)
    keys = [f"{'C' if v == 'a' else 'K'}-{i:06d}" for v, i in zip(y, rng.permutation(600), strict=True)]
    ranges = np.where(y == "a", 1000, 90_000) + rng.permutation(600)
    frame = pl.DataFrame({"case": keys, "number": ranges, "plain": [f"C-{i:06d}" for i in rng.permutation(600)], "x": rng.normal(size=600), "y": y})
    told = found(frame, "key-leak", roles={"case": "ignore", "number": "ignore", "plain": "ignore"})
    assert set(told) == {"key-leak:case", "key-leak:number"} and all(f.severity == "info" for f in told.values())


def cases(per: int, noise: float, n: int = 1200) -> pl.DataFrame:
    rng = np.random.default_rng(2)
    own = rng.normal(size=(n // per, 6)).repeat(per, axis=0)
    x = (own + rng.normal(0, noise, own.shape))[rng.permutation(len(own))]
    return pl.DataFrame({f"x{i}": x[:, i] for i in range(6)}).with_columns(pl.Series("y", np.where(x[:, 0] > 0, "a", "b")))


@pytest.mark.parametrize(("per", "noise"), [(4, 0.01), (8, 0.1), (2, 0.02)])
def test_several_rows_of_one_case_are_told(per, noise):
    told = found(cases(per, noise), "tight-clusters")["tight-clusters"]
    assert told.severity == "warn" and told.numbers["share"] > 0.5


def test_independent_cases_however_they_are_spread_are_not():
    rng = np.random.default_rng(3)
    clouds = rng.normal(size=(1200, 6)) * 0.3 + rng.integers(0, 4, (1200, 1)) * 3
    tails = rng.standard_t(2, (1200, 6))
    bent = np.c_[np.sin(t := rng.uniform(0, 6, 1200)), np.cos(t), t, t**2] + rng.normal(0, 0.1, (1200, 4))
    lognormal = np.exp(rng.normal(size=(1200, 12)))
    for x in (cases(1, 0.0).drop("y").to_numpy(), clouds, tails, bent, lognormal):
        frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(x.shape[1])}).with_columns(pl.Series("y", rng.choice(["a", "b"], 1200)))
        assert not found(frame, "tight-clusters")


def test_rows_of_a_recording_are_told_and_sorted_cases_are_not():
    rng = np.random.default_rng(4)
    walk = np.cumsum(rng.normal(size=(900, 4)), axis=0)
    y = np.where(np.sin(np.arange(900) / 60) > 0, "on", "off")
    told = found(pl.DataFrame({f"v{i}": walk[:, i] for i in range(4)}).with_columns(pl.Series("y", y)), "row-neighbours")
    assert told["row-neighbours"].severity == "warn"
    x = rng.normal(size=(900, 4)) + 3 * np.sort(rng.integers(0, 3, 900))[:, None]
    by_class = pl.DataFrame({f"v{i}": x[:, i] for i in range(4)}).with_columns(pl.Series("y", np.sort(rng.integers(0, 3, 900)).astype(str)))
    assert not found(by_class.sort("y"), "row-neighbours", task="multiclass"), "sorted by class"
    plain = pl.DataFrame({f"v{i}": rng.normal(size=900) for i in range(4)}).with_columns(pl.Series("y", rng.normal(size=900)))
    assert not found(plain.sort("y"), "row-neighbours", task="regression") and not found(plain.sort("v0"), "row-neighbours", task="regression")


def test_wrong_labels_of_one_site_are_told_and_a_site_with_other_shares_is_not():
    rng = np.random.default_rng(5)
    n = 2400
    site, x = rng.choice(["A", "B", "C", "D"], n), rng.normal(size=(n, 4))
    y = (x[:, 0] + 0.8 * x[:, 1] + rng.normal(0, 0.3, n) > 0).astype(int)
    wrong = np.where((site == "C") & (rng.random(n) < 0.3), 1 - y, y)
    other = (x[:, 0] + 0.8 * x[:, 1] + rng.normal(0, 0.3, n) + 1.5 * (site == "C") > 0).astype(int)

    def told(target):
        return found(pl.DataFrame({f"x{i}": x[:, i] for i in range(4)}).with_columns(pl.Series("site", site), pl.Series("y", target)), "slice-noise")

    assert set(told(wrong)) == {"slice-noise:site=C"} and told(wrong)["slice-noise:site=C"].recommended().action == "review-labels"
    assert told(y) == {} and told(other) == {}


def test_years_and_seconds_are_times():
    assert timelike(pl.Series("year", [1999, 2004])) and timelike(pl.Series("timestamp", [1_500_000_000, 1_600_000_000])) and timelike(pl.Series("created_at", [1_500_000_000_000, 1_600_000_000_000]))
    assert not timelike(pl.Series("years_at_school", [3, 9])) and not timelike(pl.Series("sometimes", [1, 2])) and not timelike(pl.Series("year", [2000, 2000]))


def test_a_target_that_follows_the_years_is_no_leak_but_a_trend():
    rng = np.random.default_rng(6)
    year = np.sort(rng.integers(2015, 2023, 900))
    frame = pl.DataFrame({"year": year, "x": rng.normal(size=900), "y": 10.0 * year + rng.normal(0, 8, 900)})
    told = found(frame, "target-leak", "time-trend", task="regression")
    assert set(told) == {"time-trend:year"} and told["time-trend:year"].recommended().args["column"] == "year"
