"""Layer groups (T17, T18): each parameter exactly once, ratios of rates, freezing that moves nothing, gradual unfreezing."""

import pytest
import torch
from tests.engine.helpers import Saving, members, mixed, same
from torch import nn

from phasewise.engine import fit, groups
from phasewise.engine.dense.module import DenseNet
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec


def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)), nn.ReLU(), nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)), nn.ReLU(), nn.Linear(8, 3),
    )


def config(**options):
    return ModelConfig(network=NetworkSpec(family="mlp", options=options), train=TrainSpec(optimizer="sgd", lr=0.1, weight_decay=0.01))


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head, self.extra = nn.Linear(3, 3), nn.Linear(3, 2), nn.Parameter(torch.zeros(2))
        self.tied = self.stem

    def layer_groups(self):
        return [[self.stem], [self.tied, self.head]]


@pytest.mark.parametrize("make", [net, Own, lambda: nn.Linear(2, 2), lambda: nn.Sequential(net())])
def test_groups_partition_the_parameters(make):
    module = make()
    found = [n for g in groups.split(module) for n in g.names]
    assert sorted(found) == sorted(n for n, _ in module.named_parameters())


def test_order_is_stem_to_head():
    found = groups.split(net())
    assert [g.names[0] for g in found] == ["0.0.weight", "2.0.weight", "4.weight"]


def test_scales():
    assert groups.scales(3, "ulmfit") == pytest.approx([1 / 2.6**2, 1 / 2.6, 1])
    assert groups.scales(3, "geometric") == pytest.approx([0.01, 0.1, 1])
    assert groups.scales(2, 10) == pytest.approx([0.1, 1])
    # fastai's even_mults(1e-5, 1e-3, 3) = [1e-5, 1e-4, 1e-3]; a single value is the stop
    assert groups.even_multiples(1e-5, 1e-3, 3) == pytest.approx([1e-5, 1e-4, 1e-3]) and groups.even_multiples(1, 2, 1) == [2]
    with pytest.raises(UsageError):
        groups.scales(3, 0.5)


@pytest.mark.parametrize(("rule", "ratios"), [("ulmfit", (1 / 2.6**2, 1 / 2.6, 1)), ("geometric", (0.01, 0.1, 1)), (5, (0.04, 0.2, 1))])
def test_a_step_of_training_moves_each_group_by_its_rate(rule, ratios):
    data, info = mixed()
    crew = lambda rule, lr=0.01: members(1, network={"hidden": [16], "dropout": [], "options": {"layer_lr": rule}}, optimizer="sgd", momentum=0.0, epochs=1, batch_size=1000, lr=lr)  # noqa: E731
    start, alike, rated = (fit(crew(r, lr), data, info, DenseNet, plan="one").members[0].state for r, lr in ((1, 0.0), (1, 0.01), (rule, 0.01)))
    for name, ratio in zip(("embeddings.0.weight", "layers.0.weight", "head.weight"), ratios, strict=True):
        whole, part = (alike[name] - start[name]).norm(), (rated[name] - start[name]).norm()
        assert float(part / whole) == pytest.approx(ratio, rel=1e-2), name


def test_parameter_groups_cover_everything_once_without_decay_on_biases_and_norms():
    module = net()
    torch_groups = groups.parameter_groups(module, config(layer_lr="ulmfit"))
    held = [id(p) for g in torch_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in module.parameters())
    assert all((p.dim() > 1) == (g["weight_decay"] > 0) for g in torch_groups for p in g["params"])
    assert sorted({round(g["lr_scale"], 6) for g in torch_groups}) == pytest.approx([1 / 6.76, 1 / 2.6, 1], abs=1e-5)


def train(module, opt, steps=5):
    module.train()
    module.freeze_statistics()
    for _ in range(steps):
        opt.zero_grad()
        module(torch.randn(16, 4)).pow(2).sum().backward()
        opt.step()


def test_frozen_groups_stay_bitwise_the_same_statistics_too_and_the_rest_moves():
    module = net()
    opt = torch.optim.SGD(groups.parameter_groups(module, config(freeze=2)), lr=0.01, momentum=0.9)
    before = {n: t.clone() for n, t in module.state_dict().items()}
    train(module, opt)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith(("0.", "2.")), name
    free = net()
    opt = torch.optim.SGD(groups.parameter_groups(free, config(freeze=1, train_bn=True)), lr=0.01)
    train(free, opt)
    assert not torch.equal(free.state_dict()["0.1.running_mean"], before["0.1.running_mean"])  # the control: norms let loose move
    with pytest.raises(UsageError):
        groups.parameter_groups(net(), config(freeze=3))


def test_gradual_unfreezing_frees_from_the_top_and_keeps_the_state_of_the_others():
    module = net()
    opt = torch.optim.SGD([{**g, "lr": 0.01 * g["lr_scale"]} for g in groups.parameter_groups(module, config(layer_lr="ulmfit"))], lr=0.01, momentum=0.9)
    free, moved = groups.Unfreezer(module, 2), []
    for epoch in range(0, 8, 2):
        before = {n: t.clone() for n, t in module.state_dict().items()}
        held = opt.state[module[4].weight].get("momentum_buffer", torch.zeros(1)).clone()
        free.begin(epoch)
        assert "momentum_buffer" not in opt.state[module[4].weight] or torch.equal(opt.state[module[4].weight]["momentum_buffer"], held)
        train(module, opt)
        moved.append({n.split(".")[0] for n, t in module.state_dict().items() if not torch.equal(t, before[n])})
        assert not torch.equal(opt.state[module[4].weight]["momentum_buffer"], held)
    assert moved == [{"4"}, {"2", "4"}, {"0", "2", "4"}, {"0", "2", "4"}]
    assert {round(g["lr"], 6) for g in opt.param_groups} == {round(0.01 * f, 6) for f in groups.scales(3, "ulmfit")}
    with pytest.raises(UsageError):
        groups.Unfreezer(net(), 0)


def test_unfreezing_leaves_alone_what_was_held_still_before():
    module = net()
    opt = torch.optim.SGD(groups.parameter_groups(module, config(freeze=1)), lr=0.01)
    before = {n: t.clone() for n, t in module.state_dict().items()}
    free = groups.Unfreezer(module, 1)
    for epoch in range(4):
        free.begin(epoch)
        train(module, opt)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("0."), name


@pytest.mark.parametrize("at", [3, 9, 14, 22])
def test_a_training_that_frees_layers_gradually_resumes_bitwise_and_differs_from_one_that_does_not(at):
    data, info = mixed(600)
    crew = lambda every: members(1, 600, network={"options": {"unfreeze_every": every}} if every else None, epochs=6)  # noqa: E731
    straight = fit(crew(1), data, info, DenseNet, device="cpu", look_every=0.0)
    assert straight.plan["plan"] == "one" and not same(straight.members[0], fit(crew(None), data, info, DenseNet, device="cpu", plan="one").members[0])
    first = Saving(at)
    fit(crew(1), data, info, DenseNet, first, device="cpu", look_every=0.0)
    resumed = fit(crew(1), data, info, DenseNet, device="cpu", resume=first.state, look_every=0.0)
    assert same(straight.members[0], resumed.members[0])
