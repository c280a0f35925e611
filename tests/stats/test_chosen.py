"""The best of a few opened models, corrected for having been picked on the same rows (7.7)."""

import numpy as np

from phasewise.stats.chosen import best_left_out
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import score


def guesses(y, right, seed):
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(len(y)) < right, y, 1 - y)
    return Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - said, said], 1).astype(float))


def test_equal_models_lose_the_luck_of_the_choice_and_one_model_has_none():
    rng, seen, corrected = np.random.default_rng(0), [], []
    for trial in range(30):
        y = rng.integers(0, 2, 200)
        models = [guesses(y, 0.8, 100 * trial + i) for i in range(5)]
        seen.append(max(score("accuracy", y, m) for m in models))
        corrected.append(best_left_out("accuracy", y, models, times=60))
    assert np.mean(seen) > 0.82 and abs(np.mean(corrected) - 0.8) < 0.01
    assert best_left_out("accuracy", y, models[:1]) is None


def test_a_model_that_is_really_better_keeps_its_score_and_groups_are_left_out_whole():
    y = np.random.default_rng(1).integers(0, 2, 400)
    good, poor = guesses(y, 0.9, 1), guesses(y, 0.6, 2)
    assert abs(best_left_out("accuracy", y, [good, poor]) - score("accuracy", y, good)) < 0.01
    groups = np.repeat(np.arange(40), 10)
    assert abs(best_left_out("accuracy", y, [good, poor], groups) - score("accuracy", y, good)) < 0.02
    assert best_left_out("accuracy", y[:3], [Predictions(task="binary", classes=("a", "b"), proba=p.proba[:3]) for p in (good, poor)], np.zeros(3)) is None
