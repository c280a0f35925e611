"""Rules behind the handlers against references: combining, verdicts, loops, slices, importance, curves, event files."""

import math

import numpy as np
import pytest

from phasewise.records.results import Score
from phasewise.stats import intervals, promise
from phasewise.stats.predictions import Predictions
from phasewise.worker import arrays, priors, verdicts
from phasewise.worker.combining import average, disagreement, fit_weights, halves, vote
from phasewise.worker.event_files import EventFile, masked_crc
from phasewise.worker.inspecting import curve, gallery, slices, threshold
from phasewise.worker.inspecting.importance import permutation_importance

CLASSES = ("a", "b", "c")


def _random(n: int = 300, k: int = 3, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    return Predictions(task="multiclass", classes=CLASSES[:k], proba=rng.dirichlet(np.ones(k), n))


def _knowing(y: np.ndarray, strength: float, seed: int) -> Predictions:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(y), 3))
    logits[np.arange(len(y)), y] += strength
    proba = np.exp(logits)
    return Predictions(task="multiclass", classes=CLASSES, proba=proba / proba.sum(1, keepdims=True))


class _Fixed:
    """A scikit-learn classifier with given probabilities, for VotingClassifier."""

    def __init__(self, proba):
        self.proba = proba

    def predict_proba(self, x):
        return self.proba

    def predict(self, x):
        return self.proba.argmax(1)


def test_average_and_vote_equal_scikit_learn():
    from sklearn.ensemble import VotingClassifier
    from sklearn.preprocessing import LabelEncoder

    parts = [_random(seed=s) for s in range(4)]
    for how, ours in (("soft", average(parts)), ("hard", vote(parts[:3]))):
        members = parts if how == "soft" else parts[:3]
        judge = VotingClassifier([(str(i), None) for i in range(len(members))], voting=how)
        judge.estimators_ = [_Fixed(p.proba) for p in members]
        judge.le_ = LabelEncoder().fit([0, 1, 2])
        theirs = judge.predict(np.zeros((300, 1)))
        if how == "soft":
            assert np.abs(judge.predict_proba(np.zeros((300, 1))) - ours.proba).max() < 1e-12
            assert (ours.labels() == theirs).all()
        else:
            votes = np.stack([np.eye(3)[p.labels()] for p in members]).sum(0)
            clear = np.sort(votes, 1)[:, -1] > np.sort(votes, 1)[:, -2]
            assert clear.sum() > 100 and (ours.labels()[clear] == theirs[clear]).all()


def test_vote_ties_go_to_the_mean_probability_then_the_first_class():
    def one(*rows):
        return Predictions(task="multiclass", classes=CLASSES, proba=np.array(rows, float))

    assert vote([one([0.6, 0.4, 0]), one([0.1, 0.9, 0])]).labels().tolist() == [1]
    assert vote([one([0.6, 0.4, 0]), one([0.4, 0.6, 0])]).labels().tolist() == [0]
    assert vote([one([0.4, 0.35, 0.25]), one([0.4, 0.35, 0.25]), one([0, 1, 0])]).labels().tolist() == [0]


def test_mean_of_values_is_never_worse_than_the_mean_error():
    rng = np.random.default_rng(1)
    y = rng.normal(size=200)
    parts = [Predictions(task="regression", values=y + rng.normal(scale=s, size=200)) for s in (0.5, 1.0, 2.0)]
    assert ((average(parts).values - y) ** 2).mean() <= np.mean([((p.values - y) ** 2).mean() for p in parts])


def test_weights_equal_the_reference_optimum_and_drop_a_guesser():
    from scipy.optimize import minimize

    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 600)
    parts = [_knowing(y, 2.0, 1), _knowing(y, 1.0, 2), _random(600, seed=3)]
    weights = fit_weights(parts, y)
    chosen = np.stack([p.proba[np.arange(600), y] for p in parts])

    def loss(z):
        w = np.exp(z) / np.exp(z).sum()
        return -np.log(w @ chosen).mean()

    reference = min((minimize(loss, rng.normal(size=3), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 20_000}) for _ in range(4)), key=lambda r: r.fun)
    best = np.exp(reference.x) / np.exp(reference.x).sum()
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all()
    assert -np.log(weights @ chosen).mean() <= reference.fun + 1e-9 and np.abs(weights - best).max() < 1e-3
    assert weights[2] < 0.05
    assert -np.log(weights @ chosen).mean() <= -np.log(np.full(3, 1 / 3) @ chosen).mean()


def test_weights_are_fitted_on_one_half_and_judged_on_the_other():
    from phasewise.worker.jobs.combine import crossed

    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 300)
    half = halves(y, "multiclass", None, 0)
    honest, other = _knowing(y, 1.5, 1), _knowing(y, 1.0, 2)
    learned_by_heart = honest.proba.copy()
    learned_by_heart[half] = np.eye(3)[y[half]] * 0.97 + 0.01  # right on half A, a guess on half B
    learned_by_heart[~half] = 1 / 3
    parts = [honest, other, Predictions(task="multiclass", classes=CLASSES, proba=learned_by_heart)]
    found = crossed("weighted", parts, y, half).proba
    weights = fit_weights([p.take(half) for p in parts], y[half])
    assert weights[2] > 0.9 and np.allclose(found[~half], average([p.take(~half) for p in parts], weights).proba)
    assert np.allclose(found[half], average([p.take(half) for p in parts], fit_weights([p.take(~half) for p in parts], y[~half])).proba)
    everywhere = average(parts, fit_weights(parts, y)).proba
    loss = lambda proba, at: -np.log(proba[at, y[at]]).mean()  # noqa: E731
    assert loss(found, ~half) > loss(everywhere, ~half) + 0.05, "what was fitted on its own rows would look better than it is"


def test_disagreement_and_halves():
    y = np.repeat([0, 1, 2], 100)
    parts = [_knowing(y, 9.0, 1), _knowing(y, 9.0, 2)]
    assert disagreement(parts) < 0.05 < disagreement([_random(seed=1), _random(seed=2)])
    half = halves(y, "multiclass", None, 0)
    assert half.sum() == 150 and all(45 <= half[y == c].sum() <= 55 for c in range(3))
    groups = np.repeat(np.arange(30), 10)
    by_group = halves(y, "multiclass", groups, 0)
    assert all(len(set(by_group[groups == g])) == 1 for g in range(30)) and by_group.sum() == 150


def _score(value: float, half: float, n: int = 400, metric: str = "accuracy") -> Score:
    return Score(metric=metric, value=value, low=value - half, high=value + half, n=n)


@pytest.mark.parametrize("z, wanted, verdict", [
    (0.5, 0.85, "confirmed"), (0.5, 0.95, "refuted"), (0.5, 0.9, "undecided"), (2.5, 0.85, "disagrees"), (-2.5, 0.85, "suspiciously_better"), (None, 0.85, "confirmed"), (0.0, None, "undecided"),
])
def test_verdict_table(z, wanted, verdict):
    found = verdicts.look(_score(0.9, 0.03), z=z, wanted=wanted)
    assert found.verdict == verdict


def test_verdicts_turn_round_for_errors_and_for_claims_against_a_baseline():
    assert verdicts.look(_score(5.0, 0.3, metric="rmse"), z=0.0, wanted=6.0).verdict == "confirmed"
    assert verdicts.look(_score(5.0, 0.3, metric="rmse"), z=0.0, wanted=4.0).verdict == "refuted"
    assert verdicts.look(_score(0.9, 0.03), z=0.0, wanted=None, difference=(0.02, 0.005, 0.035), margin=0.0, against="trees").verdict == "confirmed"
    assert verdicts.look(_score(0.9, 0.03), z=0.0, wanted=None, difference=(0.02, 0.005, 0.035), margin=0.01, against="trees").verdict == "undecided"
    needed = verdicts.look(_score(0.9, 0.03), z=0.0, wanted=0.89).reason
    assert "3200 more test rows" in needed


def test_luck_is_taken_off_and_z_has_the_direction_of_better():
    value, luck = verdicts.corrected(_score(0.9, 0.02), 50, 0.0)
    assert value == pytest.approx(0.9 - luck) and luck == pytest.approx(2.25 * 0.0102, rel=0.02)
    assert verdicts.corrected(_score(0.9, 0.02), 1)[1] == 0 and verdicts.corrected(_score(0.9, 0.02), 50, 0.9)[1] < luck
    assert verdicts.corrected(_score(5.0, 0.2, metric="rmse"), 50, 0.0)[0] > 5.0
    assert verdicts.gap_z("accuracy", 0.9, 0.01, 0.85, 0.01) > 3 and verdicts.gap_z("rmse", 5.0, 0.1, 6.0, 0.1) > 3
    assert verdicts.gap_z("accuracy", 0.9, 0.0, 0.85, 0.0) is None


@pytest.mark.parametrize("judged, drifted, reweighted, generation, loop", [
    (None, False, None, 1, "none"), (None, True, None, 1, "collect"), (_score(0.9, 0.02, n=60), False, None, 1, "collect"), (_score(0.89, 0.02), True, None, 1, "none"),
    (_score(0.8, 0.02), False, 0.81, 1, "reweigh"), (_score(0.8, 0.02), True, 0.9, 1, "new_sets"), (_score(0.8, 0.02), False, 0.9, 1, "new_sets"), (_score(0.8, 0.02), True, 0.9, 2, "rethink"), (_score(0.97, 0.01), True, None, 1, "none"),
])
def test_field_loop_table(judged, drifted, reweighted, generation, loop):
    found = verdicts.field_loop(judged=judged, reference=_score(0.9, 0.02), reweighted=reweighted, drifted=drifted, domain_auc=None, generation=generation)
    assert found.loop == loop and found.reason


def _slice_data(n: int = 4000, seed: int = 0):
    rng = np.random.default_rng(seed)
    columns = {"job": rng.choice(["x", "y", "z", "rare"], n, p=[0.4, 0.3, 0.2, 0.1]), "age": rng.normal(40, 10, n), "sex": rng.choice(["f", "m"], n)}
    y = rng.integers(0, 2, n)
    proba = np.where(rng.random(n) < 0.9, y, 1 - y) * 0.8 + 0.1
    return columns, y, Predictions(task="binary", classes=("no", "yes"), proba=np.stack([1 - proba, proba], 1))


def test_a_planted_slice_is_ranked_first():
    columns, y, said = _slice_data()
    bad = columns["job"] == "rare"
    y = np.where(bad & (np.random.default_rng(1).random(len(y)) < 0.4), 1 - y, y)
    for metric in ("accuracy", "log_loss"):
        rows = slices.find(metric, y, said, columns)
        assert rows[0].name == "job = rare" and rows[0].significant and rows[0].harm > 0.01
        assert rows[0].low <= rows[0].value <= rows[0].high


def test_no_slice_is_found_where_there_is_none():
    false = 0
    for seed in range(40):
        columns, y, said = _slice_data(1200, seed)
        false += any(r.significant for r in slices.find("accuracy", y, said, columns))
    assert false <= 4  # 5 % of 40 is 2; more than 4 has probability 0.05 under a true rate of 5 %


def test_ranking_slices_are_tested_by_their_own_ranking():
    false = 0
    for seed in range(30):
        columns, y, _ = _slice_data(1000, seed)
        p = 1 / (1 + np.exp(-(np.random.default_rng(seed).normal(size=len(y)) + 2 * (y - 0.5))))
        false += any(r.significant for r in slices.find("roc_auc", y, Predictions(task="binary", classes=("n", "y"), proba=np.stack([1 - p, p], 1)), columns))
    assert false <= 4
    columns, y, _ = _slice_data(4000, 1)
    noise = np.random.default_rng(1).normal(size=4000) * np.where(columns["job"] == "rare", 4.0, 1.0)
    p = 1 / (1 + np.exp(-(noise + 2 * (y - 0.5))))
    first = slices.find("roc_auc", y, Predictions(task="binary", classes=("n", "y"), proba=np.stack([1 - p, p], 1)), columns)[0]
    assert first.name == "job = rare" and first.significant and first.value < first.rest


def _errors(seed: int, rate: np.ndarray) -> tuple[np.ndarray, Predictions]:
    y = np.random.default_rng(seed).integers(0, 2, len(rate))
    wrong = np.random.default_rng(seed + 1).random(len(rate)) < rate
    said = np.where(wrong, 1 - y, y)
    return y, Predictions(task="binary", classes=("n", "y"), proba=np.eye(2)[said])


def test_a_whole_that_is_bad_only_by_one_of_its_parts_comes_after_it():
    """Craftsmen are nearly all men: their errors make men look bad; where men are worse all over, no part of them comes first."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        man = rng.random(6000) < 0.67
        craft = np.where(man, rng.random(6000) < 0.18, rng.random(6000) < 0.01)
        columns = {"sex": np.where(man, "m", "f").astype(object), "job": np.where(craft, "craft", rng.choice(["sales", "office", "care"], 6000)).astype(object)}
        y, said = _errors(seed, np.where(craft, 0.5, 0.13))
        assert slices.find("accuracy", y, said, columns)[0].name == "job = craft"
        y, said = _errors(seed, np.where(man, 0.3, 0.13))
        assert slices.find("accuracy", y, said, columns)[0].name == "sex = m"


def test_small_slices_are_left_out_and_hostile_values_are_safe():
    cuts = slices.column_cuts("c\x1b[31m", np.array(["ok"] * 100 + ["bad\x1b"] * 50 + ["few"] * 5, dtype=object))
    assert {c.mask.sum() for c in cuts} == {100, 50} and all("\x1b" not in c.name for c in cuts)
    numbers = slices.column_cuts("n", np.r_[np.arange(200.0), [np.nan] * 40])
    assert [c.name for c in numbers][-1] == "n is missing" and len(numbers) == 6


def test_gallery_is_the_order_of_losses():
    from phasewise.stats.scores import row_losses

    y = np.random.default_rng(0).integers(0, 3, 100)
    said = _knowing(y, 1.0, 4)
    order = np.argsort(row_losses("log_loss", y, said), kind="stable")
    picked = gallery.pick(y, said, count=5)
    assert picked["worst"].tolist() == order[::-1][:5].tolist() and picked["best"].tolist() == order[:5].tolist()
    again = gallery.rows(y, said, np.arange(100) + 7, lambda r: [f"row {r}"], count=3, seed=1)
    assert again["random"] == gallery.rows(y, said, np.arange(100) + 7, lambda r: [f"row {r}"], count=3, seed=1)["random"]
    assert again["worst"][0]["row"] == int(order[-1]) + 7


def test_importance_finds_the_columns_that_matter():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(800, 12))
    y = (x[:, 0] + 0.5 * x[:, 1] + rng.normal(scale=0.5, size=800) > 0).astype(int)

    def predict(matrix: np.ndarray) -> Predictions:
        p = 1 / (1 + np.exp(-3 * (matrix[:, 0] + 0.5 * matrix[:, 1])))
        return Predictions(task="binary", classes=("n", "y"), proba=np.stack([1 - p, p], 1))

    def shuffled(column: str, order: np.ndarray) -> Predictions:
        moved = x.copy()
        moved[:, int(column)] = moved[order, int(column)]
        return predict(moved)

    found = permutation_importance("roc_auc", y, predict(x), [str(i) for i in range(12)], shuffled)
    assert [f["column"] for f in found[:2]] == ["0", "1"] and [f["keep"] for f in found] == [True, True] + [False] * 10


def test_learning_curve_recovers_a_power_law():
    rng = np.random.default_rng(0)
    sizes = [50, 100, 200, 400, 800]
    points = [(n, 0.05 + 2.0 * n**-0.6 + rng.normal(scale=0.002)) for n in sizes for _ in range(3)]
    found = curve.learning_curve(points)
    truth = 0.05 + 2.0 * 1600**-0.6
    assert found["double_low"] - 0.003 <= truth <= found["double_high"] + 0.003 and found["gain_double"] > 0
    assert "note" in curve.learning_curve([(50, 0.2), (100, 0.1)]) and curve.sizes_for(1000) == [62, 125, 250, 500, 1000]


def test_threshold_is_cross_fitted():
    rng = np.random.default_rng(5)
    y = (rng.random(3000) < 0.1).astype(int)
    p = np.clip(0.15 * y + rng.beta(1, 9, 3000), 0, 1)
    said = Predictions(task="binary", classes=("n", "y"), proba=np.stack([1 - p, p], 1))
    found = threshold.choose("balanced_accuracy", y, said)
    assert found["threshold"] < 0.3 and found["gain"] > 0.1 and found["at_threshold"] > found["at_half"]
    noise = Predictions(task="binary", classes=("n", "y"), proba=_random(3000, 2).proba)
    assert abs(threshold.choose("balanced_accuracy", y, noise)["gain"]) < 0.03
    assert threshold.choose("rmse", y, Predictions(task="regression", values=p)) == {}


def test_mixes_are_weighted():
    y = np.r_[np.ones(50, int), np.zeros(50, int)]
    weights = priors.mix_weights(y, np.r_[np.ones(20, int), np.zeros(80, int)], "binary")
    assert np.average(y, weights=weights) == pytest.approx(0.2)
    values = np.linspace(0, 1, 100)
    assert np.average(values, weights=priors.mix_weights(values, np.full(30, 0.9), "regression")) > 0.85


def test_event_files_are_read_by_tensorboard(tmp_path):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    ticks = iter(range(100, 200))
    with_values = EventFile(tmp_path, clock=lambda: float(next(ticks)))
    for step in range(5):
        with_values.scalars(step, {"train/loss": 1 / (step + 1), "train/lr": None, "epoch/a b": math.nan})
    with_values.close()
    second = EventFile(tmp_path, clock=lambda: 100.0)
    second.close()
    assert second.path != with_values.path and masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF
    read = loader.EventAccumulator(str(with_values.path))
    read.Reload()
    assert set(read.Tags()["scalars"]) == {"train/loss", "epoch/a b"}
    third = EventFile(tmp_path, clock=lambda: 101.0)
    third.histogram(7, "weights/a", np.array([0.0, 1.0, 2.0, 30.0, math.nan]))
    third.histogram(8, "weights/a", [])
    third.close()
    shown = loader.EventAccumulator(str(third.path), size_guidance={"histograms": 0})
    shown.Reload()
    seen = shown.Histograms("weights/a")[0]
    value = seen.histogram_value
    assert (seen.step, value.min, value.max, value.num, value.sum, value.sum_squares) == (7, 0, 30, 4, 33, 905) and value.bucket[:2] == [2, 1] and sum(value.bucket) == 4
    assert [(e.step, round(e.value, 6)) for e in read.Scalars("train/loss")] == [(i, round(1 / (i + 1), 6)) for i in range(5)]


def test_stored_predictions_come_back_and_foreign_files_are_refused(tmp_path):
    said = _random(20)
    arrays.save(tmp_path, "m", rows=np.arange(20) * 3, y=np.zeros(20, int), predictions=said)
    held = arrays.load(tmp_path, "m")
    assert np.abs(held.predictions.proba - said.proba).max() < 1e-6 and held.predictions.classes == CLASSES
    assert held.at(np.array([57, 0])).predictions.proba[1] == pytest.approx(held.predictions.proba[0])
    (tmp_path / "x.npz").write_bytes(b"not a zip")
    with pytest.raises(arrays.RunError):
        arrays.load(tmp_path, "x")


def test_thresholds_equal_a_search_over_all_of_them_and_scores_are_cross_fitted():
    from phasewise.stats.scores import score
    from phasewise.worker import thresholds

    rng = np.random.default_rng(7)
    y = (rng.random(2000) < 0.08).astype(int)
    p = np.clip(rng.beta(1, 12, 2000) + 0.12 * y, 1e-6, 1 - 1e-6).round(3)
    said = Predictions(task="binary", classes=("n", "y"), proba=np.stack([1 - p, p], 1))
    for metric in thresholds.TUNED:
        found = thresholds.best_threshold(metric, y, p)
        every = max(score(metric, y, said, threshold=float(t)) for t in np.unique(p))
        assert score(metric, y, said, threshold=found) == pytest.approx(every)
        moved = thresholds.shifted(said, found)
        assert (moved.labels() == said.labels(found)).all()
        judged, chosen = thresholds.decided(metric, y, said)
        assert chosen == found and score(metric, y, said) + (0.005 if metric == "f1_weighted" else 0.1) < judged.value <= every + 1e-9
    luck = [thresholds.decided("f1_macro", y, Predictions(task="binary", classes=("n", "y"), proba=_random(2000, 2, seed=s).proba))[0].value for s in range(8)]
    assert abs(np.mean(luck) - 0.5) < 0.03
    assert thresholds.decided("accuracy", y, said)[1] is None


def test_the_foreseen_interval_holds_the_test_score_in_95_of_100_simulated_projects():
    rng = np.random.default_rng(0)
    truth, held, sealed, hits = 0.8, 600, 180, 0
    for _ in range(2000):
        seen = rng.binomial(held, truth)
        low, high = intervals.wilson(seen, held)
        validation = Score(metric="accuracy", value=seen / held, low=low, high=high, n=held)
        promised = promise.promised(validation, validation.value, sealed)
        hits += promised[0] <= rng.binomial(sealed, truth) / sealed <= promised[1]
    assert 0.93 <= hits / 2000 <= 0.97


def test_a_worse_test_is_explained_by_what_was_done_and_a_better_one_is_measured_without_the_correction():
    assert "over-used" in verdicts.look(_score(0.9, 0.03), z=2.5, wanted=0.85, cause=verdicts.cause_of("random", 40)).reason
    assert "only 4 times" in verdicts.look(_score(0.9, 0.03), z=2.5, wanted=0.85, cause=verdicts.cause_of("random", 4)).reason
    assert "moved on" in verdicts.look(_score(0.9, 0.03), z=2.5, wanted=0.85, cause=verdicts.cause_of("time", 4)).reason
    assert verdicts.look(_score(0.9, 0.03), z=-2.5, raw_z=-1.5, wanted=0.85).verdict == "confirmed"


def test_the_verdict_is_measured_by_the_interval_that_was_shown_before_the_look():
    span = (0.82, 0.91)
    inside = verdicts.look(_score(0.84, 0.03), z=2.3, wanted=0.85, promised=span)
    assert inside.verdict == "undecided" and "lies in the 0.82 to 0.91 expected before the look" in inside.reason
    below = verdicts.look(_score(0.81, 0.03), z=1.7, wanted=0.75, promised=span, cause="the data has moved on.")
    assert below.verdict == "disagrees" and "0.81 is worse than the 0.82 to 0.91 expected" in below.reason and "moved on" in below.reason
    above = verdicts.look(_score(0.93, 0.03), z=-2.4, raw_z=-1.9, wanted=0.85, promised=span)
    assert above.verdict == "confirmed" and "better than the 0.82 to 0.91" in above.reason
    assert verdicts.look(_score(0.93, 0.03), z=-2.9, raw_z=-2.4, wanted=0.85, promised=span).verdict == "suspiciously_better"
    later = verdicts.look(_score(0.93, 0.03), z=-2.9, raw_z=-2.4, wanted=0.85, promised=span, by_time=True)
    assert later.verdict == "confirmed" and "split by time" in later.reason, "an easier period is no sign of shared rows"
    assert verdicts.look(_score(6.1, 0.3, metric="rmse"), z=1.9, wanted=7.0, promised=(5.0, 6.0)).verdict == "disagrees"
    assert verdicts.look(_score(4.9, 0.3, metric="rmse"), z=-1.9, wanted=7.0, promised=(5.0, 6.0)).verdict == "confirmed"
