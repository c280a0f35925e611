"""Luck of the best, adoption, multiplicity, power, calibration (E04, B07, E06, 7.2)."""

import numpy as np
import pytest
from scipy import stats as S

from phasewise.stats import adoption, calibration, conformal, forecast, multiple, optimism, power, prior
from phasewise.stats.paired import two_level
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import score


@pytest.mark.parametrize("k", [10, 50, 200])
def test_best_of_k_is_within_five_percent_of_simulation(k):
    rng = np.random.default_rng(k)
    simulated = 0.02 * rng.normal(size=(20_000, k)).max(axis=1).mean()
    assert optimism.best_of_k(k, 0.02) == pytest.approx(simulated, rel=0.05)
    assert 0.02 * np.sqrt(2 * np.log(k)) > 1.15 * simulated  # the often quoted bound is too high


def test_candidate_correlation_equals_numpy():
    x = np.random.default_rng(1).normal(size=(200, 6)) + np.random.default_rng(2).normal(size=(200, 1))
    matrix = np.corrcoef(x.T)
    assert optimism.candidate_correlation(x) == pytest.approx(matrix[np.triu_indices(6, 1)].mean())


def test_benjamini_hochberg_equals_scipy_and_holm_its_definition():
    p = np.random.default_rng(0).random(30) ** 3
    assert multiple.benjamini_hochberg(p) == pytest.approx(S.false_discovery_control(p))
    assert multiple.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(multiple.benjamini_hochberg([0.01, np.nan])[1])


def adopted(gain: float, correlation: float, times: int = 1000, noise: adoption.Noise | None = None) -> float:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(times):
        shared = rng.normal(0, np.sqrt(correlation), 5)
        own = np.sqrt(1 - correlation)
        hits += adoption.decide(gain + shared + rng.normal(0, own, 5), shared + rng.normal(0, own, 5), noise=noise).adopted
    return hits / times


def test_a_no_op_is_rarely_adopted_and_one_sd_usually():
    """B07: one seed sd of gain, five paired seeds that share most of their noise (same split, order and initial seed)."""
    assert adopted(0.0, 0.8) <= 0.065
    assert adopted(1.0, 0.8) >= 0.80
    borrowed = adoption.Noise(sd=np.sqrt(2 * 0.4), df=20)
    assert adopted(0.0, 0.6, noise=borrowed) <= 0.065
    assert adopted(1.0, 0.6, noise=borrowed) >= 0.75


def test_adoption_refuses_broken_runs_and_two_seeds():
    assert adoption.decide([0.9, float("nan"), 0.9], [0.8, 0.8, 0.8]).verdict == "broken"
    assert not adoption.decide([0.9, 0.91], [0.8, 0.8]).adopted
    assert adoption.decide([0.2, 0.21, 0.2], [0.3, 0.3, 0.31], maximize=False).adopted
    assert not adoption.decide([0.9, 0.91, 0.9], [0.8, 0.8, 0.81], margin=0.2).adopted


def test_power_reproduces_the_table():
    """checks.md 7.2: rows for a paired gain with power 80 %."""
    assert power.smallest_gain(1570, 0.02) == pytest.approx(0.01, rel=1e-3)
    assert power.smallest_gain(1963, 0.10) == pytest.approx(0.02, rel=1e-3)
    assert power.miss_chance(0.005, 200) == pytest.approx(0.367, abs=0.01)
    assert power.half_width(power.rows_for_half_width(0.9, 0.02), 0.9) <= 0.02
    assert power.chance_to_confirm(0.9, 0.9, 0.01) == pytest.approx(0.025, abs=1e-3)


def test_calibration_announces_a_sharpened_model_and_not_a_sound_one():
    rng = np.random.default_rng(0)
    silent = 0
    for seed in range(20):
        p = rng.beta(2, 2, 200)
        y = (rng.random(200) < p).astype(int)
        sound = Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - p, p], 1))
        silent += not calibration.calibration(y, sound, seed=seed).miscalibrated
    assert silent >= 17
    p = rng.beta(2, 2, 20_000)
    y = (rng.random(20_000) < p).astype(int)
    sharp = calibration.tempered(Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - p, p], 1)), 1 / 3)
    found = calibration.calibration(y, sharp)
    assert found.miscalibrated and found.temperature == pytest.approx(3, rel=0.1) and found.ece_after < 0.5 * found.ece


def test_prior_correction_is_the_bayes_posterior_and_helps():
    """D04: two Gaussians trained at 50 %, used at 1 %."""
    rng = np.random.default_rng(0)
    n = 40_000
    y = (rng.random(n) < 0.01).astype(int)
    x = rng.normal(2 * y, 1)
    odds = np.exp(2 * x - 2)
    half = Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 / (1 + odds), odds / (1 + odds)], 1))
    found = prior.corrected(half, [0.5, 0.5], [0.99, 0.01])
    exact = odds * 0.01 / 0.99
    assert found.proba[:, 1] == pytest.approx(exact / (1 + exact), abs=1e-12)
    assert score("log_loss", y, found) < score("log_loss", y, half)
    assert score("roc_auc", y, found) == pytest.approx(score("roc_auc", y, half))
    assert prior.estimated(half, [0.5, 0.5])[1] == pytest.approx(0.01, abs=0.004)


def test_conformal_sets_cover():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(50):
        p = rng.dirichlet(np.ones(4), 2000)
        y = np.array([rng.choice(4, p=row) for row in p[:1000]])
        found = Predictions(task="multiclass", classes=tuple("abcd"), proba=p)
        limit = conformal.quantile(y[:500], found.take(np.arange(500)))
        inside = conformal.sets(found.take(np.arange(500, 1000)), limit)
        covered.append(inside[np.arange(500), y[500:]].mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.02)


def test_learning_curve_predicts_the_full_size_from_the_first_half():
    """D16: a power law with noise, fitted up to n/2, predicts n within its 80 % interval about as often as it says."""
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(20):
        sizes = np.repeat([100, 200, 400, 800, 1600], 3)
        errors = 0.08 + 2 * sizes**-0.5 + rng.normal(0, 0.01, 15)
        curve = forecast.fit(sizes, errors, seed=seed, times=60)
        truth = 0.08 + 2 * 3200**-0.5 + rng.normal(0, 0.01)
        found = curve.predict(3200)
        hits += found.low <= truth <= found.high
    assert hits >= 13
    with pytest.raises(ValueError):
        forecast.fit(np.array([1, 2]), np.array([0.1, 0.2]))


def test_two_level_calls_noise_noise_and_a_large_gain_real():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 1500)

    def run(accuracy: float) -> Predictions:
        right = rng.random(1500) < accuracy
        p = np.where((y == 1) == right, 0.9, 0.1)
        return Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - p, p], 1))

    base = [run(0.85) for _ in range(5)]
    assert two_level("accuracy", y, [run(0.85) for _ in range(5)], base, resamples=500).verdict == "noise"
    assert two_level("accuracy", y, [run(0.92) for _ in range(5)], base, resamples=500).verdict == "real"
    assert two_level("accuracy", y, [run(0.92)] * 3, base[:3], resamples=200).verdict == "preview"
    assert two_level("accuracy", y, [run(0.78) for _ in range(5)], base, resamples=500).verdict == "worse"
