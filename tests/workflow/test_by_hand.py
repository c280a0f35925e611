"""Schedules and switches planned by hand: from answers to the training's own settings, and what is said of plans that cannot happen (T08, T11, T13)."""

import pytest

from phasewise.records.answers.train import rate_keys
from phasewise.records.errors import UsageError
from phasewise.records.schedules import trace
from phasewise.workflow import config, planned
from workflow.test_walkthrough import walk


@pytest.fixture
def trained(make):
    session = make()
    walk(session, until="baseline")
    return session


def test_manual_keys_reach_the_training_as_rates(trained):
    trained.answers.update({"train": {"schedule": "manual", "rate_keys": ["4:1e-4", "2: 0.001"], "lr": 0.01, "epochs": 6}}, source="flag")
    train = config.chosen(trained.view).train
    assert trace(train, 5, 0, 30).tolist() == [0.01] * 10 + [0.001] * 10 + [1e-4] * 10
    assert not [p for p in trained.problems("train") if p.field == "rate_keys"]
    plan = planned.training(trained.view, 24)
    assert [rate for _, rate in plan.curve] == [0.01, 0.001, 1e-4, 1e-4] and not plan.problems


def test_plans_that_never_happen_are_problems(trained):
    problems = lambda: {p.field: p.message for p in trained.problems("train")}  # noqa: E731
    trained.answers.set("train", "schedule", "manual")
    assert "at least one key" in problems()["rate_keys"]
    trained.answers.update({"train": {"rate_keys": ["30:0.1"], "epochs": 20, "optimizer": "swats", "switch_epoch": 20}}, source="flag")
    assert "key at epoch 30 is never reached" in problems()["rate_keys"] and "after 20 never happens" in problems()["switch_epoch"]
    assert len(planned.training(trained.view, 24).problems) == 2


def test_switch_reaches_the_training_only_with_the_optimiser_that_switches(trained):
    trained.answers.update({"train": {"optimizer": "swats", "switch_epoch": 3, "switch_lr": 0.05}}, source="flag")
    train = config.chosen(trained.view).train
    assert (train.optimizer, train.switch_epoch, train.switch_lr) == ("swats", 3, 0.05)
    trained.answers.set("train", "optimizer", "adam")
    assert config.chosen(trained.view).train.switch_epoch is None


def test_momentum_and_both_ways_of_clipping_reach_the_training(trained):
    trained.answers.update({"train": {"optimizer": "sgd", "momentum": 0.8, "nesterov": True, "clip_norm": 2.0, "clip_value": 0.5}}, source="flag")
    train = config.chosen(trained.view).train
    assert (train.momentum, train.nesterov, train.clip_norm, train.clip_value) == (0.8, True, 2.0, 0.5)
    trained.answers.set("train", "optimizer", "adam")  # has none of its own to set (T23)
    assert (config.chosen(trained.view).train.momentum, config.chosen(trained.view).train.nesterov) == (0.9, False)
    for field, value in (("momentum", 1.0), ("clip_value", 0.0)):
        with pytest.raises(UsageError):
            trained.answers.set("train", field, value)


def test_the_shape_of_the_network_reaches_the_training(trained):
    trained.answers.update({"train": {"family": "mlp"}}, source="flag")
    usual = config.chosen(trained.view).network
    trained.answers.update({"train": {"hidden": ["96", "48", "24"], "dropout": 0.25, "activation": "silu"}}, source="flag")
    spec = config.chosen(trained.view).network
    assert (spec.hidden, spec.dropout, spec.activation) == ([96, 48, 24], [0.25] * 3, "silu") and usual.activation == "relu" and usual.hidden != spec.hidden
    trained.answers.set("train", "hidden", ["64 32", "16"])
    assert trained.answers.value("train", "hidden") == ["64", "32", "16"]
    trained.answers.set("train", "family", "one_hidden")  # has a rule of its own for its one width (A11, A12)
    small = config.chosen(trained.view).network
    assert len(small.hidden) == 1 and small.activation == "relu" and not small.dropout
    for field, value in (("hidden", ["0"]), ("hidden", ["many"]), ("hidden", ["8"] * 17), ("dropout", 1.0), ("activation", "step")):
        with pytest.raises(UsageError):
            trained.answers.set("train", field, value)


@pytest.mark.parametrize(("schedule", "answers", "options"), [
    ("exponential", {"decay_factor": 0.5}, {"gamma": 0.5}), ("staircase", {"decay_factor": 0.5, "decay_every": 4}, {"gamma": 0.5, "step": 4}),
    ("plateau", {"decay_factor": 0.5, "plateau_patience": 3}, {"factor": 0.5, "patience": 3}), ("exponential", {}, {}), ("cosine", {"decay_factor": 0.5}, {}),
])
def test_how_fast_a_rate_falls_reaches_the_training(trained, schedule, answers, options):
    trained.answers.update({"train": {"schedule": schedule} | answers}, source="flag")
    assert config.chosen(trained.view).train.schedule_options == options


def test_cycles_have_the_length_that_was_asked_for_and_restarts_end_with_one(trained):
    trained.answers.set("train", "schedule", "cyclic")
    assert config.chosen(trained.view).train.schedule_options == {"step": 2.0}
    job = trained.next_job("train")
    assert job.kind == "find_lr"
    trained.start(job)
    trained.poll()
    found = {"lo": 1e-3, "hi": 6e-3}
    assert config.chosen(trained.view).train.schedule_options == {"step": 2.0, **found}, "four epochs by recommendation: two up, two down; between the finder's bounds (T16)"
    trained.answers.set("train", "cycle_len", 6)
    assert config.chosen(trained.view).train.schedule_options == {"step": 3.0, **found}
    trained.answers.set("train", "lr", 0.01)
    assert config.chosen(trained.view).train.schedule_options == {"step": 3.0}, "a rate that a person named is the highest"
    trained.answers.unset("train", "lr")
    trained.answers.unset("train", "cycle_len")
    trained.answers.set("train", "schedule", "restarts")
    ends = {2**n - 1 for n in range(1, 12)}
    assert trained.answers.value("train", "epochs") in ends


@pytest.mark.parametrize(("texts", "why"), [(["5"], "EPOCH:RATE"), (["0:0.1"], "above 0"), (["3:0"], "above 0"), (["3:1e6"], "at most 100"), (["2:0.1", "2:0.2"], "two rates"), (["nan:1"], "EPOCH:RATE")])
def test_keys_that_are_none_are_named(texts, why):
    with pytest.raises(ValueError, match=why):
        rate_keys(texts)


@pytest.mark.parametrize("value", ["0", "-1", "1e6", "inf"])
def test_a_rate_that_cannot_be_names_the_bounds_and_what_to_type(trained, value):
    with pytest.raises(UsageError) as caught:
        trained.answers.set("train", "lr", value)
    said = "\n".join(caught.value.lines())
    assert "above 0 and at most 100" in said and "--set train.lr=0.001" in said and "train.lr=none" in said


def test_trying_an_answer_out_keeps_nothing(trained, make):
    with pytest.raises(UsageError, match="read-only"):
        trained.answers.try_out("train", "lr", 0.1)
