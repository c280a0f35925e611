"""Finder sweeps as one population: equal to sweeps alone, no trace in a later fit, a band, and a suggestion on real curves."""

import pytest
import torch

from phasewise.engine import Dataset, InputInfo, Member, find_lr, fit
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.suggest import own_rule, suggest
from phasewise.records.errors import BadInputError, UsageError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    num = torch.tensor((x - x.mean(0)) / (x.std(0) + 1e-6), dtype=torch.float32)
    return Dataset(inputs={"num": num}, y=torch.tensor(y), task="multiclass", classes=10), InputInfo(numbers=64, outputs=10)


def config(optimizer="adam", family="mlp", seed=0):
    return ModelConfig(network=NetworkSpec(family=family, hidden=[32]), train=TrainSpec(optimizer=optimizer, lr=1e-3, batch_size=64, epochs=2), seed=seed)


ROWS = torch.arange(1400)


def test_a_sweep_in_a_population_is_the_sweep_alone(digits):
    data, info = digits
    five = find_lr(config(), data, info, DenseNet, rows=ROWS, sweeps=4, points=60)
    for i in (0, 3):
        alone = find_lr(config(seed=i), data, info, DenseNet, rows=ROWS, sweeps=1, points=60)
        assert alone.sweeps[0].losses == five.sweeps[i].losses
    other = find_lr(config(), data, info, DenseNet, rows=ROWS, sweeps=2, points=60, plan_name="one")
    assert other.sweeps[1].losses[:20] == pytest.approx(five.sweeps[1].losses[:20], rel=1e-4)
    assert all(lo <= mid <= hi for lo, mid, hi in zip(five.low, five.losses, five.high, strict=True))


def test_values_that_are_not_finite_are_named_not_swept(digits):
    data, info = digits
    broken = data.inputs["num"].clone()
    broken[5, 3] = float("nan")
    with pytest.raises(BadInputError, match="NaN or infinite") as caught:
        find_lr(config(), Dataset(inputs={"num": broken}, y=data.y, task="multiclass", classes=10), info, DenseNet, rows=ROWS, sweeps=1, points=20)
    assert "Column 3" in caught.value.cause


@pytest.mark.parametrize("family", ["mlp", "one_hidden"])
def test_a_fit_after_the_finder_is_bitwise_the_fit_without_it(digits, family):
    data, info = digits

    def run(finder):
        torch.manual_seed(4)
        if finder:
            find_lr(config(family=family), data, info, DenseNet, rows=ROWS, sweeps=3, points=40)
        member = Member(id="m", config=config(family=family), seed=0, train=ROWS, validation=torch.arange(1400, 1797))
        return fit([member], data, info, DenseNet).members[0].state, torch.rand(4)

    (a, ra), (b, rb) = run(False), run(True)
    assert all(torch.equal(a[n], b[n]) for n in a) and torch.equal(ra, rb)


@pytest.mark.parametrize(("optimizer", "low", "high"), [("sgd", 0.025, 0.4), ("adam", 0.008, 0.13)])
def test_the_suggestion_on_digits_lies_in_the_known_range(digits, optimizer, low, high):
    data, info = digits
    curve = find_lr(config(optimizer), data, info, DenseNet, rows=ROWS, sweeps=5)
    rule = own_rule(curve)
    assert rule.steepest < rule.chosen < rule.lowest
    assert low < rule.lr < high
    assert all(v is None or v > 0 for v in suggest(curve).values()) and curve.stopped in ("", "diverged", "not finite", "diverged, not finite")


def test_refusals(digits):
    data, info = digits
    with pytest.raises(UsageError):
        find_lr(config(), data, info, DenseNet, rows=ROWS, sweeps=0)
    with pytest.raises(UsageError):
        find_lr(config(), data, info, DenseNet, rows=ROWS, lo=1.0, hi=0.1)
