"""What goes stale when an answer changes: a table; nothing is erased, and only what depends on it is computed again."""

import pytest

from workflow.test_walkthrough import walk

ALL = ("profile", "split", "checks", "baselines", "checkup", "find_lr", "fit", "combine", "open_vault", "export")
AFTER_SPLIT = ("checks", "baselines", "checkup", "find_lr", "fit", "combine", "open_vault", "export")
CASES = [
    ("data", "target", "other", ALL),
    ("data", "seed", 7, ALL[1:]),
    ("data", "test_share", 0.3, ALL[1:]),
    ("goals", "metric", "accuracy", AFTER_SPLIT),
    ("goals", "target", 0.85, ("baselines", "combine")),
    ("data", "remedies", {"duplicates": "drop-rows"}, ("baselines", "checkup", "find_lr", "fit", "combine", "open_vault", "export")),
    ("approach", "embeddings", False, ("checkup", "find_lr", "fit", "combine", "open_vault", "export")),
    ("train", "epochs", 3, ("fit", "combine", "open_vault", "export")),
    ("train", "lr", 0.5, ("fit", "combine", "open_vault", "export")),
    ("baseline", "models", ["dummy", "linear"], ("baselines", "combine")),
    ("strengthen", "members", 3, ("combine",)),
    ("ship", "formats", ["bundle", "onnx"], ("export",)),
    ("goals", "budget_hours", 5.0, ()),
    ("data", "source", "a survey", ()),
]


def walk_again(session):
    """Recompute what is stale, with the reason a second look needs."""
    session.answers.set("verify", "reason", "the test changed an answer")
    return walk(session)


@pytest.fixture
def finished(make):
    session = make()
    session.answers.set("data", "remedies", {"duplicates": "accept"})
    walk(session)
    return session


@pytest.mark.parametrize("change", CASES, ids=[f"{c[0]}.{c[1]}" for c in CASES])
def test_a_changed_answer_marks_exactly_what_depends_on_it(finished, change):
    phase, field, value, slots = change
    before = {slot: finished.evidence(slot) for slot in ALL}
    assert all(e is not None and not e.stale for e in before.values())
    finished.answers.set(phase, field, value)
    stale = {slot for slot in ALL if finished.view.steps[slot].wanted(finished.view) and finished.evidence(slot).stale}
    expected = {s for s in slots if finished.view.steps[s].wanted(finished.view)}
    if finished.view.explicit("train.lr"):
        stale.discard("find_lr")
    assert stale - {"open_vault", "export"} == expected - {"open_vault", "export"}
    for slot in ("open_vault", "export"):
        if slot in expected:
            assert slot in stale
    for slot in stale:
        assert f"{phase}.{field}" in " ".join(finished.evidence(slot).stale_because) or slot in ("open_vault", "export")
    assert {slot: finished.evidence(slot).seq for slot in ALL} == {slot: e.seq for slot, e in before.items()}, "nothing is erased"


def test_changing_an_answer_back_makes_the_old_evidence_count_again(finished):
    runs = len(finished.runs())
    finished.answers.set("train", "epochs", 3)
    assert finished.state()["train"].state == "stale"
    old = finished.state()["train"].stale_because
    assert any("train.epochs changed from" in reason for reason in old)
    finished.answers.unset("train", "epochs")
    assert finished.evidence("fit").stale is False
    assert len(finished.runs()) == runs


def test_only_what_is_stale_is_computed_again(finished):
    before = len(finished.runner.started)
    finished.answers.set("train", "epochs", 3)
    walk_again(finished)
    again = finished.runner.started[before:]
    assert "fit" in again
    assert not {"profile", "split", "checks", "baselines", "checkup", "find_lr"} & set(again)


def test_a_changed_file_is_noticed_by_its_content_and_named_in_the_reason(finished, data_file):
    data_file.write_text(data_file.read_text() + "3,c,yes,no\n")
    finished.refresh()
    assert finished.evidence("profile").stale_because == ("the file of data.file changed",)
    assert finished.state()["data"].state == "stale"
    data_file.write_text(data_file.read_text().removesuffix("3,c,yes,no\n"))
    finished.refresh()
    assert not finished.evidence("profile").stale


def test_a_touched_or_absent_file_is_no_change(finished, data_file):
    text = data_file.read_text()
    data_file.write_text(text)
    finished.refresh()
    assert not finished.evidence("profile").stale
    data_file.rename(data_file.with_suffix(".away"))
    finished.refresh()
    assert not finished.evidence("profile").stale


def test_reopening_erases_nothing_and_asks_for_a_new_confirmation(finished):
    finished.reopen("data", "a colleague doubts the split")
    state = finished.state()
    assert state.phase == "data"
    assert "reopened: a colleague doubts the split" in state["data"].stale_because
    assert state["train"].state == "stale"
    assert not finished.evidence("fit").stale
    finished.confirm("data")
    assert finished.state()["train"].state == "done"


def test_a_reopening_after_the_split_is_the_reason_of_the_next_one_only(finished):
    finished.answers.set("data", "test_share", 0.3)
    assert finished.next_job("data").reason == "", "the vault refuses it: models were scored on the split"
    finished.reopen("data", "patients were in two parts")
    finished.confirm("data")
    job = finished.next_job("data")
    assert job.kind == "split" and job.reason == "patients were in two parts"
    finished.start(job)
    finished.poll()
    finished.answers.set("data", "test_share", 0.35)
    assert finished.next_job("data").reason == ""


def test_a_question_added_by_a_later_version_makes_nothing_stale(finished):
    from dataclasses import replace

    steps = dict(finished.view.steps)
    steps["baselines"] = replace(steps["baselines"], answers=(*steps["baselines"].answers, "data.pca"))
    finished.view.steps = steps
    finished.view._inputs.clear()
    assert not finished.view.evidence("baselines").stale
    finished.answers.set("data", "pca", 0.9)
    finished.view.steps = steps
    assert finished.view.evidence("baselines").stale_because == ("data.pca changed from None to 0.9",)
