"""Stages by cost (B08): what each took, what waits for what, and that other code locks everything again."""

import pytest

from phasewise.records import trust
from phasewise.records.errors import GateError
from phasewise.workflow import stages
from workflow.test_walkthrough import walk

SOUND = "def loss(outputs, y):\n    return ((outputs[:, 0] - y) ** 2).mean()\n"


@pytest.fixture
def own_loss(tmp_path, monkeypatch):
    """Writes the loss file, with or without consent."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "own_loss.py"

    def write(text, *, agree=True):
        path.write_text(text)
        if agree:
            trust.agree(trust.read(path)[1], str(path))
        return str(path)

    return write


def judged(session, *colours):
    """Evidence of a check-up whose stages ended like this, for the present answers."""
    names = ("shape", "unit", "one batch", "control", "subset", "smallest")
    red = "red" in colours
    session.take("evidence", {
        "job": "checkup", "slot": "checkup", "run": f"9{session.facts.last_seq}-checkup", "phase": "baseline", "title": "", "inputs": session.view.inputs("checkup"), "seconds": 1.0,
        "result": {
            "verdicts": [{"id": "planted", "verdict": "fail" if red else "pass"}], "locked": list(names[len(colours):]),
            "stages": [{"stage": n, "checks": 1, "seconds": 0.5 * (i + 1), "state": c} for i, (n, c) in enumerate(zip(names, colours, strict=False))],
        },
    })


def test_times_and_locks_are_told_from_the_cheapest_to_the_full_run(make):
    session = make()
    walk(session, until="data")
    assert stages.read(session.view) == [] and session.status().stages == []
    judged(session, "green", "red")
    found = {s.id: s for s in stages.read(session.view)}
    assert found["shape"].seconds == 0.5 and found["unit"].state == "red" and found["subset"].why == "unit is red"
    assert found["full"].state == "locked" and "planted" in found["full"].why
    assert stages.told(stages.read(session.view)).startswith("shape 0.5 s, unit RED 1 s, one batch locked")
    judged(session, *["green"] * 6)
    assert [s["state"] for s in session.status().stages] == ["green"] * 6 + ["open"]


def test_a_full_run_with_a_red_check_is_refused_until_somebody_writes_why(make):
    session = make()
    walk(session, until="train")
    fit = next(j for j in session.runner.jobs if j.kind == "fit")
    judged(session, "green", "red")
    with pytest.raises(GateError, match="waits for the check-up"):
        session.start(fit)
    session.override("baseline", "checkup", "to see how it fails")
    session.start(fit)
    assert session.runner.started[-1] == "fit"


def test_other_code_locks_every_later_stage_again_and_changing_it_back_opens_them(make, own_loss):
    session = make()
    session.answers.set("approach", "loss_file", own_loss(SOUND))
    walk(session, until="train")
    assert session.state()["train"].state == "done"
    fit = next(j for j in session.runner.jobs if j.kind == "fit")
    assert fit.config.train.loss == "plugin" and len(fit.config.train.loss_options["sha256"]) == 64
    own_loss(SOUND + "# a thought\n", agree=False)
    session.refresh()
    assert any("agreed" in p.message for p in session.problems("approach"))
    state = session.state()
    assert state["approach"].state == "ready" and state["baseline"].state == state["train"].state == "stale"
    assert "the file of approach.loss_file changed" in state["train"].stale_because
    with pytest.raises(GateError, match="waits for the check-up"):
        session.start(fit)
    trust.agree(trust.read(session.view.files.path(session.answers.value("approach", "loss_file")))[1], "own_loss.py")
    session.refresh()
    assert session.state().phase == "baseline" and session.next_job("baseline").kind == "checkup" and session.next_job("train") is None
    own_loss(SOUND)
    session.refresh()
    assert session.state()["train"].state == "done", "the same bytes, the same evidence"


def test_a_project_without_own_code_has_the_fingerprints_it_had(make):
    session = make()
    walk(session, until="data")
    assert not [k for k in session.view.inputs("fit") if "loss_file" in k]


@pytest.mark.parametrize("text", [None, "x" * (1 << 20 + 1)])
def test_a_loss_file_that_is_none_is_a_problem_of_its_question(make, own_loss, tmp_path, text):
    session = make()
    walk(session, until="data")
    path = str(tmp_path / "away.py") if text is None else own_loss(text, agree=False)
    session.answers.set("approach", "loss_file", path)
    assert [p.field for p in session.problems("approach")] == ["loss_file"]
