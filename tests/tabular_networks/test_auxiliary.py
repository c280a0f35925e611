"""Targets that are learned along (R20): the network that ships never heard of them, a related one helps, an unrelated one does not."""

import numpy as np
import polars as pl
import pytest
import torch

from phasewise.engine import Dataset, InputInfo, Member, fit
from phasewise.kinds.tabular import auxiliary, networks
from phasewise.kinds.tabular.networks.auxiliary import Auxiliary, removed
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

ROWS, LEARN = 1000, 200


def world(seed, along):
    """200 rows with noisy labels of a smooth cause; along: the cause itself (little noise), chance, or nothing. 800 rows judge."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(ROWS, 20, generator=g)
    w = torch.randn(20, 3, generator=g)
    cause = torch.tanh(x @ w[:, 0] / 3) + torch.tanh(x @ w[:, 1] / 3) * torch.tanh(x @ w[:, 2] / 3)
    y = (cause + 0.7 * torch.randn(ROWS, generator=g) > 0).long()
    inputs = {"num": x}
    if along != "nothing":
        told = cause + 0.1 * torch.randn(ROWS, generator=g) if along == "related" else torch.randn(ROWS, generator=g)
        told = (told - told.mean()) / told.std()
        inputs[networks.AUXILIARY] = torch.stack([told, torch.ones(ROWS)], 1)
    info = InputInfo(numbers=20, outputs=1, auxiliary=int(along != "nothing"))
    return Dataset(inputs=inputs, y=y, task="binary", classes=2), info


def accuracy(seed, along):
    data, info = world(seed, along)
    config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[32], options={"auxiliary_weight": 1.0}), train=TrainSpec(optimizer="adam", lr=3e-3, epochs=40, batch_size=25))
    member = Member(id="m", seed=seed, config=config, train=torch.arange(LEARN), validation=torch.arange(LEARN, ROWS))
    found = fit([member], data, info, networks.build, device="cpu", plan="one", objective="loss", watch=False).members[0]
    return float(((found.outputs[:, 0] > 0).long() == data.y[LEARN:]).double().mean())


def gains(along, seeds):
    return np.array([accuracy(s, along) - accuracy(s, "nothing") for s in seeds])


@pytest.mark.slow
def test_a_related_target_helps_few_noisy_rows_and_an_unrelated_one_does_not():
    for along, low, high in (("related", 0.02, 1.0), ("unrelated", -1.0, 0.005)):
        found = gains(along, range(20))
        half = 2.09 * found.std(ddof=1) / np.sqrt(20)
        print(f"R20 {along}: {found.mean():+.4f} [{found.mean() - half:+.4f}, {found.mean() + half:+.4f}] accuracy over 20 seeds")
        assert low < found.mean() < high


@pytest.mark.parametrize("learned", [False, True])
def test_what_ships_is_the_network_without_the_other_heads(learned):
    data, info = world(0, "related")
    spec = NetworkSpec(family="mlp", hidden=[8, 8], batch_norm=True, options={"auxiliary_learned": learned})
    net = networks.build(spec, info)
    assert isinstance(net, Auxiliary)
    plain = networks.build(spec, InputInfo(numbers=20, outputs=1))
    plain.load_state_dict(removed(net.state_dict(), 1))
    net.eval(), plain.eval()
    with torch.no_grad():
        assert torch.allclose(net(data.inputs), plain({"num": data.inputs["num"]}), atol=1e-6) and net(data.inputs).shape == (ROWS, 1)


def test_the_loss_is_the_sum_and_missing_cells_do_not_count():
    data, info = world(0, "related")
    net = networks.build(NetworkSpec(family="mlp", hidden=[8], options={"auxiliary_weight": 0.5}), info)
    rows = {n: t[:6].clone() for n, t in data.inputs.items()}
    rows[networks.AUXILIARY][3:, 1] = 0
    loss = lambda out, y: (out[:, 0] - y).square().mean()  # noqa: E731
    y = torch.zeros(6)
    out = net(rows)
    truth = rows[networks.AUXILIARY][:3, 0]
    said = net.net(rows)[:3, 1]
    total = lambda: float(net.training_loss(net(rows), y, loss).detach())  # noqa: E731
    assert total() == pytest.approx(float((loss(out, y) + 0.5 * (said - truth).square().mean()).detach()))
    rows[networks.AUXILIARY][:, 1] = 0
    assert total() == pytest.approx(float(loss(out, y).detach()))
    net.eval()
    assert total() == pytest.approx(float(loss(out, y).detach()))


def test_learned_weights_follow_the_noise_of_each_loss():
    """A09, Kendall 1705.07115: exp(-s) settles at one over the loss, so chance weighs less than what can be learned."""
    data, info = world(0, "unrelated")
    config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[32], options={"auxiliary_learned": True}), train=TrainSpec(optimizer="adam", lr=1e-2, epochs=150, batch_size=50, schedule="constant"))
    member = Member(id="m", seed=0, config=config, train=torch.arange(800), validation=torch.arange(800, ROWS))
    found = fit([member], data, info, networks.build, device="cpu", plan="one", objective="loss", watch=False).members[0]
    scale = {name: float(found.state[f"whole.log_variance.{name}"]) for name in ("main", "auxiliary")}
    assert scale["main"] < scale["auxiliary"] and scale["main"] != 0


def test_columns_become_standard_values_with_marks():
    table = pl.DataFrame({"size": ["1.5", None, "3.5", "2.5"], "kind": ["a", "b", None, "a"], "same": [1, 1, 1, 1]})
    block = auxiliary.block(table, ["size", "kind", "same"])
    assert block.shape == (4, 6) and block.dtype == np.float32
    assert np.allclose(block[:, 0], np.array([-1, 0, 1, 0]) * np.sqrt(1.5)) and block[:, 3].tolist() == [1, 0, 1, 1]
    assert block[2, 1] == block[2, 2] == 0 and block[:, 4].tolist() == [1, 1, 0, 1]
    with pytest.raises(UsageError, match="no column"):
        auxiliary.block(table, ["away"])
    with pytest.raises(UsageError, match="nothing can be learned"):
        auxiliary.block(table, ["same"])


def test_families_without_one_head_say_so():
    with pytest.raises(UsageError, match="second target"):
        networks.build(NetworkSpec(family="tabm"), InputInfo(numbers=3, outputs=1, auxiliary=1))
