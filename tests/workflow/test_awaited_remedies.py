"""A remedy given before the data was checked waits for its finding; one that was not needed is said."""

import pytest

from phasewise.cli.run import pair
from phasewise.records.errors import UsageError
from phasewise.workflow import drive
from phasewise.workflow.remedies import awaited
from workflow.fakes import World


def go(session, told, **more):
    drive.run(session, drive.upto("data"), tell=told.append, sleep=lambda _: None, **more)


def test_it_is_recorded_when_the_check_finds_it_and_wins_over_what_yes_would_do(make):
    session, told = make(World()), []
    go(session, told, yes=True, remedies={"duplicates": "accept", "target-leak:nowhere": "drop-column"})
    assert session.answers.value("data", "remedies") == {"duplicates": "accept"}
    assert "remedy: duplicates -> accept, as you asked" in told
    assert [t for t in told if "no check found target-leak:nowhere" in t] and session.state()["data"].state == "done"


def test_it_opens_the_gate_of_a_blocking_finding(make):
    session, told = make(World(blocking=True)), []
    go(session, told, yes=True, remedies={"leak:other": "accept"})
    assert session.answers.value("data", "remedies")["leak:other"] == "accept" and session.state()["data"].state == "done"


def test_only_what_a_check_may_still_find_is_waited_for(make):
    session = make(World())
    assert awaited(session, "target-leak:age", "drop-column")
    with pytest.raises(UsageError, match="unknown finding") as error:
        awaited(session, "target-lek:age", "drop-column")
    assert "'target-leak:age'" in error.value.remedy
    go(session, [], yes=True)
    with pytest.raises(UsageError, match="unknown finding"):
        awaited(session, "target-leak:age", "drop-column")
    assert not awaited(session, "duplicates", "accept")


def test_ids_of_findings_may_hold_an_equal_sign():
    assert pair("duplicate-columns:a=b=drop-column", "--remedy", "") == ("duplicate-columns:a=b", "drop-column")
    assert pair('sentinel-values:x=to-missing?{"values":["="]}', "--remedy", "") == ("sentinel-values:x", 'to-missing?{"values":["="]}')
    assert pair("data:gate=a = b", "--override", "") == ("data:gate", "a = b")


def test_a_column_that_may_name_groups_binds_no_split_that_nobody_asked_for(make):
    from types import SimpleNamespace

    from phasewise.workflow.phases.data import _split_job

    def job(policy, group):
        session = make(World())
        session.answers.set("data", "policy", policy)
        if group:
            session.answers.set("data", "group", group)
        go(session, [], yes=True)
        view = session.view
        values = SimpleNamespace(value=lambda k: "who" if k == "data.group" and not group else view.value(k), explicit=view.explicit, files=view.files, facts=view.facts, kind=view.kind, profile=view.profile, latest=view.latest)
        return _split_job(values)

    assert job("stratified", None).group is None
    assert job("stratified", "town").group == "town", "a group that a person declared is checked"
