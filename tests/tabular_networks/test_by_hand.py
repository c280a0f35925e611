"""RealMLP's body and the periodic embedding by hand: the plain modules' own numbers, gradients, random draws and evaluation."""

import copy

import pytest
import torch
from tests.tabular_networks.helpers import seen
from torch import nn

from phasewise.engine import InputInfo
from phasewise.kinds.tabular import networks
from phasewise.kinds.tabular.networks.dropout import byte_mask, fill_mask
from phasewise.kinds.tabular.networks.embeddings import Periodic
from phasewise.records.models import NetworkSpec

NUM = torch.randn(70, 9, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def network(activation: str, dropout: float) -> nn.Module:
    """A RealMLP in float64 whose parameters are no longer where they start."""
    torch.manual_seed(0)
    spec = NetworkSpec(family="realmlp", hidden=[24, 20, 16], dropout=[dropout] * 3, activation=activation, numeric_embedding="periodic")
    net = networks.build(spec, InputInfo(numbers=9, outputs=3, stats=networks.statistics(NUM))).double()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return net


@pytest.mark.parametrize("activation", ["selu", "mish"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_hand_written_realmlp_is_that_of_the_modules(activation, dropout):
    net = network(activation, dropout)
    plain = copy.deepcopy(net)
    calls: list[int] = []
    plain.body[0].register_forward_hook(lambda *_: calls.append(1))
    want = seen(plain, NUM)
    assert calls
    for name, value in seen(net, NUM).items():
        assert torch.allclose(value, want[name], rtol=1e-10, atol=1e-12), name
    seen(net, NUM[:11])
    assert all(torch.equal(value, seen(net, NUM)[name]) for name, value in seen(net, NUM).items())


def test_another_activation_is_left_to_the_modules():
    net = network("mish", 0.0)
    net.activation, calls = "tanh", []
    net.body[0].register_forward_hook(lambda *_: calls.append(1))
    net({"num": NUM})
    assert calls


def test_rows_that_want_gradients_of_their_own_get_the_modules_embedding():
    torch.manual_seed(0)
    embedding = Periodic(9).double()
    found = []
    for asks in (False, True):
        embedding.zero_grad()
        x = NUM.clone().requires_grad_(asks)
        out = embedding(x)
        (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)).sum().backward()
        found.append([out.detach(), *(p.grad for p in embedding.parameters())])
        assert (x.grad is not None) == asks
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(*found, strict=True))


def test_an_output_is_not_written_over_by_the_next_batch():
    embedding = Periodic(9).double()
    with torch.no_grad():
        first = embedding(NUM)
        kept = first.clone()
        embedding(NUM + 1)
    assert torch.equal(first, kept)


def test_a_float_mask_is_the_bool_mask_scaled():
    torch.manual_seed(1)
    keep, scale = byte_mask(torch.Size((31, 7)), 0.3, torch.device("cpu"))
    torch.manual_seed(1)
    mask = torch.empty(31, 7)
    assert fill_mask(mask, 0.3) == scale and torch.equal(mask, keep * torch.tensor(scale))
