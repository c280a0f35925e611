"""The switch from Adam to SGD by hand inside a training (T08): when, to which rate, without a trace of the finder, and through a checkpoint."""

import pytest
import torch
from tests.engine.helpers import Record, Saving, members, mixed, same

from phasewise.engine import fit, optimisers
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.handover import Handover
from phasewise.records import schedules
from phasewise.records.models import TrainSpec

SWATS = {"optimizer": "swats", "epochs": 4, "lr": 3e-3, "network": {"hidden": [16], "dropout": [0.2]}}


def test_switch_by_hand_happens_at_its_epoch_to_the_rate_asked_for():
    data, info = mixed(600)
    told = Record()
    by_hand = fit(members(1, 600, **SWATS, switch_epoch=2, switch_lr=0.05), data, info, DenseNet, told, device="cpu")
    found = [f for f in told.findings if f[0] == "optimiser-switched"]
    assert len(by_hand.notes) == len(found) == 1 and "At step 10, by hand after 2 epochs" in found[0][3] and "0.05" in found[0][3]
    adam = fit(members(1, 600, **{**SWATS, "optimizer": "adam", "epochs": 2}), data, info, DenseNet, device="cpu", plan="one")
    late = fit(members(1, 600, **SWATS, switch_epoch=3, switch_lr=0.05), data, info, DenseNet, device="cpu")
    assert by_hand.members[0].curves["train_loss"][:2] == late.members[0].curves["train_loss"][:2] == pytest.approx(adam.members[0].curves["train_loss"], rel=1e-5)
    assert by_hand.members[0].curves["train_loss"][2] != late.members[0].curves["train_loss"][2]


def test_rate_from_a_finder_run_leaves_no_trace_in_the_training(monkeypatch):
    data, info = mixed(600)
    rates = []
    whole = Handover._found
    monkeypatch.setattr(Handover, "_found", lambda self, *a: rates.append(whole(self, *a)) or rates[-1])
    told = Record()
    with_finder = fit(members(1, 600, **SWATS, switch_epoch=2), data, info, DenseNet, told, device="cpu")
    assert len(rates) == 1 and 1e-4 < rates[0] < 10 and told.findings[-1][3]
    without = fit(members(1, 600, **SWATS, switch_epoch=2, switch_lr=rates[0]), data, info, DenseNet, device="cpu")
    assert same(with_finder.members[0], without.members[0])


def test_the_rate_suits_the_curvature_of_the_moment():
    """On a quadratic of curvature 1 to 10, SGD with momentum .9 diverges above (2 + 2 * .9) / 10 = 0.38 and creeps below 0.01."""
    w = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    module = torch.nn.Module()
    module.register_parameter("w", w)
    config = members(1, 600, **SWATS)[0].config
    handover = Handover(optimisers.make(config.train, [{"params": [w], "weight_decay": 0.0}]), config)
    rate = handover._found(module, lambda m, scale: (scale * m.w * m.w).sum() / 2, [torch.tensor([1.0, 10.0])])
    assert 0.01 <= rate < 0.38 and torch.equal(w, torch.ones(2)) and w.grad is None


def test_without_any_rate_adam_goes_on(monkeypatch):
    data, info = mixed(600)
    monkeypatch.setattr(Handover, "_found", lambda self, *a: None)
    told = Record()
    found = fit(members(1, 600, **SWATS, switch_epoch=1), data, info, DenseNet, told, device="cpu")
    adam = fit(members(1, 600, **{**SWATS, "optimizer": "adam"}), data, info, DenseNet, device="cpu", plan="one")
    assert not found.notes and found.members[0].curves["train_loss"] == pytest.approx(adam.members[0].curves["train_loss"], rel=1e-3)


@pytest.mark.parametrize("at", [3, 9, 12])
def test_resume_before_and_after_the_switch_is_bitwise_and_tells_it_once(at):
    data, info = mixed(600)
    crew = lambda: members(1, 600, **SWATS, switch_epoch=2)  # noqa: E731
    straight = fit(crew(), data, info, DenseNet, device="cpu", look_every=0.0)
    first = Saving(at)
    fit(crew(), data, info, DenseNet, first, device="cpu", look_every=0.0)
    second = Record()
    resumed = fit(crew(), data, info, DenseNet, second, device="cpu", resume=first.state, look_every=0.0)
    assert same(straight.members[0], resumed.members[0]) and straight.notes == resumed.notes
    assert sum(f[0] == "optimiser-switched" for f in [*first.findings, *second.findings]) == 1


def test_automatic_switch_waits_for_an_epoch_and_by_hand_never_comes_early():
    w = [{"params": [torch.nn.Parameter(torch.ones(2))], "weight_decay": 0.0}]
    assert optimisers.make(TrainSpec(optimizer="swats"), w, epoch_steps=900).burn_in == 900
    assert optimisers.make(TrainSpec(optimizer="swats", switch_epoch=3), w, epoch_steps=9).burn_in == optimisers.NEVER


def test_manual_schedule_holds_each_rate_from_its_epoch_on():
    train = TrainSpec(lr=0.1, epochs=5, schedule="manual", schedule_options={"rates": [[3, 0.001], [1.5, 0.02]]})
    assert schedules.trace(train, 10, 0, 50).tolist() == [0.1] * 15 + [0.02] * 15 + [0.001] * 20
