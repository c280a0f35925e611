"""The lapse rate: what certainty does not explain, and nothing where certainty explains all."""

import numpy as np
import pytest

from phasewise.stats.lapse import certainty, lapse


def answers(n: int, flipped: float, seed: int, spread: float = 2.0, sureness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a model `sureness` times too sure, and labels drawn from the true ones with a share flipped."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, spread, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int)
    y = np.where(rng.random(n) < flipped, 1 - y, y)
    p = 1 / (1 + np.exp(-sureness * z))
    return np.c_[1 - p, p], y


@pytest.mark.parametrize("rate", [0.03, 0.1])
def test_the_rate_of_flipped_labels_is_estimated(rate):
    found = [lapse(*answers(6000, rate, seed, spread=4.0)) for seed in range(10)]
    assert abs(np.mean([f.rate for f in found]) - rate) < 0.35 * rate
    assert min(f.evidence for f in found) > 2.7


@pytest.mark.parametrize("sureness", [0.5, 1.0, 2.5])
def test_mere_overlap_and_overconfidence_are_no_lapse(sureness):
    found = [lapse(*answers(3000, 0.0, seed, sureness=sureness)) for seed in range(40)]
    assert np.mean([f.evidence >= 2.7 for f in found]) <= 0.05
    assert np.mean([f.rate >= 0.02 and f.evidence >= 1.0 for f in found]) <= 0.1


def test_expected_errors_add_up_to_those_seen_where_all_labels_are_right():
    proba, y = answers(6000, 0.0, 3, sureness=2.5)
    found = lapse(proba, y)
    assert abs(found.expected.sum() - (proba.argmax(1) != y).sum()) < 0.02 * len(y)


def test_certainty_is_the_log_odds_of_the_two_best():
    assert np.allclose(certainty(np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]])), [np.log(0.5 / 0.3), np.log(1e4)])
