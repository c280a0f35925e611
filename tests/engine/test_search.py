"""Sampling of configurations (T19-T23, R17)."""


import numpy as np
import pytest

from phasewise.engine import search
from phasewise.kinds.tabular.recipe import RECIPE
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, NetworkSpec

SPACE = RECIPE.space("mlp", "regression")


def test_batch_sizes_come_by_weight():
    space = {"train.batch_size": SPACE["train.batch_size"]}
    drawn = [d["train.batch_size"] for d in search.sample(space, 10_000, 0)]
    share = np.array([drawn.count(b) for b in (64, 128, 256, 512, 1024)]) / 10_000
    expected = np.array([1, 1, 1, 1, 0.1]) / 4.1
    assert (np.abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / 10_000)).all()


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_rates_are_log_uniform_and_seeds_repeat(method):
    space = SPACE
    low, high = np.log10([space["train.lr"]["lo"], space["train.lr"]["hi"]])
    a, b = (search.sample(space, 512, 7, method) for _ in range(2))
    assert a == b != search.sample(space, 512, 8, method)
    logs = np.log10([d["train.lr"] for d in a])
    assert low <= logs.min() and logs.max() <= high
    counts = np.histogram(logs, bins=4, range=(low, high))[0]
    assert np.abs(counts - 128).max() < 45
    assert all(len(d["network.dropout"]) == len(d["network.hidden"]) for d in a)
    assert not any("beta" in name or "eps" in name for name in space)


def test_diffs_apply_to_a_config():
    base = ModelConfig(network=NetworkSpec(family="mlp"))
    for config in search.configs(base, SPACE, 20, 0):
        assert set(config.network.hidden) <= set(SPACE["network.hidden"]["widths"]) and len(config.network.dropout) == len(config.network.hidden)


def test_random_beats_a_grid_with_a_useless_axis():
    wins = 0
    for seed in range(200):
        best = np.random.default_rng(seed).random()
        loss = lambda x, best=best: (x - best) ** 2  # noqa: E731
        grid = min(loss((i + 0.5) / 5) for i in range(5))
        tried = search.sample({"a": {"kind": "uniform", "lo": 0, "hi": 1}, "b": {"kind": "uniform", "lo": 0, "hi": 1}}, 25, seed)
        wins += min(loss(t["a"]) for t in tried) < grid
    assert wins > 160


def test_moves_change_one_thing_and_replay():
    moves = dict(search.moves([512, 8, 512]))
    assert moves["double layer 2"] == [512, 16, 512] and moves["remove layer 2"] == [512, 512]
    assert moves["shift a quarter of layer 1 to layer 2"] == [384, 136, 512] and moves["halve layer 2"] == [512, 4, 512]
    assert sum(moves["shift a quarter of layer 3 to layer 1"]) == 1032
    assert all(min(h) >= search.SMALL_LAYER and len(h) <= search.MOST_LAYERS for _, h in search.moves([4, 4, 4, 4, 4, 4]))


def test_sequential_and_bad_ranges():
    space = {"train.lr": {"kind": "log", "lo": 1e-4, "hi": 1e-2}, "train.batch_size": {"kind": "choice", "values": [64, 128]}}
    tried = search.sequential({"train.batch_size": 64}, space, "train.lr", 4)
    assert [t["train.batch_size"] for t in tried] == [64] * 4 and len({t["train.lr"] for t in tried}) == 4
    assert [t["train.batch_size"] for t in search.sequential({"train.lr": 1e-3}, space, "train.batch_size", 9)] == [64, 128]
    for bad in ({"kind": "log", "lo": 0, "hi": 1}, {"kind": "uniform", "lo": 2, "hi": 1}, {"kind": "odd"}):
        with pytest.raises(UsageError):
            search.sample({"x": bad}, 1, 0)
