"""Is a series more than its last value (T25): tests against their formulas and tables, rates on walks and on series with structure."""

import math

import numpy as np
import pytest

from phasewise.stats.series import adf, judge, ljung_box


def test_dickey_fuller_p_meets_the_published_critical_values():
    from phasewise.stats.series import _mackinnon

    for statistic, p in ((-3.43, 0.01), (-2.86, 0.05), (-2.57, 0.10)):  # MacKinnon 2010, table 2, constant only
        assert _mackinnon(statistic) == pytest.approx(p, rel=0.02)
    assert _mackinnon(3.0) == 1.0 and _mackinnon(-20.0) == 0.0
    assert abs(_mackinnon(-1.6101) - _mackinnon(-1.6099)) < 2e-3, "the two polynomials meet"


def test_dickey_fuller_refutes_five_in_a_hundred_walks_and_nearly_every_stationary_series():
    rng = np.random.default_rng(0)
    walks = sum(adf(np.cumsum(rng.normal(size=300)))[1] < 0.05 for _ in range(300))
    assert 5 <= walks <= 32  # 15 expected; 99.9 % of binomials and the price of choosing lags

    def pulled_back():
        y = np.zeros(300)
        for i in range(1, 300):
            y[i] = 0.8 * y[i - 1] + rng.normal()
        return y

    assert sum(adf(pulled_back())[1] < 0.05 for _ in range(40)) >= 38
    assert math.isnan(adf(np.ones(50))[1]) and math.isnan(adf(np.arange(5.0))[1])


def test_dickey_fuller_statistic_is_the_t_of_the_regression():
    y = np.cumsum(np.random.default_rng(1).normal(size=60))
    x, step = y[:-1], np.diff(y)
    design = np.stack([np.ones(59), x], 1)
    b = np.linalg.solve(design.T @ design, design.T @ step)
    rest = step - design @ b
    t = b[1] / np.sqrt(rest @ rest / 57 * np.linalg.inv(design.T @ design)[1, 1])
    assert adf(y, lags=0)[0] == pytest.approx(t, rel=1e-9)


def test_ljung_box_equals_its_formula_and_is_calm_on_noise():
    x = np.random.default_rng(2).normal(size=100)
    d = x - x.mean()
    r1, r2 = (d[1:] @ d[:-1]) / (d @ d), (d[2:] @ d[:-2]) / (d @ d)
    assert ljung_box(x, lags=2)[0] == pytest.approx(100 * 102 * (r1**2 / 99 + r2**2 / 98), rel=1e-12)
    rng = np.random.default_rng(3)
    assert 2 <= sum(ljung_box(rng.normal(size=200))[1] < 0.05 for _ in range(200)) <= 22
    assert ljung_box(np.sin(np.arange(200) / 3))[1] < 1e-10 and math.isnan(ljung_box(np.ones(30))[1])


def forecast(y, lags=5):
    """A linear model on the last values, learned on three quarters and judged on the rest."""
    x = np.stack([np.ones(len(y) - lags), *(y[lags - i - 1 : len(y) - i - 1] for i in range(lags))], 1)
    cut = 3 * len(y) // 4 - lags
    weights, *_ = np.linalg.lstsq(x[:cut], y[lags:][:cut], rcond=None)
    return judge(y[lags:][cut:], x[cut:] @ weights, x[cut:, 1], y, resamples=200)


def test_walks_are_noise_and_seasons_are_not():
    rng = np.random.default_rng(4)
    walk = lambda season: np.cumsum(rng.normal(size=400)) + season * np.sin(np.arange(400) * 2 * np.pi / 12)  # noqa: E731
    assert sum(forecast(walk(0.0)).noise for _ in range(30)) >= 27
    assert sum(forecast(walk(4.0)).noise for _ in range(30)) <= 3
    found = forecast(walk(0.0))
    assert found.low <= found.mase <= found.high and "random walk" in found.told() and found.error == pytest.approx(found.mase * found.naive)
