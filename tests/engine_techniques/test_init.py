"""Initialisation menu (T26, T28): spreads by formula, activations that live through 20 layers, and the seed's misprint that does not."""

import math

import pytest
import torch
from torch import nn

from phasewise.engine import init
from phasewise.records.errors import UsageError


@pytest.mark.parametrize(
    ("name", "reference"),
    [("he_normal", lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu")), ("he_uniform", lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu")),
     ("xavier_normal", nn.init.xavier_normal_), ("xavier_uniform", nn.init.xavier_uniform_)],
)
@pytest.mark.parametrize("shape", [(128, 300), (64, 16, 3, 3)])
def test_spread_equals_torch_within_three_standard_errors(name, reference, shape):
    torch.manual_seed(0)
    ours, theirs = torch.empty(shape), torch.empty(shape)
    init.fill(ours, name)
    reference(theirs)
    error = float(theirs.std()) / math.sqrt(2 * ours.numel())
    assert abs(float(ours.std()) - float(theirs.std())) < 3 * math.sqrt(2) * error
    assert abs(float(ours.mean())) < 4 * float(theirs.std()) / math.sqrt(ours.numel())
    assert (float(ours.abs().max()) < 2 * float(ours.std())) == name.endswith("uniform")


def test_orthogonal_and_torch_and_unknown():
    w = torch.empty(32, 32)
    init.fill(w, "orthogonal")
    assert torch.allclose(w @ w.t() / 2, torch.eye(32), atol=1e-5)
    before = w.clone()
    init.fill(w, "torch")
    assert torch.equal(w, before)
    with pytest.raises(UsageError):
        init.fill(w, "magic")
    # torch's default for Linear is 1/sqrt(3 fan_in), NOT He
    assert float(nn.Linear(300, 400).weight.detach().std()) == pytest.approx(1 / math.sqrt(3 * 300), rel=0.02)
    assert init.he_std(300) == pytest.approx(math.sqrt(2 / 300)) and init.he_std(300, 1.0) == pytest.approx(math.sqrt(1 / 300))


def second_moment(make, layers=20, width=256):
    torch.manual_seed(0)
    x = torch.randn(512, width, dtype=torch.float64)
    for i in range(layers):
        w = torch.empty(width, width, dtype=torch.float64)
        make(w, i + 1)
        x = torch.relu(x @ w.t())
    return float((x**2).mean())


def test_he_keeps_the_second_moment_and_the_literal_formula_of_the_seed_does_not():
    assert 0.3 < second_moment(lambda w, i: init.fill(w, "he_normal")) < 3
    assert second_moment(lambda w, i: init.fill(w, "xavier_normal")) < 1e-4
    assert second_moment(lambda w, i: w.normal_(0, 0.01)) < 1e-30
    literal = lambda w, layer: w.normal_(0, math.sqrt(2 / (layer - 1)) if layer > 1 else 1.0)  # noqa: E731  (M02: l is the layer number)
    assert second_moment(literal) > 1e20
    with pytest.raises(ZeroDivisionError):
        math.sqrt(2 / (1 - 1))


def test_whole_modules_biases_zero_head_small_tables_and_last_norms():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(50, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 300))
    body.table = nn.Embedding(500, 20)
    init.initialise(body, "he_normal")
    assert float(body[0].weight.detach().std()) == pytest.approx(math.sqrt(2 / 50), rel=0.03)
    assert float(body[4].weight.detach().std()) == pytest.approx(0.1 / math.sqrt(400), rel=0.03)
    assert float(body.table.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
    assert all(float(m.bias.abs().max()) == 0 for m in body if isinstance(m, nn.Linear))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn1, self.bn2 = nn.BatchNorm1d(4), nn.BatchNorm1d(4)

    net = nn.Sequential(Block(), Block(), nn.Linear(4, 2))
    init.initialise(net, "torch", zero_last_norm=True)
    assert all(float(b.bn2.weight.abs().max()) == 0 and float(b.bn1.weight.min()) == 1 for b in net[:2])
