"""Memory running out in the middle of an epoch, by injection: what is given up is said, and the numbers stay."""

import pytest
import torch
from tests.engine.helpers import members, mixed, same
from torch import nn

from phasewise.engine import fit, modules
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.dense.population import DensePopulation
from phasewise.records.errors import RunError


class Hungry(DenseNet):
    """A network that runs out of memory on more rows than a limit."""

    limit = 30

    def forward(self, inputs):
        out = super().forward(inputs)
        if self.training and len(out) > self.limit:
            raise torch.cuda.OutOfMemoryError("injected")
        return out


@pytest.mark.parametrize("settings", [{}, {"class_weights": "balanced"}, {"loss": "focal", "clip_norm": 0.1}])
def test_a_batch_in_parts_gives_the_gradients_of_the_whole(settings):
    data, info = mixed()
    crew = members(2, network={"batch_norm": False, "dropout": []}, optimizer="sgd", lr=0.05, **settings)
    free = fit(crew, data, info, DenseNet, plan="one")
    scarce = fit(crew, data, info, Hungry, plan="one")
    assert "memory ran out with a step of 100 rows: each is computed in 4 parts whose gradients are added up" in scarce.fallbacks
    for a, b in zip(free.members, scarce.members, strict=True):
        assert all(torch.allclose(a.state[k], b.state[k], atol=2e-5) for k in a.state)
        assert a.curves["train_loss"] == pytest.approx(b.curves["train_loss"], abs=1e-5)


def test_a_failed_attempt_leaves_no_statistic_and_no_draw_behind(monkeypatch):
    data, info = mixed()
    crew = members(1, network={"dropout": [0.3, 0.3]})
    free = fit(crew, data, info, DenseNet, plan="one").members[0]
    failed = []
    original = modules.ModulePopulation.training_loss

    def once(self, out, y):
        if len(failed) < 3 and len(failed) * 3 <= self.done:
            failed.append(self.done)
            raise torch.cuda.OutOfMemoryError("injected")
        return original(self, out, y)

    monkeypatch.setattr(modules.ModulePopulation, "training_loss", once)
    monkeypatch.setattr(modules.Pieces, "__call__", _retrying)
    assert same(fit(crew, data, info, DenseNet, plan="one").members[0], free) and len(failed) == 3


def _retrying(self, clear, gradients, batch, module, inner=modules.Pieces.__call__):
    """The same with the number of parts put back, so that only the retry itself is seen."""

    def whole(count):
        return gradients(1)

    return inner(self, clear, whole, 10**9, module)


def test_batch_norm_is_named_and_a_hopeless_case_ends_with_a_remedy(monkeypatch):
    data, info = mixed()
    assert any("batch norm sees the parts" in f for f in fit(members(1), data, info, Hungry, plan="one").fallbacks)
    monkeypatch.setattr(Hungry, "limit", 0)
    with pytest.raises(RunError, match="memory ran out") as caught:
        fit(members(1), data, info, Hungry, plan="one")
    assert "smaller network" in caught.value.remedy


def test_evaluation_is_done_in_smaller_blocks(monkeypatch):
    data, info = mixed()
    free = fit(members(1), data, info, DenseNet, plan="one").members[0]
    inner = nn.Linear.forward

    def scarce(self, x):
        if not self.training and len(x) > 64:
            raise MemoryError("injected")
        return inner(self, x)

    monkeypatch.setattr(nn.Linear, "forward", scarce)
    again = fit(members(1), data, info, DenseNet, plan="one").members[0]
    assert torch.allclose(again.outputs, free.outputs, atol=1e-5) and len(again.outputs) == len(free.outputs)


def test_a_tile_is_halved_in_mid_epoch_without_touching_a_number(monkeypatch):
    data, info = mixed()
    crew = members(6, network={"dropout": []})
    free = fit(crew, data, info, DenseNet, plan="stacked", tile=6)
    inner = DensePopulation.step

    def scarce(self, *args):
        if self.size > 3 and self.done == 5:
            raise torch.cuda.OutOfMemoryError("injected")
        return inner(self, *args)

    monkeypatch.setattr(DensePopulation, "step", scarce)
    result = fit(crew, data, info, DenseNet, plan="stacked", tile=6)
    assert all(same(a, b) and a.steps == b.steps for a, b in zip(free.members, result.members, strict=True))
    assert [f for f in result.fallbacks if "mid-epoch" in f]
    monkeypatch.setattr(DensePopulation, "step", lambda self, *args: (_ for _ in ()).throw(MemoryError("injected")))
    with pytest.raises(RunError, match="memory ran out"):
        fit(crew, data, info, DenseNet, plan="stacked", tile=6)
