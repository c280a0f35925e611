"""Gates: what opens a door, what a written reason may do, and what it may not."""

import pytest

from phasewise.records.errors import GateError, UsageError
from phasewise.workflow.trivial import constant_value
from workflow.fakes import World
from workflow.test_walkthrough import walk


def gate(session, phase, gate_id):
    return next(g for g in session.gate(phase) if g.id == gate_id)


def test_a_target_that_a_constant_meets_raises_the_warning(make):
    session = make()
    session.start(session.next_job("goals"))
    session.poll()
    session.answers.set("goals", "metric", "accuracy")
    session.answers.set("goals", "target", 0.65)
    item = gate(session, "goals", "better-than-constant")
    assert not item.ok and "0.7" in item.text
    session.answers.set("goals", "target", 0.75)
    assert gate(session, "goals", "better-than-constant").ok


def test_the_constant_of_every_metric_equals_scikit_learn(make):
    from types import SimpleNamespace

    import numpy as np
    from sklearn import metrics as m

    y = np.array([0] * 95 + [1] * 5)
    p = np.full(100, 0.05)
    bins = [SimpleNamespace(label="no", count=95), SimpleNamespace(label="yes", count=5)]
    profile = SimpleNamespace(task="binary", classes=bins, columns=[], target="y")
    zeros = np.zeros(100, int)
    expected = {
        "accuracy": m.accuracy_score(y, zeros), "balanced_accuracy": m.balanced_accuracy_score(y, zeros), "f1_macro": m.f1_score(y, zeros, average="macro"),
        "f1_weighted": m.f1_score(y, zeros, average="weighted"), "roc_auc": m.roc_auc_score(y, p), "average_precision": m.average_precision_score(y, p),
        "log_loss": m.log_loss(y, p), "brier": m.brier_score_loss(y, p),
    }
    for name, value in expected.items():
        assert constant_value(name, profile) == pytest.approx(value, abs=1e-12), name
    values = np.random.default_rng(0).normal(10, 3, 1000)
    column = SimpleNamespace(name="y", std=values.std(), quantiles=[])
    regression = SimpleNamespace(task="regression", classes=[], columns=[column], target="y")
    mean = np.full(1000, values.mean())
    assert constant_value("rmse", regression) == pytest.approx(m.root_mean_squared_error(values, mean))
    assert constant_value("r2", regression) == pytest.approx(m.r2_score(values, mean))


def test_phase_one_is_not_left_without_a_number(make):
    session = make(file=False)
    with pytest.raises(UsageError, match="goals.metric"):
        session.confirm("goals")
    session.answers.set("goals", "metric", "accuracy")
    with pytest.raises(UsageError, match="goals.target"):
        session.confirm("goals")
    session.answers.set("goals", "target", 0.9)
    session.confirm("goals")
    assert session.state()["goals"].state == "done", "goals work without data"


def test_a_blocking_finding_shuts_the_data_gate_until_it_is_answered(make):
    session = make(World(blocking=True))
    for _ in range(3):
        job = session.next_job("goals") or session.next_job("data")
        session.start(job)
        session.poll()
    assert not gate(session, "data", "finding:leak:other").ok
    session.remedy("leak:other", "drop-column")
    assert gate(session, "data", "finding:leak:other").ok
    assert session.answers.value("data", "remedies") == {"leak:other": "drop-column"}
    with pytest.raises(UsageError, match="no remedy"):
        session.remedy("leak:other", "explode")
    with pytest.raises(UsageError) as caught:
        session.remedy("leak:othr", "accept")
    assert "leak:other" in caught.value.remedy


def test_an_override_needs_a_reason_and_shows_everywhere(make):
    session = make(World(test=0.6))
    session.answers.set("goals", "target", 0.9)
    walk(session, until="strengthen")
    session.start(session.next_job("verify"))
    session.poll()
    assert not gate(session, "verify", "goal-held").ok
    with pytest.raises(UsageError):
        session.override("verify", "goal-held", " ")
    session.override("verify", "goal-held", "good enough for a pilot")
    item = gate(session, "verify", "goal-held")
    assert item.ok and item.overridden == "good enough for a pilot"
    session.confirm("verify")
    assert session.state()["verify"].overrides == ("goal-held: good enough for a pilot",)
    assert session.status().phases[7].overrides


@pytest.mark.parametrize(("phase", "gate_id"), [("data", "sealed"), ("verify", "opened"), ("baseline", "baselines")])
def test_some_gates_cannot_be_overridden(make, phase, gate_id):
    with pytest.raises(GateError):
        make().override(phase, gate_id, "I insist")


def test_a_later_phase_stays_locked(make):
    session = make()
    for phase in ("baseline", "train", "tune", "verify", "field", "ship"):
        assert session.next_job(phase) is None
        assert session.state()[phase].state == "locked"


def test_only_optional_phases_can_be_skipped(make):
    session = make()
    with pytest.raises(UsageError):
        session.skip("verify", "no time")
    session.skip("field", "no new rows")


def test_a_second_look_asks_for_a_reason_first(make):
    session = make()
    walk(session)
    session.answers.set("train", "epochs", 3)
    walk(session, until="strengthen")
    assert session.next_job("verify") is None
    assert [p.field for p in session.problems("verify")] == ["reason"]
    session.answers.set("verify", "reason", "fewer epochs, found by a faulty schedule")
    job = session.next_job("verify")
    assert job.reason == "fewer epochs, found by a faulty schedule"
    assert session.looks()[0]["looks"] == 1
