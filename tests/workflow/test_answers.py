"""Answers in layers: who wins, what is remembered, what a recomputed recommendation may touch."""

import pytest

from phasewise.records.errors import GateError, StorageError, UsageError
from phasewise.workflow import values
from phasewise.workflow.session import Session
from workflow.fakes import Clock, FakeRecipe, FakeRunner, World
from workflow.test_walkthrough import walk


def profiled(make, world=None):
    session = make(world)
    session.start(session.next_job("goals"))
    session.poll()
    return session


def again(session):
    """The same project opened anew."""
    return Session(session.project, runner=FakeRunner(session.runner.world), clock=Clock(), recipes=lambda _: FakeRecipe())


def test_a_stronger_source_wins_whatever_the_order(make):
    session = make()
    session.answers.set("goals", "target", 0.7, source="typed")
    session.answers.update({"goals": {"target": 0.8}}, source="flag")
    assert session.answers.value("goals", "target") == 0.7
    session.answers.update({"data": {"seed": 5}}, source="file")
    session.answers.update({"data": {"seed": 6}}, source="flag")
    session.answers.update({"data": {"seed": 7}}, source="file")
    assert (session.answers.value("data", "seed"), session.answers.source("data", "seed")) == (6, "flag")


def test_without_a_decision_the_recommendation_holds_and_says_why(make):
    session = profiled(make)
    assert session.answers.source("goals", "metric") == "recommended"
    assert session.answers.value("goals", "metric") == "roc_auc"
    assert "70% to 30%" in session.answers.recommendation("goals", "metric").reason
    assert session.answers.source("data", "gap") == "default"


def test_a_typed_answer_is_never_overwritten_by_a_new_recommendation(make, data_file):
    session = profiled(make)
    session.answers.set("goals", "metric", "accuracy")
    session.runner.world.task = "regression"
    data_file.write_text("changed\n")
    session.refresh()
    session.start(session.next_job("goals"))
    session.poll()
    assert session.answers.value("goals", "metric") == "accuracy"
    assert session.answers.recommendation("goals", "metric").value == "rmse"
    assert "metric" in [p.field for p in session.problems("goals")]


def test_an_accepted_recommendation_stays_until_its_basis_changes(make, data_file):
    session = profiled(make)
    session.confirm("goals")
    other = again(session)
    assert other.answers.source("goals", "metric") == "recommended"
    other.runner.world.task = "regression"
    data_file.write_text("changed\n")
    other.refresh()
    other.start(other.next_job("goals"))
    other.poll()
    assert other.answers.value("goals", "metric") == "rmse", "nobody decided it: it follows the new data"
    assert other.state()["goals"].state == "stale"


def test_sources_survive_a_restart_and_a_hand_edit_counts_as_file(make):
    session = profiled(make)
    session.answers.set("goals", "target", 0.8)
    session.confirm("goals")
    assert again(session).answers.source("goals", "target") == "typed"
    session.project.settings.document["goals"]["target"] = 0.85
    edited = again(session)
    assert (edited.answers.value("goals", "target"), edited.answers.source("goals", "target")) == (0.85, "file")
    assert edited.state()["goals"].state == "stale"


def test_taking_a_decision_back_brings_the_recommendation_back(make):
    session = profiled(make)
    session.answers.set("goals", "target", 0.7)
    session.answers.unset("goals", "target")
    assert (session.answers.value("goals", "target"), session.answers.source("goals", "target")) == (0.9, "recommended")


def test_the_file_holds_effective_values_of_confirmed_phases_and_decisions_of_the_others(make):
    session = profiled(make)
    session.answers.set("train", "epochs", 7)
    session.confirm("goals")
    stored = session.project.settings.document
    assert stored["goals"]["metric"] == "roc_auc" and stored["goals"]["ideas_without_gain"] == 10
    assert stored["train"] == {"epochs": 7}
    assert "max_latency_ms" not in stored["goals"], "no answer is no line"


@pytest.mark.parametrize(("key", "text", "value"), [
    ("train.lr", "0.01", 0.01), ("train.epochs", "7", 7), ("data.roles", "age=number, town=category", {"age": "number", "town": "category"}),
    ("data.remedies", '{"a:b" = "drop"}', {"a:b": "drop"}), ("ship.formats", "bundle,onnx", ["bundle", "onnx"]), ("baseline.models", '["dummy"]', ["dummy"]),
    ("approach.embeddings", "false", False), ("goals.metric", "none", None), ("approach.imbalance", "none", "none"), ("train.hidden", "", None),
    ("train.hidden", "256,128", ["256", "128"]), ("baseline.go_on_reason", "we need = signs, too", "we need = signs, too"),
])
def test_text_of_flags_becomes_a_value_of_the_right_type(key, text, value):
    phase, field = values.split_key(key)
    found = values.parse_text(phase, field, text)
    assert found == value and type(found) is type(value)


def test_none_on_a_flag_takes_an_answer_back_and_keeps_a_choice_of_that_name(make):
    session = profiled(make)
    usual = session.answers.value("train", "epochs")
    session.answers.update({"train": {"epochs": 7, "hidden": ["9"]}}, source="file")
    session.answers.update({"train": {"epochs": None, "hidden": None}}, source="flag")
    assert (session.answers.value("train", "epochs"), session.answers.value("train", "hidden")) == (usual, [])
    session.answers.update({"train": {"epochs": 8}}, source="flag")
    session.answers.update({"train": {"epochs": None}}, source="file")
    assert session.answers.value("train", "epochs") == 8, "a file takes nothing back that a flag said"


@pytest.mark.parametrize(("key", "hint"), [("gaols.metric", "goals"), ("goals.metrc", "goals.metric"), ("metric", "goals.metric")])
def test_an_unknown_key_names_the_nearest_one(key, hint):
    with pytest.raises(UsageError) as caught:
        values.split_key(key)
    assert hint in caught.value.remedy


@pytest.mark.parametrize(("phase", "field", "bad"), [("train", "epochs", 0), ("train", "optimizer", "adamm"), ("data", "test_share", 1.5), ("goals", "target", "high")])
def test_a_wrong_value_is_refused_and_changes_nothing(make, phase, field, bad):
    session = make()
    before = session.answers.value(phase, field)
    with pytest.raises(UsageError) as caught:
        session.answers.set(phase, field, bad)
    assert f"{phase}.{field}" in caught.value.title
    assert session.answers.value(phase, field) == before


def test_the_expected_range_is_locked_once_a_model_was_scored(make):
    session = make()
    walk(session, until="baseline")
    with pytest.raises(GateError):
        session.answers.set("goals", "expected_low", 0.1)
    locked = {q.name: q.locked for q in session.questions("goals")}
    assert locked["expected_low"] and not locked["target"]


def test_an_observer_can_look_and_cannot_decide(make):
    session = profiled(make)
    session.project.read_only, session.project.read_only_why = True, "another window has it"
    watcher = again(session)
    assert watcher.state().phase == "goals"
    for act in (lambda: watcher.answers.set("goals", "target", 0.5), lambda: watcher.confirm("goals"), lambda: watcher.reopen("goals", "why not")):
        with pytest.raises(StorageError, match="reading only"):
            act()


def test_world_of_three_classes_gets_a_metric_that_counts_every_class(make):
    session = profiled(make, World(task="multiclass"))
    assert session.answers.value("goals", "metric") in ("accuracy", "balanced_accuracy")
