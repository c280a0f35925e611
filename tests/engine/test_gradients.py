"""The hand-written backward pass against autograd in float64, and the export of a member to an ordinary module."""

import pytest
import torch
from tests.engine.helpers import members, mixed

from phasewise.engine import fit, losses, population, sampling
from phasewise.engine.dense.module import ACTIVATIONS, DenseNet
from phasewise.engine.dense.population import DensePopulation
from phasewise.engine.modules import module_outputs

PLAN = sampling.BatchPlan(rows=250, batch=50, steps=5)


class Masked(torch.nn.Module):
    """The activation followed by the masks the population drew, so that autograd sees the same dropout."""

    def __init__(self, inner, masks):
        super().__init__()
        self.inner, self.masks, self.at = inner, masks, 0

    def forward(self, x):
        self.at += 1
        return self.inner(x) * self.masks[self.at - 1]


def worst_gap(task="multiclass", classes=3, network=None, dropout=0.25, **train):
    """Largest difference of loss, gradients and running statistics over three members, float64."""
    data, info = mixed(300, task, classes)
    depth = 2 if (network or {}).get("family", "mlp") == "mlp" else 0
    crew = members(3, 300, network={"dropout": [dropout] * depth} | (network or {}), label_smoothing=train.pop("smooth", 0.0), **train)
    setting = population.Setting(data=data, info=info, build=DenseNet, device=torch.device("cpu"))
    stack = DensePopulation(crew, setting, PLAN, dtype=torch.float64)
    orders = torch.stack([torch.randperm(250) for _ in crew])
    stack.begin(0, orders, torch.zeros(5, 3, dtype=torch.float64))
    with torch.no_grad():
        found = stack.step(data, orders[:, :50], torch.zeros(3))
    worst = 0.0
    for i, member in enumerate(crew):
        net = population.initial_module(member, setting).double().train()
        if dropout:
            net.activation, net.rates = Masked(net.activation, [m[i] for m in stack._training.mask]), [0.0] * depth
        rows = orders[i, :50]
        inputs = {k: (v.double() if v.is_floating_point() else v)[rows] for k, v in data.inputs.items()}
        y = data.y[rows].double() if task == "regression" else data.y[rows]
        value = losses.loss_fn(member.config.train, data, member.train)(net(inputs), y)
        value.backward()
        gaps = [abs(value.item() - found[i].item())]
        named = dict(net.named_parameters())
        gaps += [float((p.stacked(named[p.name].grad) - stack.net.gradients[p.name][i]).abs().max()) for p in stack.layout.parameters]
        gaps += [float((b - stack.net.statistics[n][i].flatten()).abs().max()) for n, b in net.named_buffers() if "running" in n]
        worst = max(worst, *gaps)
    return worst


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("batch_norm", [True, False])
def test_every_activation_with_dropout_and_embeddings(activation, batch_norm):
    assert worst_gap(network={"activation": activation, "batch_norm": batch_norm}) < 1e-14


@pytest.mark.parametrize(
    ("task", "classes", "options"),
    [
        ("binary", 2, {}), ("regression", 0, {}), ("multiclass", 20, {}), ("multiclass", 3, {"loss": "focal"}), ("binary", 2, {"loss": "focal"}),
        ("regression", 0, {"loss": "huber"}), ("regression", 0, {"loss": "l1"}), ("multiclass", 3, {"network": {"embeddings": False}}),
        ("multiclass", 3, {"network": {"family": "linear", "batch_norm": False}, "dropout": 0.0}),
    ],
)
def test_every_loss_and_head(task, classes, options):
    assert worst_gap(task, classes, **options) < 1e-14


@pytest.mark.parametrize(("task", "classes"), [("binary", 2), ("multiclass", 3), ("multiclass", 20)])
def test_class_weights_and_smoothing(task, classes):
    # weights and smoothing are float32 tables, so the gap is of that size
    assert worst_gap(task, classes, class_weights="balanced", smooth=0.1) < 5e-7


def test_export_gives_the_same_outputs_as_the_stack():
    data, info = mixed()
    crew = members(3)
    setting = population.Setting(data=data, info=info, build=DenseNet, device=torch.device("cpu"))
    stack = DensePopulation(crew, setting, sampling.BatchPlan(rows=1000, batch=100, steps=10))
    stack.begin(0, torch.stack([torch.randperm(1000) for _ in crew]), torch.full((10, 3), 1e-2, dtype=torch.float64))
    stack.run(data, 0, 10)
    rows = torch.arange(1200)
    for slot, out in enumerate(stack.outputs(data, [rows] * 3)):
        net = DenseNet(crew[slot].config.network, info)
        net.load_state_dict(stack.state_dict(slot))
        assert int(net.norms[0].num_batches_tracked) == 10
        assert torch.allclose(module_outputs(net, data, rows), out, atol=1e-5)


def test_stacked_and_one_at_a_time_agree_without_dropout():
    data, info = mixed()
    crew = members(3, network={"dropout": []}, epochs=2, optimizer="sgd")
    a, b = fit(crew, data, info, DenseNet, plan="stacked"), fit(crew, data, info, DenseNet, plan="one")
    assert (a.plan["plan"], b.plan["plan"]) == ("stacked", "one")
    for x, y in zip(a.members, b.members, strict=True):
        assert all(torch.allclose(x.state[k].float(), y.state[k].float(), atol=2e-5) for k in x.state)
