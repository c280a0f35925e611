"""The compiled layers are the plain modules up to rounding, and step aside where C may not read what is there."""

import copy
import math

import pytest
import torch
from tests.engine.helpers import Saving
from tests.tabular_networks.helpers import seen
from torch import nn

from phasewise.engine import Dataset, InputInfo, Member, fit
from phasewise.engine.native import build, calls
from phasewise.kinds.tabular import networks, recipe
from phasewise.kinds.tabular.networks.embeddings import Periodic, PiecewiseLinear, RobustScale
from phasewise.records.models import NetworkSpec

pytestmark = pytest.mark.skipif(isinstance(build.library(), str), reason=str(build.library()))


def rows(n: int) -> torch.Tensor:
    """Numbers `[n, 9]` with ties, a flag and a constant."""
    x = torch.randn(n, 9, generator=torch.Generator().manual_seed(3))
    x[:, 3] = x[:, 3].round()
    x[:, 4], x[:, 5] = (x[:, 4] > 0).float(), 7.0
    return x


TABLE = networks.statistics(rows(400))


def network(family: str, embedding: str, **changes: object) -> nn.Module:
    """A network of odd sizes whose parameters are no longer where they start."""
    torch.manual_seed(0)
    spec = NetworkSpec(family=family, **{"hidden": [19, 33, 8], "members": 3, "numeric_embedding": embedding, "options": {"plain_numbers": embedding == "none"}} | changes)
    net = networks.build(spec, InputInfo(numbers=9, outputs=3, stats=TABLE))
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return net


@pytest.fixture
def called(monkeypatch):
    """Names of the compiled functions that were called."""
    names: list[str] = []
    plain = calls.call
    monkeypatch.setattr(calls, "call", lambda name, struct: (names.append(name), plain(name, struct))[1])
    return names


def in_double(net: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the plain modules say in float64; the draws of masks depend on no dtype."""
    plain = copy.deepcopy(net).double()
    for module in plain.modules():
        module.register_forward_hook(lambda *_: None)
    return seen(plain, x.double())


@pytest.mark.parametrize("n", [1, 15, 70, 300])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize(("family", "embedding", "changes"), [
    ("realmlp", "periodic", {"activation": "selu"}), ("realmlp", "piecewise_linear", {"activation": "mish"}), ("realmlp", "none", {"activation": "mish", "hidden": [5]}),
    ("tabm", "piecewise_linear", {}), ("tabm", "none", {}), ("tabm", "periodic", {"hidden": [40]}),
])
def test_a_compiled_network_is_that_of_the_modules(called, family, embedding, changes, n, dropout):
    hidden = changes.get("hidden", [19, 33, 8])
    net = network(family, embedding, dropout=[dropout] * len(hidden), **changes)
    want = in_double(net, rows(n))
    found = seen(net, rows(n))
    for name, value in found.items():
        assert value.dtype == torch.float32 or name == "random"
        scale = float(want[name].abs().max()) + 1e-6
        assert torch.allclose(value.double(), want[name], rtol=1e-3, atol=5e-5 * scale), (name, float((value - want[name]).abs().max()), scale)
    first = {"periodic": "periodic", "piecewise_linear": "bins"}.get(embedding)
    assert {n for n in called if n.startswith(family)} == {f"{family}_forward", f"{family}_backward"}
    assert first is None or {f"{first}_forward", f"{first}_backward"} <= set(called)
    assert all(torch.equal(value, seen(net, rows(n))[name]) for name, value in found.items())


ANGLES = torch.cat([torch.linspace(-8000, 8000, 20_001), torch.linspace(-7, 7, 20_001), torch.arange(-200, 200) * (math.pi / 4), torch.tensor([0.0, -0.0, 1e-30])])


def test_sine_and_cosine_are_those_of_float64_over_a_wide_range():
    net = Periodic(len(ANGLES), size=2, hidden=1)
    with torch.no_grad():
        net.frequency.zero_()
        net.phase.copy_((ANGLES / net.RATE).view(-1, 1, 1))
        net.weight.fill_(1 / net.RATE)
        net.bias.zero_()
    out = net(torch.zeros(1, len(ANGLES)))
    out.sum().backward()
    exact = (net.RATE * net.phase.detach()).double().flatten()
    assert float((out.detach().view(-1, 2)[:, 1] - exact.cos()).abs().max()) < 3e-7
    assert float((net.phase.grad.flatten() / -net.RATE - exact.sin()).abs().max()) < 3e-7


@pytest.mark.parametrize("angle", [math.inf, math.nan, 1e12])
def test_an_angle_that_is_none_gives_no_number_and_one_that_is_lost_in_rounding_a_small_one(angle):
    net = Periodic(1, size=2, hidden=1)
    with torch.no_grad():
        net.phase.fill_(angle)
    said = net(torch.zeros(3, 1))[:, 1]
    assert torch.isnan(said).all() if not math.isfinite(angle) else (said.abs() < 100).all()


def test_values_on_edges_beyond_the_ends_and_in_padded_columns_are_encoded_as_the_modules_do():
    torch.manual_seed(0)
    net = PiecewiseLinear(TABLE["quantiles"], TABLE["bins"], size=5, bins=16)
    with torch.no_grad():
        net.weight.normal_()
    edges = net.low.flatten(1).t()
    x = torch.cat([rows(50), 100 * rows(20), torch.zeros(len(edges), 9)])
    x[-len(edges) :, net.rich] = edges
    found = []
    for module, values in ((net, x), (copy.deepcopy(net).double(), x.double())):
        out = module(values)
        (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)).sum().backward()
        found.append([out.detach().double(), *(p.grad.double() for p in module.parameters())])
    assert len(net.flat) == 2 and (net.inverse == 0).any()
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4 * float(b.abs().max()))


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("family", "embedding"), [("realmlp", "periodic"), ("realmlp", "piecewise_linear"), ("realmlp", "none"), ("tabm", "piecewise_linear"), ("tabm", "none")])
def test_a_number_that_is_none_shows_in_its_row_and_in_every_gradient_and_nowhere_else(family, embedding, x):
    net, data = network(family, embedding, dropout=[]), rows(20)
    data[7, 2] = x
    net.zero_grad()
    out = net.train()({"num": data})
    out.sum().backward()
    bad = ~torch.isfinite(out.detach().reshape(20, -1)).all(1)
    assert bad.tolist() == [i == 7 for i in range(20)]
    head = net.head if family == "tabm" else net.body[-1].weight
    assert not torch.isfinite(head.grad).any()


def test_what_c_may_not_read_is_left_to_torch(called, monkeypatch):
    for net, x in ((network("realmlp", "periodic").double(), rows(9).double()), (network("tabm", "piecewise_linear").double(), rows(9).double())):
        seen(net, x)
    scale = RobustScale(TABLE["quantiles"])
    asks = rows(9).requires_grad_()
    scale(asks).sum().backward()
    assert not called and asks.grad is not None
    net = network("realmlp", "periodic")
    want = seen(net, rows(30))
    assert called
    called.clear()
    monkeypatch.setattr(calls, "library", lambda: "no C compiler was found")
    found = seen(net, rows(30))
    assert not called and all(torch.allclose(found[n], want[n], rtol=1e-3, atol=1e-4 * float(want[n].abs().max())) for n in want)


def test_rows_with_gaps_between_them_are_read_rightly():
    for family, embedding in (("realmlp", "periodic"), ("tabm", "piecewise_linear"), ("tabm", "none")):
        net, x = network(family, embedding).eval(), rows(40)
        with torch.no_grad():
            assert torch.equal(net({"num": x.t().contiguous().t()}), net({"num": x})) and torch.equal(net({"num": x[::2]}), net({"num": x[::2].clone()}))


@pytest.mark.parametrize("family", ["realmlp", "tabm"])
def test_two_passes_at_once_have_buffers_of_their_own_and_a_second_backward_pass_is_refused(family):
    net, x = network(family, "piecewise_linear").train(), rows(40)
    net({"num": x}).square().sum().backward()
    alone = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    first, second = net({"num": x}).square().sum(), net({"num": x + 1}).square().sum()
    first.backward(retain_graph=True)
    assert all(torch.equal(p.grad, g) for p, g in zip(net.parameters(), alone, strict=True))
    second.backward()
    with pytest.raises(RuntimeError, match="done already"):
        first.backward()


def crew(family: str, n: int = 2) -> tuple[list[Member], Dataset, InputInfo]:
    """Members with dropout, clipping and averaging, numbers and categories."""
    num, g = rows(400), torch.Generator().manual_seed(1)
    cat = torch.stack([torch.randint(0, c, (400,), generator=g) for c in (4, 30)], 1).int()
    y = (num[:, 0] * num[:, 1] + cat[:, 0] > 1.5).long()
    base = recipe.config(family, 300)
    network = recipe.resolve(base.network).model_copy(update={"hidden": [16, 8], "dropout": [0.2, 0.1], "members": 4 if family == "tabm" else 1})
    config = base.model_copy(update={"network": network, "train": base.train.model_copy(update={"epochs": 3, "batch_size": 64, "ema": 0.9, "weight_decay": 0.01, "patience": None})})
    made = [Member(id=f"m{i}", seed=i, config=config, train=torch.arange(300), validation=torch.arange(300, 400)) for i in range(n)]
    info = InputInfo(numbers=9, cardinalities=(4, 30), outputs=1, stats=networks.statistics(num[:300]))
    return made, Dataset(inputs={"num": num, "cat": cat}, y=y, task="binary", classes=2), info


@pytest.mark.parametrize("family", ["realmlp", "tabm"])
def test_training_goes_on_bit_for_bit_and_company_changes_nothing(called, family):
    members, data, info = crew(family)
    whole = fit(members, data, info, networks.build, device="cpu", watch=False).members
    assert {"single_loss", "single_update", f"{family}_backward", "bins_backward"} <= set(called)
    hooks = Saving(3)
    fit(members, data, info, networks.build, hooks, device="cpu", watch=False, look_every=0)
    resumed = fit(members, data, info, networks.build, resume=hooks.state, device="cpu", watch=False).members
    lonely = fit(members[1:], data, info, networks.build, device="cpu", watch=False).members
    for a, b in [*zip(whole, resumed, strict=True), (whole[1], lonely[0])]:
        assert a.curves["train_loss"] == b.curves["train_loss"] and all(torch.equal(a.state[n], b.state[n]) for n in a.state)


@pytest.mark.parametrize("family", ["realmlp", "tabm"])
def test_a_compiled_training_is_the_one_by_torch_up_to_rounding(called, monkeypatch, family):
    members, data, info = crew(family, 1)
    compiled = fit(members, data, info, networks.build, device="cpu", watch=False).members[0]
    assert called
    called.clear()
    monkeypatch.setattr(calls, "library", lambda: "no C compiler was found")
    plain = fit(members, data, info, networks.build, device="cpu", watch=False).members[0]
    assert not called and compiled.curves["train_loss"] == pytest.approx(plain.curves["train_loss"], rel=2e-3)
    assert compiled.curves["train_loss"][-1] < compiled.curves["train_loss"][0]
