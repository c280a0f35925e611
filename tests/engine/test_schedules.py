"""Schedules as closed forms against torch's schedulers (T09-T16)."""

import numpy as np
import pytest
import torch
from tests.engine.helpers import Record, members, mixed, same

from phasewise.engine import Control, fit
from phasewise.engine.dense.module import DenseNet
from phasewise.records import schedules
from phasewise.records.errors import UsageError
from phasewise.records.models import TrainSpec

S = 10


def torch_trace(make, lr, steps, every=1, momentum=False):
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9 if momentum else 0.0)
    scheduler = make(opt)
    out = []
    for t in range(steps):
        out.append(opt.param_groups[0]["lr"])
        opt.step()
        if (t + 1) % every == 0:
            scheduler.step()
    return np.array(out)


L = torch.optim.lr_scheduler
CASES = {
    "exponential": ({"schedule": "exponential", "schedule_options": {"gamma": 0.9}}, lambda o: L.ExponentialLR(o, 0.9), S, 1e-16),
    "staircase": ({"schedule": "staircase", "schedule_options": {"gamma": 0.1, "step": 3}}, lambda o: L.StepLR(o, 3, 0.1), S, 1e-17),
    "milestones": ({"schedule": "staircase", "schedule_options": {"gamma": 0.5, "milestones": [2, 5]}}, lambda o: L.MultiStepLR(o, [2, 5], 0.5), S, 1e-17),
    "cosine": ({"schedule": "cosine", "schedule_options": {"lo": 1e-4}}, lambda o: L.CosineAnnealingLR(o, 8 * S, 1e-4), 1, 1e-12),
    "restarts": ({"schedule": "restarts", "schedule_options": {"cycle_len": 1, "cycle_mult": 2}}, lambda o: L.CosineAnnealingWarmRestarts(o, S, 2), 1, 1e-16),
    "restarts-equal": ({"schedule": "restarts", "schedule_options": {"cycle_len": 2}}, lambda o: L.CosineAnnealingWarmRestarts(o, 2 * S, 1), 1, 1e-16),
    "triangular": ({"schedule": "cyclic", "schedule_options": {"lo": 0.01, "step": 2}}, lambda o: L.CyclicLR(o, 0.01, 0.1, 2 * S), 1, 1e-16),
    "triangular2": (
        {"schedule": "cyclic", "schedule_options": {"lo": 0.01, "step": 1, "mode": "triangular2"}}, lambda o: L.CyclicLR(o, 0.01, 0.1, S, mode="triangular2"), 1, 1e-16,
    ),
    "exp_range": (
        {"schedule": "cyclic", "schedule_options": {"lo": 0.01, "step": 1, "mode": "exp_range", "gamma": 0.99}},
        lambda o: L.CyclicLR(o, 0.01, 0.1, S, mode="exp_range", gamma=0.99), 1, 1e-16,
    ),
    "one_cycle": ({"schedule": "one_cycle"}, lambda o: L.OneCycleLR(o, 0.1, total_steps=8 * S), 1, 1e-15),
}


@pytest.mark.parametrize("name", CASES)
def test_equal_to_torch(name):
    options, make, every, tolerance = CASES[name]
    ours = schedules.trace(TrainSpec(lr=0.1, epochs=8, **options), S, 0, 8 * S)
    theirs = torch_trace(make, 0.1, 8 * S, every, momentum=True)
    assert np.abs(ours - theirs).max() <= tolerance


def test_plateau_equals_torch():
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    theirs = L.ReduceLROnPlateau(opt, factor=0.5, patience=2)
    ours = schedules.Plateau({"factor": 0.5, "patience": 2}, 0.1)
    values = np.concatenate([np.linspace(1, 0.5, 5), np.full(12, 0.5), np.linspace(0.5, 0.4, 4)])
    for value in values:
        theirs.step(float(value))
        ours.step(float(value))
        assert abs(0.1 * ours.factor - opt.param_groups[0]["lr"]) < 1e-17
    assert ours.factor < 0.2


@pytest.mark.parametrize("cycles", range(1, 7))
@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("mult", [1, 2, 3])
def test_cycles_end_where_training_ends(cycles, length, mult):
    epochs = schedules.epochs_for(cycles, length, mult)
    assert epochs == sum(length * mult**i for i in range(cycles))
    options = {"cycle_len": length, "cycle_mult": mult}
    lrs = schedules.trace(TrainSpec(lr=1.0, epochs=epochs, schedule="restarts", schedule_options=options), 10, 0, epochs * 10)
    assert int((np.diff(lrs) > 0.5).sum()) == cycles - 1


def test_the_example_of_the_method_is_seven_epochs_with_restarts_at_one_and_three():
    assert schedules.epochs_for(3, 1, 2) == 7
    lrs = schedules.trace(TrainSpec(lr=1.0, epochs=7, schedule="restarts", schedule_options={"cycle_len": 1, "cycle_mult": 2}), 10, 0, 70)
    assert (np.flatnonzero(np.diff(lrs) > 0.5) + 1).tolist() == [10, 30]


@pytest.mark.parametrize("mult", [1, 2, 3, 5, 7])
def test_every_cycle_begins_at_the_full_rate(mult):
    spec = TrainSpec(lr=0.3, schedule="restarts", schedule_options={"cycle_len": 1, "cycle_mult": mult})
    curve = schedules.factory(spec, 3)
    starts = np.array([3 * schedules.epochs_for(n, 1, mult) for n in range(9)])
    assert curve(starts).tolist() == [0.3] * 9  # 7^7 is where the logarithm alone comes out below the whole number
    assert (curve(starts[1:] - 1) < 0.09).all()


def test_warmup_preview_and_bad_options():
    spec = TrainSpec(lr=0.1, epochs=4, schedule="cosine", schedule_options={"warmup": 1})
    curve = schedules.preview(spec, 25)
    assert curve[0] == (0, pytest.approx(0.1 / 25)) and curve[-1][0] == 99 and len(curve) == 100
    assert max(lr for _, lr in curve) < 0.1 and [lr for _, lr in curve] == schedules.trace(spec, 25, 0, 100).tolist()
    with pytest.raises(UsageError):
        schedules.trace(TrainSpec(schedule="cyclic", schedule_options={"mode": "odd"}), 10, 0, 10)


class Lower(Record):
    """Divides the learning rate by ten at the fifteenth look."""

    looks = 0

    def poll(self):
        self.looks += 1
        return Control(lr_factor=0.1 if self.looks >= 15 else 1.0)


@pytest.mark.parametrize("plan", ["stacked", "one"])
def test_a_rate_set_by_hand_takes_effect_and_replays(plan):
    data, info = mixed()
    crew = members(1)
    live = fit(crew, data, info, DenseNet, Lower(), plan=plan, look_every=0)
    assert live.lr_events == [(15, 0.1)]
    untouched = fit(crew, data, info, DenseNet, plan=plan)
    replay = members(1, schedule="manual", schedule_options={"keys": live.lr_events})
    again = fit(replay, data, info, DenseNet, plan=plan)
    assert all(torch.equal(live.members[0].state[k], again.members[0].state[k]) for k in again.members[0].state)
    assert not same(live.members[0], untouched.members[0])


@pytest.mark.parametrize("name", ["cosine", "one_cycle", "restarts", "exponential"])
def test_rates_set_by_hand_replay_on_top_of_any_schedule(name):
    data, info = mixed()
    live = fit(members(1, schedule=name), data, info, DenseNet, Lower(), plan="stacked", look_every=0)
    again = fit(members(1, schedule=name, schedule_options={"keys": live.lr_events}), data, info, DenseNet, plan="stacked")
    assert live.lr_events == [(15, 0.1)] and same(live.members[0], again.members[0])
    plain = schedules.trace(TrainSpec(lr=0.1, epochs=4, schedule=name), S, 0, 4 * S)
    keyed = schedules.trace(TrainSpec(lr=0.1, epochs=4, schedule=name, schedule_options={"keys": [[15, 0.1], [30, 1.0]]}), S, 0, 4 * S)
    assert np.array_equal(keyed[15:30], plain[15:30] * 0.1) and np.array_equal(keyed[:15], plain[:15]) and np.array_equal(keyed[30:], plain[30:])


def test_plateau_lowers_the_rate_in_a_fit():
    data, info = mixed()
    hooks = Record()
    crew = members(1, epochs=6, lr=0.0, schedule="plateau", schedule_options={"patience": 1})
    fit(crew, data, info, DenseNet, hooks, plan="stacked")
    assert not any(f[0] == "lr-lowered" for f in hooks.findings)
    crew = members(1, epochs=8, lr=1e-7, optimizer="sgd", schedule="plateau", schedule_options={"patience": 1, "threshold": 0.5, "factor": 0.1})
    result = fit(crew, data, info, DenseNet, hooks, plan="stacked")
    lrs = result.members[0].curves["lr"]
    assert lrs[0] == pytest.approx(1e-7) and lrs[-1] < 0.2e-7 and sorted(lrs, reverse=True) == lrs
    assert any(f[0] == "lr-lowered" for f in hooks.findings)
