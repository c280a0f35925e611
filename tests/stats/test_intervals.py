"""Intervals against closed forms and references, and their coverage in simulation (E01)."""

import numpy as np
import pytest
from scipy import stats as S

from phasewise.stats import intervals
from phasewise.stats.paired import difference, folds, mcnemar, seeds
from phasewise.stats.power import half_width
from phasewise.stats.predictions import Predictions
from phasewise.stats.statistic import Additive

CLASSES = ("a", "b")


def binary(p: np.ndarray) -> Predictions:
    return Predictions(task="binary", classes=CLASSES, proba=np.stack([1 - p, p], 1))


@pytest.mark.parametrize(("right", "n"), [(0, 10), (3, 10), (90, 100), (1, 1)])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_wilson_equals_scipy(right, n, level):
    found = S.binomtest(right, n).proportion_ci(level, method="wilson")
    assert intervals.wilson(right, n, level) == pytest.approx((found.low, found.high), abs=1e-9)


def test_delong_equals_the_quadratic_definition():
    rng = np.random.default_rng(0)
    y, s = rng.integers(0, 2, 80), np.round(rng.random(80), 1)
    a, b = s[y == 1], s[y == 0]
    kernel = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    se = np.sqrt(kernel.mean(1).var(ddof=1) / len(a) + kernel.mean(0).var(ddof=1) / len(b))
    assert intervals.delong(y, s) == pytest.approx((kernel.mean(), se))


def test_bca_equals_scipy():
    rng = np.random.default_rng(1)
    x = rng.exponential(size=60)
    stat = Additive(parts=np.stack([x, np.ones(60)], 1), function=lambda s: s[:, 0] / s[:, 1])
    low, high, how = intervals.bca(x.mean(), stat.resampled(rng, 20_000), stat.jackknife())
    found = S.bootstrap((x,), np.mean, n_resamples=20_000, method="BCa", rng=2).confidence_interval
    assert how == "bca"
    assert (low, high) == pytest.approx((found.low, found.high), rel=0.02)


def test_methods_by_metric_and_groups():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 200)
    p = binary(np.clip(0.5 + 0.2 * (y - 0.5) + rng.normal(0, 0.2, 200), 0, 1))
    assert intervals.interval("accuracy", y, p)[2] == "wilson"
    assert intervals.interval("roc_auc", y, p)[2] == "delong"
    assert intervals.interval("f1_macro", y, p)[2] == "bca"
    assert intervals.interval("accuracy", y, p, groups=np.arange(200) // 4)[2].endswith("clustered")
    assert intervals.interval("accuracy", y, p, groups=np.arange(200))[2] == "wilson"


def test_copies_give_no_independent_evidence():
    """Five copies of every row: rows alone would narrow the interval, clusters do not (E03)."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 100)
    p = np.clip(0.5 + 0.3 * (y - 0.5) + rng.normal(0, 0.2, 100), 0.01, 0.99)
    one = intervals.interval("log_loss", y, binary(p))
    many = intervals.interval("log_loss", np.repeat(y, 5), binary(np.repeat(p, 5)), groups=np.repeat(np.arange(100), 5))
    naive = intervals.interval("log_loss", np.repeat(y, 5), binary(np.repeat(p, 5)))
    assert (many[1] - many[0]) == pytest.approx(one[1] - one[0], rel=0.15)
    assert naive[1] - naive[0] < 0.6 * (one[1] - one[0])


def test_perfect_scores_keep_an_honest_width():
    y = np.r_[np.zeros(20, int), np.ones(20, int)]
    low, high, _ = intervals.interval("roc_auc", y, binary(np.where(y == 1, 0.9, 0.1)))
    assert high == 1.0 and 0.7 < low < 0.95


def test_half_widths_are_those_of_the_table():
    """checks.md 7.2."""
    assert 100 * half_width(1000, 0.9) == pytest.approx(1.9, abs=0.05)
    assert 100 * half_width(100, 0.5) == pytest.approx(9.6, abs=0.05)


def test_mcnemar_is_the_exact_binomial():
    a = np.array([True] * 30 + [False] * 10 + [True] * 3)
    b = np.array([True] * 30 + [True] * 10 + [False] * 3)
    assert mcnemar(a, b) == pytest.approx(S.binomtest(3, 13).pvalue)


def test_difference_is_signed_towards_better():
    rng = np.random.default_rng(4)
    y = rng.normal(size=300)
    good, bad = (Predictions(task="regression", values=y + rng.normal(0, s, 300)) for s in (0.5, 1.0))
    found = difference("rmse", y, good, bad)
    assert found.value > 0.3 and found.low > 0 and found.p < 0.01
    same = difference("rmse", y, good, good)
    assert same.value == 0 and same.low == same.high == 0


def test_paired_seeds_is_the_paired_t_interval():
    a, b = [0.81, 0.83, 0.82, 0.85, 0.80], [0.80, 0.80, 0.81, 0.82, 0.80]
    gain, low, high = seeds(a, b)
    found = S.ttest_rel(a, b).confidence_interval(0.95)
    assert (gain, low, high) == pytest.approx((np.mean(a) - np.mean(b), found.low, found.high))
    assert seeds(b, a, maximize=False)[0] == pytest.approx(gain)
    wide = folds(a, b, train=800, test=200)
    assert wide[2] - wide[1] == pytest.approx((high - low) * np.sqrt(1 / 5 + 0.25) * np.sqrt(5))
