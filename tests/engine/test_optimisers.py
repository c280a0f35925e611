"""Stacked optimisers with a rate, decay and momentum per member equal torch.optim after 100 steps (T06, R03)."""

import pytest
import torch

from phasewise.engine import optimisers
from phasewise.engine.dense import fused
from phasewise.engine.dense.layout import Piece, Store
from phasewise.engine.dense.optimise import Clipper, StackedOptimiser
from phasewise.records.models import TrainSpec

PIECES = [Piece(name="layers.0.weight", shape=(5, 4), decay=True), Piece(name="layers.0.bias", shape=(1, 4))]
CASES = [
    {"optimizer": "sgd", "momentum": 0.0}, {"optimizer": "sgd", "momentum": 0.9}, {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    {"optimizer": "adam"}, {"optimizer": "adamw"}, {"optimizer": "rmsprop"}, {"optimizer": "adadelta"},
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(str(v) for v in c.values()))
@pytest.mark.parametrize("way", ["together", "each", "formulas"])
def test_equal_to_torch_after_100_steps(case, way, monkeypatch):
    monkeypatch.setattr(fused, "SMALL", 0 if way == "each" else fused.SMALL)
    specs = [TrainSpec(lr=1e-2 * (i + 1), weight_decay=wd, **case) for i, wd in enumerate((0.0, 1e-2, 0.3))]
    g = torch.Generator().manual_seed(0)
    store, grads = Store(PIECES, 3, torch.device("cpu")), Store(PIECES, 3, torch.device("cpu"))
    nets = []
    for p in PIECES:
        store[p.name].copy_(torch.randn(3, *p.shape, generator=g))
    for i, spec in enumerate(specs):
        module = torch.nn.Module()
        module.weight = torch.nn.Parameter(store["layers.0.weight"][i].clone())
        module.bias = torch.nn.Parameter(store["layers.0.bias"][i].clone())
        nets.append((module, optimisers.make(spec, optimisers.parameter_groups(module, spec))))
    ours = StackedOptimiser(specs, store, grads)
    if way == "formulas":
        ours.fused = None
    for _ in range(100):
        for p in PIECES:
            grads[p.name].copy_(torch.randn(3, *p.shape, generator=g))
        for i, (module, opt) in enumerate(nets):
            module.weight.grad, module.bias.grad = grads["layers.0.weight"][i].clone(), grads["layers.0.bias"][i].clone()
            opt.step()
        ours.step(torch.tensor([s.lr for s in specs], dtype=torch.float64))
    for i, (module, _) in enumerate(nets):
        assert torch.allclose(store["layers.0.weight"][i], module.weight, atol=2e-6, rtol=1e-5)
        assert torch.allclose(store["layers.0.bias"][i], module.bias, atol=2e-6, rtol=1e-5)


def test_decay_spares_biases_and_norms():
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Embedding(5, 2))
    groups = optimisers.parameter_groups(module, TrainSpec(weight_decay=0.1))
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert [p.dim() for p in groups[0]["params"]] == [2, 2] and [p.dim() for p in groups[1]["params"]] == [1, 1, 1]
    assert sum(len(g["params"]) for g in groups) == len(list(module.parameters()))


def test_clipping_is_per_member_and_leaves_others_untouched():
    grads = [torch.tensor([[[3.0, 4.0]], [[3.0, 4.0]], [[0.3, 0.4]]])]
    Clipper([TrainSpec(clip_norm=1.0), TrainSpec(), TrainSpec(clip_norm=1.0)], grads[0])(grads)
    assert torch.allclose(grads[0][0], torch.tensor([[0.6, 0.8]]), atol=1e-6)
    assert torch.equal(grads[0][1], torch.tensor([[3.0, 4.0]])) and torch.equal(grads[0][2], torch.tensor([[0.3, 0.4]]))
    Clipper([TrainSpec(clip_value=2.0), TrainSpec(), TrainSpec()], grads[0])(grads)
    assert torch.equal(grads[0][1], torch.tensor([[3.0, 4.0]]))
    both = [torch.tensor([[3.0], [3.0]]), torch.tensor([[4.0], [4.0]])]
    Clipper([TrainSpec(clip_norm=1.0), TrainSpec()], both[0])(both)
    assert torch.allclose(both[0][0], torch.tensor([0.6]), atol=1e-6) and torch.allclose(both[1][0], torch.tensor([0.8]), atol=1e-6), "one norm over all tensors of a member"
    assert both[0][1] == 3.0 and both[1][1] == 4.0
    limited = [torch.tensor([[3.0, 40.0]])]
    Clipper([TrainSpec(clip_value=4.0, clip_norm=1.0)], limited[0])(limited)
    assert torch.allclose(limited[0], torch.tensor([[0.6, 0.8]]), atol=1e-6), "values are cut before the norm is"
