"""TabM by hand: the modules' own numbers, gradients, random draws and evaluation; steps aside where somebody looks in between."""

import copy

import pytest
import torch
from tests.tabular_networks.helpers import seen
from torch import nn

from phasewise.engine import InputInfo, losses
from phasewise.kinds.tabular import networks
from phasewise.kinds.tabular.networks import ensemble
from phasewise.kinds.tabular.networks.tabm import combine
from phasewise.records.models import NetworkSpec

NUM = torch.randn(90, 11, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def network(*, dropout: float, plain: bool, hidden: tuple[int, ...] = (32, 24, 16), outputs: int = 3) -> nn.Module:
    """A TabM of five members in float64 whose adapters are no longer ones."""
    torch.manual_seed(0)
    spec = NetworkSpec(family="tabm", hidden=list(hidden), members=5, dropout=[dropout] * len(hidden), options={"plain_numbers": True} if plain else {})
    net = networks.build(spec, InputInfo(numbers=11, outputs=outputs, stats=networks.statistics(NUM))).double()
    with torch.no_grad():
        for layer in net.layers:
            layer.s.normal_()
            layer.r.normal_()
    return net


def by_modules(net: nn.Module) -> nn.Module:
    """A copy that somebody listens to: the plain modules run."""
    heard = copy.deepcopy(net)
    heard.drops[0].register_forward_hook(lambda *_: None)
    return heard


@pytest.mark.parametrize("block", [ensemble.BLOCK, 1000, 1], ids=["one-block", "few-members", "one-member"])
@pytest.mark.parametrize(("dropout", "plain"), [(0.0, True), (0.0, False), (0.3, False)])
def test_the_hand_written_step_is_that_of_the_modules(monkeypatch, block, dropout, plain):
    monkeypatch.setattr(ensemble, "BLOCK", block)
    net = network(dropout=dropout, plain=plain)
    want = seen(by_modules(net), NUM)
    for name, value in seen(net, NUM).items():
        assert torch.allclose(value, want[name], rtol=1e-10, atol=1e-12), name


def test_buffers_of_one_step_are_those_of_the_next_and_other_sizes_do_no_harm():
    net = network(dropout=0.3, plain=True)
    first = seen(net, NUM)
    held = {n: t.data_ptr() for n, t in net.pool._rest[0]._held.items()}
    seen(net, NUM[:17])
    again = seen(net, NUM)
    assert len(net.pool._rest) == 1 and {n: t.data_ptr() for n, t in net.pool._rest[0]._held.items()} == held
    assert all(torch.equal(value, again[name]) for name, value in first.items())


def test_two_forward_passes_before_their_backward_passes_have_buffers_of_their_own():
    net = network(dropout=0.0, plain=True)
    a, b = net.train()({"num": NUM[:40]}), net({"num": NUM[40:]})
    b.sum().backward()
    a.sum().backward()
    apart = {n: p.grad.clone() for n, p in net.named_parameters()}
    net.zero_grad()
    net({"num": NUM}).sum().backward()
    assert all(torch.allclose(apart[n], p.grad) for n, p in net.named_parameters())
    with pytest.raises(RuntimeError):
        b.sum().backward()


def test_frozen_layers_and_inputs_without_gradient_are_left_alone():
    net = network(dropout=0.0, plain=True)
    for p in net.layers[0].parameters():
        p.requires_grad_(False)
    net.train()({"num": NUM}).sum().backward()
    assert all(p.grad is None for p in net.layers[0].parameters()) and net.layers[1].weight.grad is not None


def test_the_step_steps_aside_for_hooks_and_transforms():
    net = network(dropout=0.0, plain=True).eval()
    heard: list[str] = []
    want = net({"num": NUM})
    handle = net.layers[1].register_forward_hook(lambda *_: heard.append("seen"))
    assert torch.allclose(net({"num": NUM}), want) and heard == ["seen"]
    handle.remove()
    parameters = {n: p.detach() for n, p in net.named_parameters()}
    alone = torch.func.vmap(lambda x: torch.func.functional_call(net, parameters, ({"num": x[None]},))[0])(NUM)
    assert torch.allclose(alone, want)


def test_gradients_in_evaluation_are_those_of_the_modules():
    net = network(dropout=0.3, plain=True).eval()
    plain = by_modules(net)
    for one in (net, plain):
        one({"num": NUM}).square().sum().backward()
    assert all(torch.allclose(p.grad, q.grad) for p, q in zip(net.parameters(), plain.parameters(), strict=True))


def test_combination_of_class_major_outputs_is_that_of_any_layout():
    out = torch.randn(3, 5, 40).permute(2, 1, 0)
    assert torch.equal(combine(out, classifies=True), combine(out.contiguous(), classifies=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_outputs_that_lie_class_by_class_is_the_same(smoothing):
    loss = losses.make("cross_entropy", "multiclass", smoothing=smoothing, class_weights=torch.tensor([0.5, 2.0, 1.0]))
    y = torch.randint(0, 3, (60,), generator=torch.Generator().manual_seed(1))
    rows = torch.randn(60, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = []
    for out in (rows.clone(), rows.t().contiguous().t()):
        out.requires_grad_()
        value = loss(out, y)
        value.backward()
        found.append((value.detach(), out.grad))
    assert torch.allclose(found[0][0], found[1][0]) and torch.allclose(found[0][1], found[1][1])
