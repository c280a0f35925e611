"""Losses (A04-A09): equal to scikit-learn and torch, stable, and a wrong gradient is refused."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, mean_squared_error
from torch.nn import functional

from phasewise.engine import losses
from phasewise.records.errors import UsageError

torch.manual_seed(0)
OUT, Y = torch.randn(50, 4), torch.randint(0, 4, (50,))
ONE, YB, YR = torch.randn(50, 1), torch.randint(0, 2, (50,)), torch.randn(50)


def test_equal_to_scikit_learn():
    assert float(losses.make("auto", "multiclass")(OUT, Y)) == pytest.approx(log_loss(Y, OUT.double().softmax(1)), abs=1e-6)
    assert float(losses.make("auto", "binary")(ONE, YB)) == pytest.approx(log_loss(YB, torch.sigmoid(ONE[:, 0].double())), abs=1e-6)
    assert float(losses.make("auto", "regression")(ONE, YR)) == pytest.approx(mean_squared_error(YR, ONE[:, 0]), abs=1e-6)


def test_equal_to_torch():
    w = torch.tensor([1.0, 2.0, 0.5, 3.0])
    got = losses.make("cross_entropy", "multiclass", smoothing=0.1)(OUT, Y)
    assert torch.allclose(got, functional.cross_entropy(OUT, Y, label_smoothing=0.1))
    got = losses.make("cross_entropy", "multiclass", class_weights=w)(OUT, Y)
    assert torch.allclose(got, functional.cross_entropy(OUT, Y, weight=w))
    assert torch.allclose(losses.make("huber", "regression", options={"delta": 0.5})(ONE, YR), functional.huber_loss(ONE[:, 0], YR, delta=0.5))
    assert torch.allclose(losses.make("l1", "regression")(ONE, YR), functional.l1_loss(ONE[:, 0], YR))
    p = torch.sigmoid(ONE[:, 0])
    focal = torch.where(YB == 1, -0.25 * (1 - p) ** 2 * p.log(), -0.75 * p**2 * (1 - p).log()).mean()
    assert torch.allclose(losses.make("focal", "binary", options={"alpha": 0.25})(ONE, YB), focal, atol=1e-6)
    p = OUT.softmax(1)[torch.arange(50), Y]
    assert torch.allclose(losses.make("focal", "multiclass")(OUT, Y), (-((1 - p) ** 2) * p.log()).mean(), atol=1e-6)
    assert torch.allclose(losses.make("focal", "multiclass", options={"gamma": 0})(OUT, Y), functional.cross_entropy(OUT, Y))


def test_members_of_one_network_each_count():
    many = torch.randn(50, 3, 4)
    want = torch.stack([functional.cross_entropy(many[:, i], Y) for i in range(3)]).mean()
    assert torch.allclose(losses.make("auto", "multiclass")(many, Y), want)


def test_logits_of_200_are_finite_and_the_untrained_value_is_known():
    for z in (-200.0, 200.0):
        assert math.isfinite(float(losses.make("bce", "binary")(torch.full((4, 1), z), torch.tensor([0, 1, 0, 1]))))
    assert losses.start_value("auto", "binary", 2) == pytest.approx(0.6931, abs=1e-4)
    assert losses.start_value("auto", "multiclass", 10) == pytest.approx(2.3026, abs=1e-4)
    assert losses.start_value("l1", "regression", 0) is None


def test_broadcasting_trap_and_wrong_kinds_are_refused():
    loss = losses.make("mse", "regression")
    with pytest.raises(ValueError):
        loss(ONE, YR.unsqueeze(1))
    with pytest.raises(ValueError):
        loss(ONE[:, 0], YR)
    with pytest.raises(ValueError):
        loss(OUT, YR)
    for name, task in (("mse", "binary"), ("cross_entropy", "regression"), ("nonsense", "binary"), ("os:nothing_here", "binary")):
        with pytest.raises(UsageError):
            losses.make(name, task)


def test_class_weights():
    counts = torch.tensor([90, 10])
    assert losses.weights("balanced", counts).tolist() == pytest.approx([100 / 180, 5.0])
    assert losses.weights("none", counts) is None
    beta = 0.999
    raw = np.array([(1 - beta) / (1 - beta**90), (1 - beta) / (1 - beta**10)])
    assert losses.weights("effective", counts).tolist() == pytest.approx(list(raw / raw.mean()), rel=1e-5)
    assert losses.weights("balanced", torch.tensor([5, 0, 5]))[1] == 0


def test_a_custom_loss_with_a_wrong_gradient_is_not_admitted():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x**2).sum()

        @staticmethod
        def backward(ctx, g):
            return g * 3 * ctx.saved_tensors[0]

    with pytest.raises(UsageError, match="not admitted"):
        losses.custom(lambda o, y: Wrong.apply(o), task="regression")
    with pytest.raises(UsageError):
        losses.custom(lambda o, y: (o.detach()[:, 0] - y).pow(2).mean(), task="regression")
    good = losses.custom(lambda o, y: torch.cosh(o[:, 0] - y).log(), task="regression")
    assert torch.allclose(good(ONE, YR), torch.cosh(ONE[:, 0] - YR).log().mean())
    scalar = losses.custom(lambda o, y: functional.cross_entropy(o, y), task="multiclass")
    assert torch.allclose(scalar(OUT[:, :3], Y % 3), functional.cross_entropy(OUT[:, :3], Y % 3))


def test_loss_weights_tuned_or_learned_rescue_the_small_target():
    """A09: two targets of scales 1 and 1000; equal weights leave the small one unfitted, weighted and learned sums fit both."""

    def run(combine, extra=()):
        torch.manual_seed(1)
        x = torch.randn(256, 5)
        a, b = x @ torch.randn(5), 1000 * (x @ torch.randn(5))
        w = torch.zeros(5, 2, requires_grad=True)
        opt = torch.optim.Adam([{"params": [w], "lr": 0.05}, {"params": list(extra), "lr": 0.2}] if extra else [w], lr=0.05)
        scale = torch.tensor([1.0, 1000.0])
        for _ in range(1500):
            opt.zero_grad()
            out = (x @ w) * scale
            shared = out + 0.002 * scale * out.mean(dim=1, keepdim=True)  # one trunk: the big loss drags the small one
            total = combine({"a": ((shared[:, 0] - a) ** 2).mean(), "b": ((shared[:, 1] - b) ** 2).mean()})
            total.backward()
            opt.step()
        return float(((shared[:, 0] - a) ** 2).mean().detach() / a.var())

    equal = run(losses.WeightedSum())
    tuned = run(losses.WeightedSum(weights={"a": 1.0, "b": 1e-6}))
    learned_sum = losses.LearnedSum(["a", "b"])
    learned = run(learned_sum, tuple(learned_sum.parameters()))
    assert tuned < 0.05 and tuned < equal and learned < equal
