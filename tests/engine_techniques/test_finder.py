"""LR finder (T01): formula, average, stop rule, and training after it bitwise as if it had never run."""

import math
import random

import numpy as np
import pytest
import torch
from torch import nn

from phasewise.engine import finder
from phasewise.records.errors import UsageError


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))


def batches(n: int = 12):
    generator = torch.Generator().manual_seed(3)
    return [(torch.randn(20, 6, generator=generator), torch.randint(0, 3, (20,), generator=generator)) for _ in range(n)]


def loss(model, batch):
    return nn.functional.cross_entropy(model(batch[0]), batch[1])


def optimiser(kind, model):
    return {
        "sgd": lambda: torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "adam": lambda: torch.optim.Adam(model.parameters(), lr=1e-3),
        "rmsprop": lambda: torch.optim.RMSprop(model.parameters(), lr=1e-3),
    }[kind]()


def train(model, opt, steps=15):
    model.train()
    for i in range(steps):
        opt.zero_grad()
        loss(model, batches()[i % 12]).backward()
        opt.step()
    return model.state_dict(), opt.state_dict(), torch.rand(3), np.random.rand(3), random.random()


@pytest.mark.parametrize("kind", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("warm", [False, True])
def test_training_after_the_finder_is_bitwise_the_training_without_it(kind, warm):
    def run(with_finder):
        model = net()
        opt = optimiser(kind, model)
        torch.manual_seed(11)
        np.random.seed(11)
        random.seed(11)
        if warm:
            train(model, opt, 5)
        own = torch.Generator().manual_seed(5)
        torch.rand(2, generator=own)
        if with_finder:
            def walk():
                for batch in batches():
                    torch.rand(1, generator=own), np.random.rand(), random.random()
                    yield batch

            sweep = finder.range_test(model, opt, loss, walk(), hi=100.0, points=60, generators=(own,))
            assert len(sweep.lrs) > 5
        out = train(model, opt)
        return (*out, torch.rand(2, generator=own))

    a, b = run(False), run(True)
    for name in a[0]:
        assert torch.equal(a[0][name], b[0][name]), name
    assert str(a[1]["param_groups"]) == str(b[1]["param_groups"])
    for i, state in a[1]["state"].items():
        for key, value in state.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(b[1]["state"][i][key]))
    assert torch.equal(a[2], b[2]) and np.array_equal(a[3], b[3]) and a[4] == b[4] and torch.equal(a[5], b[5])


def test_the_control_without_isolation_differs():
    def plain(model, opt):
        for group in opt.param_groups:
            group["lr"] = 1.0
        for batch in batches():
            opt.zero_grad()
            loss(model, batch).backward()
            opt.step()

    a, b = net(), net()
    plain(b, torch.optim.SGD(b.parameters(), lr=0.1))
    assert not torch.equal(a[0].weight, b[0].weight)


def test_rates_follow_the_formula_and_the_losses_are_those_before_each_step():
    model = net()
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    sweep = finder.range_test(model, opt, loss, batches(), lo=1e-4, hi=1e-1, points=10)
    assert sweep.lrs == pytest.approx([1e-4 * 1000 ** (i / 9) for i in range(10)], rel=1e-12)
    by_hand = net()
    torch.manual_seed(0)
    reference = net()
    # the same walk written out: loss first, then the step at that rate
    expected = []
    state = torch.get_rng_state()
    sweep2 = finder.range_test(by_hand, torch.optim.SGD(by_hand.parameters(), lr=0.1), loss, batches(), lo=1e-4, hi=1e-1, points=10)
    torch.set_rng_state(state)
    reference.train()
    for rate, batch in zip(sweep.lrs, batches(), strict=False):
        value = loss(reference, batch)
        expected.append(float(value.detach()))
        reference.zero_grad()
        value.backward()
        with torch.no_grad():
            for p in reference.parameters():
                p -= rate * p.grad
    assert sweep2.losses == pytest.approx(expected, abs=1e-6)
    average, smooth = 0.0, []
    for i, x in enumerate(expected):
        average = 0.98 * average + 0.02 * x
        smooth.append(average / (1 - 0.98 ** (i + 1)))
    assert sweep2.smooth == pytest.approx(smooth, abs=1e-6)


def test_stops_when_the_average_exceeds_four_times_its_best_or_the_loss_is_not_finite():
    weight = nn.Linear(1, 1, bias=False)
    opt = torch.optim.SGD(weight.parameters(), lr=1.0)
    x, y = torch.ones(4, 1), torch.zeros(4, 1)
    sweep = finder.range_test(weight, opt, lambda m, _: ((m(x) - y) ** 2).mean() + 1e-3, [0], hi=1e4, points=200)
    assert sweep.stopped == "diverged" and len(sweep.lrs) < 200
    best = min(sweep.smooth[:-1])
    assert sweep.smooth[-1] > 4 * best and all(s <= 4 * min(sweep.smooth[: i + 1]) for i, s in enumerate(sweep.smooth[:-1]))
    calls = iter([1.0, 1.0, math.nan])
    sweep = finder.range_test(weight, opt, lambda m, _: m.weight.sum() * 0 + next(calls), [0], points=10)
    assert sweep.stopped == "not finite" and len(sweep.lrs) == 2


def test_refusals_and_groups_keep_their_ratio():
    model = net()
    opt = torch.optim.SGD([{"params": model[0].parameters(), "lr": 0.01}, {"params": model[4].parameters(), "lr": 0.1}])
    seen = []
    finder.range_test(model, opt, lambda m, b: (seen.append([g["lr"] for g in opt.param_groups]), loss(m, b))[1], batches(), points=5)
    later = [s for s in seen[1:]]
    assert all(a / b == pytest.approx(0.1) for a, b in later)
    assert [g["lr"] for g in opt.param_groups] == [0.01, 0.1]
    torch.optim.lr_scheduler.StepLR(opt, 1)
    with pytest.raises(UsageError):
        finder.range_test(model, opt, loss, batches())
    for lo, hi, points in [(0, 1, 10), (1, 1, 10), (-1, 1, 5), (1e-3, math.inf, 5), (1e-3, 1, 1)]:
        with pytest.raises(UsageError):
            finder.grid(lo, hi, points)
    assert finder.grid(1.0, 3.0, 3, "linear") == [1.0, 2.0, 3.0]


def test_several_sweeps_merge_into_median_and_band():
    sweeps = [finder.Sweep(lrs=[1, 2, 3], losses=[a, a + 1, a + 2], smooth=[], stopped="") for a in (1.0, 2.0, 5.0)]
    sweeps.append(finder.Sweep(lrs=[1], losses=[3.0], smooth=[], stopped="diverged"))
    curve = finder.merge(sweeps)
    assert curve.losses == [2.5, 3.0, 4.0] and curve.low == [1.0, 2.0, 3.0] and curve.high == [5.0, 6.0, 7.0]
    assert curve.stopped == "diverged"
