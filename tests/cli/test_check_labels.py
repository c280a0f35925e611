"""`phasewise check --labels`, `--label` and `--plain`: what a person types and reads at the label-review queue."""

import json

import pytest

from phasewise.workflow.session import Session
from workflow.test_labelling import doubts


@pytest.fixture
def queue(cli, table):
    """A project at the baseline whose checks hold two doubtful rows; one class name is hostile."""
    assert cli("new", "here", "--data", table, "--no-input")[0] == 0
    assert cli("run", "-C", "here", "--through", "baseline", "--yes")[0] == 0
    session = Session.open("here")
    found = session.facts.evidence.latest("checks")
    rows = doubts(16, 40)
    rows[1]["suggested"] = "no\x1b[2J"
    result = found.result.model_dump(mode="json") | {"doubts": rows, "doubts_rows": 900, "doubts_classes": ["no", "no\x1b[2J", "yes"]}
    session.take("evidence", {"job": "checks", "slot": "checks", "run": "r-judged", "phase": "data", "title": "", "inputs": found.inputs, "result": result, "seconds": 1.0, "environment": {}})
    session.close()
    return cli


def entries(kind):
    from phasewise.project.folder import Project

    with Project.open("here", read_only=True) as project:
        return [e.data for e in project.journal.entries() if e.kind == kind]


def test_listed_decided_and_taken_back(queue):
    code, out, _ = queue("check", "--labels", "-C", "here")
    assert code == 0 and "2 labels are contradicted" in out and "sealed test rows are never reviewed" in out and "\x1b" not in out
    assert [line.split()[:4] for line in out.splitlines() if line[:2].isdigit()] == [["17", "yes", "no", "97%"], ["41", "yes", "no\u241b[2J", "96%"]]
    code, out, err = queue("check", "--label", "17=accept", "--label", "41=relabel:no", "-C", "here")
    assert code == 0 and out.splitlines() == ["row 17: label 'yes' is right", "row 41: 'yes' becomes 'no'"] and "stale now: Data, Approach, Baseline" in err
    assert "[data.relabel]\n40 = \"no\"" in open("here/phasewise.toml").read()
    found = json.loads(queue("check", "--labels", "--json", "-C", "here")[1])
    assert [(r["row"], r["decision"], r["label"]) for r in found["rows"]] == [(17, "accept", ""), (41, "relabel", "no")]
    assert json.loads(queue("status", "-C", "here", "--json")[1])["phases"]
    code, _, err = queue("check", "--label", "41=undo", "--label", "17=undo", "-C", "here")
    assert code == 0 and "stale" not in err and len(entries("label")) == 4


@pytest.mark.parametrize(("flags", "said"), [
    (["--label", "17=fix"], "cannot read --label"), (["--label", "18=drop"], "row 18 is not in the review queue"),
    (["--label", "17=drop", "--label", "41=relabel:maybe"], "there is no class 'maybe'"), (["--labels", "new.csv"], "two commands"), ([], "nothing to check is named"),
])
def test_a_wrong_word_changes_nothing(queue, flags, said):
    code, _, err = queue("check", *flags, "-C", "here")
    assert code == 2 and said in err and "remedy:" in err and not entries("label")


def test_before_the_data_phase_there_is_no_queue(cli, table):
    assert cli("new", "here", "--data", table, "--no-input")[0] == 0
    code, _, err = cli("check", "--labels", "-C", "here")
    assert code == 3 and "no review queue yet" in err and "phasewise run data" in err


def test_checks_of_an_older_version_are_made_again(cli, table, quiet_home):
    assert cli("new", "here", "--data", table, "--no-input")[0] == 0
    assert cli("run", "-C", "here", "--through", "data", "--yes")[0] == 0
    before = quiet_home.started.count("checks")
    code, _, err = cli("check", "--labels", "-C", "here")
    assert quiet_home.started.count("checks") == before + 1 and code == 3 and "no review queue" in err


def test_line_by_line(queue):
    code, _, err = queue("check", "--labels", "--plain", "-C", "here", stdin="maybe\ndrop\n!\n")
    assert code == 0 and "row 17: labelled 'yes', predicted 'no' with 97%" in err and "there is no class 'maybe'" in err and "row 17: left out" in err and "row 41" in err
    assert "\x1b" not in err and [(e["row"], e["decision"]) for e in entries("label")] == [(16, "drop")]
    code, _, err = queue("check", "--labels", "--plain", "-C", "here", stdin="no\n")
    assert code == 0 and "row 41: 'yes' becomes 'no'" in err and "stale now" in err
