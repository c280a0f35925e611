"""Strong tabular networks: each part against its formula, each family against its promise, and odd inputs."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from phasewise.engine import Dataset, InputInfo, Member, fit
from phasewise.kinds.tabular import networks, recipe
from phasewise.kinds.tabular.networks import embeddings
from phasewise.kinds.tabular.networks.dropout import Dropout, ReluDropout, byte_mask
from phasewise.kinds.tabular.networks.inputs import Categories
from phasewise.kinds.tabular.networks.realmlp import NtkLinear, ParametricActivation, Scaling
from phasewise.kinds.tabular.networks.tabm import AdaptedLinear, combine
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

G = torch.Generator().manual_seed(0)
NUM = torch.randn(4000, 5, generator=G) * torch.tensor([1.0, 5, 0.1, 1, 1]) + torch.tensor([0.0, 3, -2, 0, 0])
NUM[:, 3] = (NUM[:, 3] > 0).float()
NUM[:, 4] = torch.where(NUM[:, 4] > 1.3, NUM[:, 4] * 100, torch.zeros(4000))  # nine in ten are zero, like capital gains
CAT = torch.randint(0, 4, (4000, 2), generator=G, dtype=torch.int32)


def info(outputs=3, **kw):
    return InputInfo(**{"numbers": 5, "cardinalities": (4, 30), "outputs": outputs, "stats": networks.statistics(NUM), **kw})


FAMILIES = ["linear", "one_hidden", "mlp", "tabm", "realmlp"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("outputs", [1, 3])
def test_every_family_gives_raw_outputs_of_the_right_shape(family, outputs):
    torch.manual_seed(0)
    net = networks.build(NetworkSpec(family=family), info(outputs))
    net.eval()
    out = net({"num": NUM[:9], "cat": CAT[:9]})
    assert out.shape == (9, outputs) and bool(torch.isfinite(out).all())
    net.train()
    live = net({"num": NUM[:9], "cat": CAT[:9]})
    assert live.shape == ((9, 16, outputs) if family == "tabm" else (9, outputs))


@pytest.mark.parametrize("family", FAMILIES)
def test_numbers_only_categories_only_unseen_levels_and_gross_values(family):
    torch.manual_seed(0)
    only = networks.build(NetworkSpec(family=family), info(cardinalities=()))
    assert only.eval()({"num": NUM[:3]}).shape == (3, 3)
    only = networks.build(NetworkSpec(family=family), info(numbers=0, stats={}))
    assert only.eval()({"cat": CAT[:3]}).shape == (3, 3)
    net = networks.build(NetworkSpec(family=family), info()).eval()
    assert bool(torch.isfinite(net({"num": NUM[:3] * 1e6, "cat": CAT[:3]})).all())
    if family in ("tabm", "realmlp"):
        unseen = net({"num": NUM[:3], "cat": torch.full((3, 2), 99, dtype=torch.int32)})
        assert torch.equal(unseen, net({"num": NUM[:3], "cat": torch.zeros(3, 2, dtype=torch.int32)}))


def test_unknown_family_and_no_inputs_are_refused():
    with pytest.raises(UsageError, match="unknown network family"):
        networks.build(NetworkSpec(family="transformer"), info())
    with pytest.raises(ValueError):
        networks.build(NetworkSpec(family="tabm"), info(numbers=0, cardinalities=(), stats={}))


@pytest.mark.parametrize("spec", [NetworkSpec(family="tabm"), NetworkSpec(family="realmlp"), NetworkSpec(family="realmlp", numeric_embedding="periodic"), NetworkSpec(family="tabm", options={"plain_numbers": True})])
def test_state_goes_into_a_network_built_from_another_seed_and_without_statistics_of_its_own(spec):
    torch.manual_seed(0)
    a = networks.build(spec, info()).eval()
    torch.manual_seed(1)
    b = networks.build(spec, info()).eval()
    b.load_state_dict(a.state_dict())
    x = {"num": NUM[:20], "cat": CAT[:20]}
    assert torch.equal(a(x), b(x))


# -- embedding widths and tables ---------------------------------------------------------------------------------------


def test_widths_are_the_rules():
    assert (embeddings.width(8), embeddings.width(8, "half")) == (5, 4)
    assert (embeddings.width(1116), embeddings.width(1116, "half")) == (81, 50)
    for n in range(2, 10_001):
        assert embeddings.width(n) == min(600, round(1.6 * n**0.56)) and embeddings.width(n, "half") == min(50, (n + 1) // 2)


def test_an_embedding_is_a_linear_map_of_the_one_hot_code():
    torch.manual_seed(0)
    table = Categories((7,))
    hot = Categories((7,), embed=False)
    codes = torch.arange(7).unsqueeze(1)
    assert torch.allclose(table(codes), hot(codes) @ table.tables[0].weight, atol=1e-6)
    assert Categories((4, 30), one_hot_limit=9).plan == [-4, 0]


def test_tabm_looks_long_columns_up_and_has_short_ones_one_hot():
    found = networks.build(recipe.network("tabm"), InputInfo(cardinalities=(5, 900), outputs=1)).front.categories
    assert found.plan == [-5, 0] and [t.num_embeddings for t in found.tables] == [900]
    saved_before = recipe.network("tabm", options={})
    assert networks.build(saved_before, InputInfo(cardinalities=(5, 900), outputs=1)).front.categories.plan == [-5, -900]


# -- numeric embeddings ------------------------------------------------------------------------------------------------


def test_statistics_are_quantiles_and_bins_spread_where_the_rows_are_not_all_one_value():
    found = networks.statistics(NUM)
    assert torch.allclose(found["quantiles"][:, 1].double(), torch.quantile(NUM[:, 1].double(), torch.linspace(0, 1, 193, dtype=torch.float64)), atol=1e-5)
    plain, spread = found["quantiles"][:, 4].unique(), found["bins"][:, 4].unique()
    assert len(spread) > 5 * len(plain)  # the control: plain quantiles leave the rare large values a bin or two
    assert float(spread[-1]) == float(NUM[:, 4].max())
    assert networks.statistics(torch.empty(10, 0))["quantiles"].shape == (193, 0)


def test_piecewise_linear_encoding_by_hand():
    table = torch.linspace(0, 3, 193).unsqueeze(1)
    ple = embeddings.PiecewiseLinear(table, table, size=2, bins=3)  # edges 0, 1, 2, 3
    code = ple.encode(torch.tensor([[1.5], [-1.0], [4.0], [3.0], [0.25]]))[0]
    expected = torch.tensor([[1, 0.5, 0], [-1, 0, 0], [1, 1, 2], [1, 1, 1], [0.25, 0, 0]])
    assert torch.allclose(code, expected, atol=1e-5)


def test_piecewise_linear_starts_linear_and_passes_flags():
    torch.manual_seed(0)
    stats = networks.statistics(NUM)
    ple = embeddings.PiecewiseLinear(stats["quantiles"], stats["bins"], size=4, bins=8)
    x = torch.stack([NUM[0], NUM[1], (NUM[0] + NUM[1]) / 2])
    out = ple(x)
    assert torch.allclose(out[2], (out[0] + out[1]) / 2, atol=1e-4)  # linear at the start
    assert ple.features == 4 * 4 + 1 and ple.chunks == [4, 4, 4, 4, 1]
    flags = ple(NUM[:50])[:, -1]
    assert set(flags.unique().tolist()) == {-1.0, 1.0}


def test_constant_column_is_harmless():
    num = torch.cat((NUM, torch.full((4000, 1), 7.0)), 1)
    stats = networks.statistics(num)
    for name in ("none", "piecewise_linear", "periodic"):
        spec = NetworkSpec(family="realmlp", numeric_embedding=name, options={"plain_numbers": True})
        net = networks.build(spec, InputInfo(numbers=6, outputs=1, stats=stats)).eval()
        assert bool(torch.isfinite(net({"num": num[:5]})).all())


def test_periodic_embedding_by_hand():
    torch.manual_seed(0)
    p = embeddings.Periodic(2, size=4, hidden=8, sigma=0.5)
    x = torch.tensor([[0.3, -1.2]])
    f, phase, w, b = p.RATE * p.frequency[1, 0], p.RATE * p.phase[1, 0], p.RATE * p.weight[1], p.RATE * p.bias[1, 0]
    want = torch.cat([x[0, 1:2], torch.cos(2 * math.pi * f * x[0, 1] + phase) @ w + b])
    assert torch.allclose(p(x)[0, 4:], want, atol=1e-5)
    assert 0.3 < float((p.RATE * p.frequency).std()) < 0.7


def test_robust_scale_is_the_papers():
    stats = networks.statistics(NUM)
    out = embeddings.RobustScale(stats["quantiles"])(NUM)
    q1, q2, q3 = np.quantile(NUM[:, 1].numpy(), [0.25, 0.5, 0.75])
    z = (NUM[:, 1].numpy() - q2) / (q3 - q1)
    assert np.allclose(out[:, 1].numpy(), z / np.sqrt(1 + (z / 3) ** 2), atol=1e-4)
    assert float(out.abs().max()) < 3


# -- TabM --------------------------------------------------------------------------------------------------------------


def test_adapted_linear_is_k_linear_layers_with_rank_one_adapters():
    torch.manual_seed(0)
    layer = AdaptedLinear(6, 4, 3, chunks=[2, 3, 1])
    with torch.no_grad():
        layer.s.normal_()
    x = torch.randn(5, 6)
    for j in range(3):
        want = ((x * layer.r[j]) @ layer.weight) * layer.s[j] + layer.bias[j]
        assert torch.allclose(layer(x)[j], want, atol=1e-5)
        assert torch.allclose(layer(x.expand(3, -1, -1))[j], want, atol=1e-5)
    assert all(len(layer.r[j][a:b].unique()) == 1 for j in range(3) for a, b in ((0, 2), (2, 5)))  # one number per chunk
    signs = AdaptedLinear(6, 4, 3, chunks=[1] * 6, signs=True)
    assert set(signs.r.unique().tolist()) == {-1.0, 1.0}


def test_combination_is_the_mean_probability_or_value():
    torch.manual_seed(0)
    many = torch.randn(7, 5, 3)
    assert torch.allclose(combine(many, classifies=True).softmax(1), many.softmax(2).mean(1), atol=1e-6)
    one = torch.randn(7, 5, 1) * 20
    assert torch.allclose(torch.sigmoid(combine(one, classifies=True)), torch.sigmoid(one).mean(1), atol=1e-5)
    assert torch.allclose(combine(one, classifies=False), one.mean(1))


def test_members_of_tabm_differ_from_the_start():
    torch.manual_seed(0)
    net = networks.build(NetworkSpec(family="tabm"), info())
    out = net.train()({"num": NUM[:50], "cat": CAT[:50]})
    assert float(out.std(dim=1).mean()) > 1e-3


# -- RealMLP -----------------------------------------------------------------------------------------------------------


def test_a_reparametrised_rate_equals_a_learning_rate_factor_under_adam():
    """Scaling stores w/6 and uses 6 (w/6): Adam moves w six times as far, as the paper's factor of 6 does."""
    torch.manual_seed(0)
    x, y = torch.randn(64, 3), torch.randn(64)
    ours, plain = Scaling(3), nn.Parameter(torch.ones(3))
    a, b = torch.optim.Adam(ours.parameters(), lr=1e-3, eps=1e-16), torch.optim.Adam([plain], lr=6e-3, eps=1e-16)
    for _ in range(30):
        a.zero_grad()
        b.zero_grad()
        ((ours(x).sum(1) - y) ** 2).mean().backward()
        (((x * plain).sum(1) - y) ** 2).mean().backward()
        a.step()
        b.step()
    assert torch.allclose(6 * ours.factor, plain, atol=1e-5)


def test_ntk_layer_and_parametric_activation():
    torch.manual_seed(0)
    layer = NtkLinear(400, 300)
    out = layer(torch.randn(200, 400)) - 0.1 * layer.bias
    assert float(out.std()) == pytest.approx(1, rel=0.05)
    assert float(NtkLinear(9, 2, zero=True)(torch.randn(4, 9)).abs().max()) == 0
    act = ParametricActivation(5, nn.functional.mish)
    x = torch.randn(8, 5)
    assert torch.allclose(act(x), nn.functional.mish(x), atol=1e-6)
    with torch.no_grad():
        act.amount.zero_()
    assert torch.equal(act(x), x)


# -- byte dropout ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5])
def test_byte_dropout_keeps_the_mean_and_is_off_in_evaluation(p):
    torch.manual_seed(0)
    x = torch.ones(400, 500)
    out = Dropout(p)(x)
    assert float(out.mean()) == pytest.approx(1, abs=0.01) and float((out == 0).float().mean()) == pytest.approx(p, abs=0.01)
    assert torch.equal(Dropout(p).eval()(x), x)
    keep, scale = byte_mask(x.shape, p, x.device)
    assert float(keep.float().mean()) * scale == pytest.approx(1, abs=0.01)


def test_relu_dropout_gradient_is_that_of_its_parts():
    torch.manual_seed(0)
    x = torch.randn(50, 40, requires_grad=True)
    layer = ReluDropout(0.3)
    torch.manual_seed(7)
    y = layer(x)
    (y * torch.arange(40.0)).sum().backward()
    torch.manual_seed(7)
    keep, scale = byte_mask(x.shape, 0.3, x.device)
    again = x.detach().clone().requires_grad_()
    want = torch.relu(again) * keep * scale
    (want * torch.arange(40.0)).sum().backward()
    assert torch.allclose(y, want) and torch.allclose(x.grad, again.grad)
    layer.eval()
    assert torch.equal(layer(x), torch.relu(x))


def test_embeddings_are_as_good_as_one_hot_at_a_fraction_of_the_weights():
    """N04 as measured: with 5 rows a level the accuracy is that of one-hot (no gain found, 24 runs), with far fewer inputs."""
    g = torch.Generator().manual_seed(0)
    effects = torch.randn(2, 300, generator=g)
    cat = torch.randint(1, 300, (2400, 2), generator=g, dtype=torch.int32)
    y = torch.bernoulli(torch.sigmoid(2 * (effects[0][cat[:, 0].long()] + effects[1][cat[:, 1].long()])), generator=g).long()
    data, made = Dataset(inputs={"cat": cat}, y=y, task="binary", classes=2), InputInfo(cardinalities=(300, 300), outputs=1)
    accuracy, features = [], []
    for embed in (True, False):
        spec = NetworkSpec(family="mlp", hidden=[32], embeddings=embed)
        config = ModelConfig(network=spec, train=TrainSpec(optimizer="adamw", lr=1e-2, batch_size=64, epochs=10))
        member = Member(id="m", config=config, seed=0, train=torch.arange(1600), validation=torch.arange(1600, 2400))
        out = fit([member], data, made, networks.build, watch=False).members[0].outputs
        accuracy.append(float(((out[:, 0] > 0) == (y[1600:] == 1)).float().mean()))
        features.append(networks.build(spec, made).features({"cat": cat[:1]}).shape[1])
    assert accuracy[0] > 0.65 and accuracy[0] > accuracy[1] - 0.04 and features[0] * 7 < features[1]


def test_recipe_networks_have_the_documented_sizes():
    small = sum(p.numel() for p in networks.build(recipe.network("one_hidden", hidden=[8]), info()).parameters())
    large = sum(p.numel() for p in networks.build(recipe.network("tabm"), info()).parameters())
    assert small * 10 <= large
