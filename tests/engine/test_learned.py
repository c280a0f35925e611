"""The search that learns: its Gaussian process beside scikit-learn's, its ranks, its proposals against chance (T22)."""

import math

import numpy as np
import pytest

from phasewise.engine import halving, learned, search
from phasewise.kinds.tabular.recipe import RECIPE

SPACE = RECIPE.space("mlp", "binary", expert=True)


def surrogate(seed: int = 0, n: int = 20, d: int = 4) -> learned.Surrogate:
    source = np.random.default_rng(seed)
    points = source.random((n, d))
    return learned.Surrogate(points=points, targets=np.sin(5 * points[:, 0]) + source.normal(0, 0.1, n), scales=np.log([0.3, 1.0, 2.0, 0.7]), amplitude=math.log(1.7), noise=math.log(0.02))


def test_the_process_equals_the_reference():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern

    ours, q = surrogate(), np.random.default_rng(1).random((50, 4))
    theirs = GaussianProcessRegressor(ConstantKernel(1.7) * Matern(np.exp(ours.scales), nu=2.5), alpha=0.02, optimizer=None).fit(ours.points, ours.targets)
    mean, sd = theirs.predict(q, return_std=True)
    got, shared = ours.posterior(q)
    assert np.abs(got - mean).max() < 1e-10 and np.abs(np.sqrt(1.7 - (shared**2).sum(0)) - sd).max() < 1e-10
    assert ours.log_likelihood() == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-10)


def test_expected_improvement_is_its_integral():
    from scipy.integrate import quad
    from scipy.stats import norm

    for mean, sd, best in ((0.0, 1.0, 0.3), (1.0, 0.2, 0.5), (-2.0, 3.0, 0.0)):
        whole = quad(lambda f, m=mean, s=sd, b=best: (b - f) * norm.pdf(f, m, s), mean - 12 * sd, best, epsabs=1e-13)[0]
        assert float(learned.expected_improvement(np.array(mean), np.array(sd), best)) == pytest.approx(whole, abs=1e-9)


def test_the_fit_finds_which_setting_matters():
    source = np.random.default_rng(0)
    points = source.random((40, 3))
    model = learned.fitted(points, np.sin(6 * points[:, 1]))
    assert model.scales.argmin() == 1 and model.scales[[0, 2]].min() > model.scales[1] + 1


def test_settled_points_keep_their_config_and_stand_for_all_of_it():
    cube = search.points(300, search.dimensions(SPACE), 0)
    moved = search.settled(SPACE, cube)
    assert search.decoded(SPACE, moved) == search.decoded(SPACE, cube) and np.array_equal(search.settled(SPACE, moved), moved)
    shape = {"network.hidden": SPACE["network.hidden"], "train.batch_size": SPACE["train.batch_size"]}
    same = search.points(400, search.dimensions(shape), 1)
    held: dict[str, np.ndarray] = {}
    for diff, row in zip(search.decoded(shape, same), search.settled(shape, same), strict=True):
        assert np.array_equal(held.setdefault(str(diff), row), row)
    whole = {"x": {"kind": "int", "lo": 2, "hi": 4}}
    assert np.unique(search.settled(whole, np.linspace(0, 1, 50)[:, None])).tolist() == pytest.approx([1 / 6, 1 / 2, 5 / 6])


def test_the_ends_of_a_range_are_its_bounds():
    space = {"lr": {"kind": "log", "lo": 1e-4, "hi": 5e-3}, "p": {"kind": "uniform", "lo": 0.1, "hi": 0.3}, "n": {"kind": "int", "lo": 2, "hi": 5}}
    low, high = search.decoded(space, np.array([[0.0] * 3, [1.0] * 3]))
    assert low == pytest.approx({"lr": 1e-4, "p": 0.1, "n": 2}) and high == pytest.approx({"lr": 5e-3, "p": 0.3, "n": 5})
    assert all(low[n] >= space[n]["lo"] and high[n] <= space[n]["hi"] for n in space)


def test_proposals_repeat_with_their_seed_are_in_the_cube_and_never_the_same_config_twice():
    cube = search.points(20, search.dimensions(SPACE), 3)
    settle = lambda rows: search.settled(SPACE, rows)  # noqa: E731
    a, b = (learned.propose(cube, list(range(20)), 12, 5, settle) for _ in range(2))
    assert np.array_equal(a, b) and a.shape == (12, cube.shape[1]) and 0 <= a.min() and a.max() <= 1
    assert len(np.unique(np.concatenate([settle(cube), a]), axis=0)) == 32
    few = {"x": {"kind": "choice", "values": [1, 2, 3]}}
    seen = np.array([[0.1], [0.9]])
    assert len(learned.propose(seen, [0, 1], 4, 0, lambda rows: search.settled(few, rows))) == 4  # more asked for than there is


def test_ranks_go_by_the_first_rung_and_those_that_went_on_change_places_among_themselves():
    reached = [[0.5], [0.4, 0.9], [0.3, 0.8, 0.7], [0.2], [0.1, 0.85, 0.6], [math.nan], []]
    assert halving.ranked(reached) == [4, 3, 2, 1, 0, 5, 6]
    assert halving.ranked([[1.0, math.nan], [2.0, 5.0]]) == [1, 0] and halving.ranked([]) == []


def test_generations_and_what_halving_keeps_of_them():
    assert [halving.generations(n) for n in (4, 12, 32, 48, 64)] == [[4], [6, 6], [11, 11, 10], [16] * 3, [16] * 4]
    assert all(sum(halving.generations(n)) == n for n in range(1, 200))
    first, later = halving.opening(11, 9), halving.following(11, 9)
    assert (first.rungs, first.keep) == ((1, 5), (5, 3)) and (later.rungs, later.keep) == ((1,), (5,))
    assert halving.opening(6, 2) == halving.following(6, 2) == halving.Halving(rungs=(), keep=())
    for epochs in range(3, 200):
        early, late = halving.marks(epochs)
        assert 1 <= early < late < epochs
    for size in range(2, 40):
        assert 1 <= halving.opening(size, 9).keep[1] <= halving.opening(size, 9).keep[0] <= size and 1 <= halving.following(size, 9).keep[0] <= size


def misled(seed: int, seen: int | None = None, count: int = 30) -> float:
    """A search in generations as the app has them, on a rate whose early best (1.0) is not the last one (0.6): the best value at the end; of each trial `seen` values are learned from."""
    source, epochs = np.random.default_rng(seed + 5), 9
    value = lambda x, e: (x[:, 0] - 0.6 - 0.4 * (epochs / e - 1) / (epochs - 1)) ** 2 + 0.2 * x[:, 1] - 0.1 * e + source.normal(0, 0.01, len(x))  # noqa: E731
    cube, reached = np.zeros((0, 3)), []
    for number, size in enumerate(halving.generations(count)):
        fresh = learned.propose(cube, halving.ranked([r[:seen] for r in reached]), size, seed + number) if number else search.points(size, 3, seed)
        cube, rule, alive = np.concatenate([cube, fresh]), halving.following(size, epochs) if number else halving.opening(size, epochs), np.arange(size)
        got: list[list[float]] = [[] for _ in fresh]
        for mark in (*halving.marks(epochs), epochs):
            values = dict(zip(alive.tolist(), value(fresh[alive], mark).tolist(), strict=True))
            for i, v in values.items():
                got[i].append(v)
            alive = np.array(sorted(int(i) for i in halving.survivors({str(i): v for i, v in values.items()}, rule, mark)))
        reached += got
    return min(r[2] for r in reached if len(r) == 3) + 0.1 * epochs


def test_a_setting_that_only_leads_early_does_not_keep_the_lead():
    whole, first_looks = ([misled(s, seen) for s in range(24)] for seen in (None, 1))
    assert np.median(whole) < 0.75 * np.median(first_looks)
    assert sum(a < b for a, b in zip(whole, first_looks, strict=True)) > 2 * sum(a > b for a, b in zip(whole, first_looks, strict=True))


def best_of(seed: int, kind: str, count: int = 32) -> float:
    """The lowest loss over `count` trials on five settings of which two matter, the optimum near an edge; `shuffled` learns from ranks without meaning."""
    source = np.random.default_rng(seed + 7919)  # not the stream the points are drawn from
    at = source.random(2) * 0.3
    loss = lambda x: ((x[:, :2] - at) ** 2 @ [1.0, 2.0]) + 0.02 * x[:, 2]  # noqa: E731
    cube = search.points(count if kind == "random" else count // 2, 5, seed)
    if kind != "random":
        order = np.argsort(loss(cube)) if kind == "learned" else source.permutation(len(cube))
        cube = np.concatenate([cube, learned.propose(cube, order.tolist(), count - len(cube), seed)])
    return float(loss(cube).min())


def test_learning_beats_chance_and_its_control_does_not():
    found = {kind: np.array([best_of(s, kind) for s in range(24)]) for kind in ("random", "learned", "shuffled")}
    won = {kind: int((found[kind] < found["random"]).sum()) - int((found[kind] > found["random"]).sum()) for kind in ("learned", "shuffled")}
    assert won["learned"] >= 12 and won["shuffled"] <= 4
    assert np.median(found["learned"]) < 0.75 * np.median(found["random"])
