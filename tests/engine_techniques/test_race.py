"""The race of learning rates: the winner by its rule, bitwise isolation, and an effect with its control."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer

from phasewise.engine import Dataset, InputInfo, Member, fit
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.race import EDGE, FACTORS, race, winner
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec


def cancer():
    """Data, shape and a config that trains with plain SGD."""
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    data = Dataset(inputs={"num": torch.tensor(x, dtype=torch.float32)}, y=torch.tensor(y), task="binary", classes=2)
    config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[16]), train=TrainSpec(optimizer="sgd", momentum=0.0, batch_size=64, epochs=15, schedule="one_cycle"))
    return data, InputInfo(numbers=x.shape[1], outputs=1), config


def trained(data, info, config, lrs):
    """Training loss at the end of a whole training at constant rates, mean of two seeds that no race has seen."""
    rows = torch.arange(data.rows)
    members = [
        Member(id=f"{i}-{s}", seed=s, train=rows, validation=rows, config=config.model_copy(update={"train": config.train.model_copy(update={"lr": lr, "schedule": "constant"})}))
        for i, lr in enumerate(lrs) for s in range(2)
    ]
    done = fit(members, data, info, DenseNet, watch=False).members
    return np.array([m.curves["objective"][-1] for m in done]).reshape(len(lrs), 2).mean(1)


@pytest.mark.parametrize(
    ("losses", "best", "lowered"),
    [([3, 2, 1, 2, 3], 2, False), ([3, 2, 1, math.inf, math.inf], 2, True), ([3, 2, 1, 500, math.inf], 2, True), ([3, 2, 1, 0.5, 0.4], 4, False), ([math.inf, math.inf, 0.4, math.inf, 1], 2, True)],
)
def test_the_winner_is_the_lowest_and_keeps_away_from_a_breakdown(losses, best, lowered):
    rates = [0.1 * 2**i for i in range(5)]
    assert winner(rates, losses) == pytest.approx(rates[best] / (EDGE if lowered else 1))


def test_no_winner_where_every_rate_broke_down():
    assert winner([0.1, 0.2], [math.inf, math.inf]) is None


def test_a_rate_far_too_low_is_found_out_and_one_far_too_high_is_left():
    data, info, config = cancer()
    rows = torch.arange(data.rows)
    low, high = race(config, data, info, DenseNet, lr=0.01, rows=rows), race(config, data, info, DenseNet, lr=300.0, rows=rows)
    assert low.rates == pytest.approx([0.01 * f for f in FACTORS]) and low.lr >= 0.04
    assert high.lr is None or high.lr <= 300.0
    at_start, at_race = trained(data, info, config, [0.01, low.lr])
    assert at_race < 0.7 * at_start, "the rate of the race trains better than the one it set out from"


def test_a_training_after_a_race_is_bitwise_the_training_without_it():
    data, info, config = cancer()
    torch.manual_seed(3)
    without = trained(data, info, config, [0.05])
    state = torch.random.get_rng_state()
    before = config.model_dump_json()
    race(config, data, info, DenseNet, lr=0.05, rows=torch.arange(data.rows))
    assert torch.equal(torch.random.get_rng_state(), state) and config.model_dump_json() == before
    assert trained(data, info, config, [0.05]) == without


@pytest.mark.parametrize("lr", [0.0, -1.0, math.inf, math.nan])
def test_a_rate_that_is_not_positive_is_refused(lr):
    data, info, config = cancer()
    with pytest.raises(UsageError):
        race(config, data, info, DenseNet, lr=lr, rows=torch.arange(data.rows))
