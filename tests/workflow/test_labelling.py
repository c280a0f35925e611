"""Label review: decisions are in the journal, can be taken back, and make stale only what used the labels (D18)."""

import pytest

from phasewise.records.errors import GateError, UsageError
from phasewise.workflow import labelling
from phasewise.workflow.dev import data_view
from workflow.fakes import World


def doubts(*rows: int):
    return [{"row": r, "given": "yes", "suggested": "no", "confidence": 0.97 - i / 100, "margin": -0.95 + i / 10, "cells": {"age": str(r)}} for i, r in enumerate(rows)]


def judged(session, *rows: int, **more):
    """The session with checks that judged labels, and baselines on top."""
    job = session.next_job("data")
    while job is not None:
        session.start(job)
        session.poll()
        job = session.next_job("data")
    found = session.facts.evidence.latest("checks")
    result = found.result.model_copy(update={"doubts": [labelling.LabelDoubt(**d) for d in doubts(*rows)], "doubts_rows": 4000, "doubts_classes": ["no", "yes"], **more})
    session.take("evidence", {"job": "checks", "slot": "checks", "run": "r-judged", "phase": "data", "title": "", "inputs": found.inputs, "result": result.model_dump(mode="json"), "seconds": 1.0, "environment": {}})
    for finding in result.findings:
        session.remedy(finding.id, "accept")
    for phase in ("goals", "data", "approach"):
        session.confirm(phase)
    while (job := session.next_job("baseline")) is not None:
        session.start(job)
        session.poll()
    return session


def by(session, number):
    return labelling.named(labelling.queue(session.view), str(number))


def test_a_decision_is_logged_applied_and_taken_back(make):
    session = judged(make(World(rows=5000)), 16, 40, 7)
    assert not session.view.evidence("baselines").stale
    queue = labelling.queue(session.view)
    assert [c.number for c in queue.cases] == [17, 41, 8] and queue.sure == 2 and queue.count("") == 3
    labelling.decide(session, by(session, 17), "accept")
    assert not session.view.evidence("baselines").stale and session.state()["data"].state == "done"
    labelling.decide(session, by(session, 41), "relabel", "no")
    labelling.decide(session, by(session, 8), "drop")
    assert data_view(session.view).relabel == {"40": "no", "7": ""} and data_view(session.view, remedies=False).relabel == {}
    assert [c.decision for c in labelling.queue(session.view).cases] == ["accept", "relabel", "drop"]
    assert session.view.evidence("baselines").stale_because == ("2 labels were corrected or put back by hand",)
    assert not session.view.evidence("checks").stale and not session.view.evidence("split").stale
    again = type(session)(session.project, recipes=session._recipes)
    assert [c.decision for c in labelling.queue(again.view).cases] == ["accept", "relabel", "drop"]
    assert labelling.last(again.view) == 7
    for number in (17, 41, 8):
        labelling.decide(again, by(again, number), "undo")
    assert labelling.queue(again.view).count("") == 3 and labelling.last(again.view) is None
    assert not again.view.evidence("baselines").stale and again.answers.value("data", "relabel") == {}
    log = [(e.data["row"], e.data["decision"], e.data["label"]) for e in session.project.journal.entries() if e.kind == "label"]
    assert log == [(16, "accept", ""), (40, "relabel", "no"), (7, "drop", ""), (16, "undo", ""), (40, "undo", ""), (7, "undo", "")]


def test_a_decision_changed_is_one_decision(make):
    session = judged(make(), 16, 40)
    labelling.decide(session, by(session, 17), "drop")
    labelling.decide(session, by(session, 17), "relabel", "no")
    labelling.decide(session, by(session, 17), "accept")
    assert data_view(session.view).relabel == {} and [c.decision for c in labelling.queue(session.view).cases] == ["accept", ""]


def test_corrections_of_another_version_of_the_file_are_not_applied(make, data_file):
    session = judged(make(), 0)
    labelling.decide(session, by(session, 1), "relabel", "no")
    session.answers.set("data", "relabel", {**session.answers.value("data", "relabel"), "1": "yes"})
    assert data_view(session.view).relabel == {"0": "no", "1": "yes"}
    assert labelling.queue(session.view).elsewhere == 1
    data_file.write_text("age,town,label,other\n9,z,no,no\n8,y,yes,no\n")
    session.refresh()
    assert data_view(session.view).relabel == {"1": "yes"}
    assert labelling.queue(session.view).outdated == 1 and "another version of the file" in " ".join(labelling.told(labelling.queue(session.view)))


@pytest.mark.parametrize("text", ["17", "17=", "=drop", "17=fix", "17=relabel", "17=relabel:", "17=accept:yes"])
def test_a_decision_that_cannot_be_read_is_said(text):
    with pytest.raises(UsageError, match="cannot read --label"):
        labelling.parsed(text)


def test_unknown_rows_and_classes_are_said(make):
    session = judged(make(), 16)
    assert labelling.parsed("cats/a.png=relabel:dog") == ("cats/a.png", "relabel", "dog") and labelling.parsed("3=relabel:a=b:c") == ("3", "relabel", "a=b:c")
    with pytest.raises(UsageError, match="row 16 is not in the review queue") as error:
        by(session, 16)
    assert "sealed test rows never are" in error.value.cause and "17" in error.value.remedy
    with pytest.raises(UsageError, match="no class 'nein'"):
        labelling.decide(session, by(session, 17), "relabel", "nein")
    with pytest.raises(UsageError, match="is 'yes' already"):
        labelling.decide(session, by(session, 17), "relabel", "yes")
    assert not [e for e in session.project.journal.entries() if e.kind == "label"]


def test_why_there_is_no_queue(make):
    with pytest.raises(GateError, match="no review queue yet"):
        labelling.queue(make().view)
    number = judged(make(), 1, doubts=None, doubts_why="the target is a number, not a class")
    with pytest.raises(GateError) as error:
        labelling.queue(number.view)
    assert error.value.cause == "the target is a number, not a class" and not labelling.unmade(number.view)


def test_accepting_a_finding_makes_nothing_stale_and_leaving_a_column_out_does(make):
    session = judged(make(World(blocking=True)), 16)
    assert session.view.evidence("baselines").stale is False and session.state()["data"].state == "done"
    session.remedy("duplicates", "drop-rows")
    assert session.view.evidence("baselines").stale_because == ("data.remedies changed: duplicates is drop-rows",)
    session.remedy("duplicates", "accept")
    assert session.view.evidence("baselines").stale is False and session.state()["data"].state == "done"
