"""The Labels view with a real session behind it: keys decide, the journal holds it, undo goes back to the row."""

import pytest

from phasewise.workflow.session import Session
from workflow.fakes import Clock, FakeRecipe, FakeRunner, MemoryProject, World
from workflow.test_labelling import judged

from .screen import frame, golden, opened, press, still


@pytest.fixture
def session(tmp_path):
    (tmp_path / "data.csv").write_text("age,town,label,other\n1,a,yes,no\n2,b,no,no\n")
    made = Session(MemoryProject(tmp_path), runner=FakeRunner(World()), clock=Clock(), recipes=lambda _: FakeRecipe())
    made.answers.set("data", "file", str(tmp_path / "data.csv"), source="flag")
    return judged(made, 16, 40, 7, 99)


async def test_keys_accept_relabel_drop_and_undo(session):
    async with opened(session) as (app, pilot):
        await app.screen.go("data", 5)
        text = await still(pilot)
        assert "4 labels are contradicted" in text and "Sealed test rows are never reviewed" in text and "a accept l relabel d drop u undo" in text
        golden("labels-80x24", text)
        await press(pilot, "a", "l")
        text = await still(pilot)
        assert "Row 41 is labelled yes" in text and "no (predicted)" in text
        await press(pilot, "enter")
        await still(pilot)
        await press(pilot, "d")
        text = await still(pilot)
        assert session.answers.value("data", "relabel") == {"40": "no", "7": ""}
        assert "1 accepted, 1 relabelled, 1 dropped; 1 open" in text and "stale because 2 labels" in text
        view = app.screen.page.view
        assert view.current().number == 100  # the next open row
        await press(pilot, "u")
        text = await still(pilot)
        assert view.current().number == 8 and "1 accepted, 1 relabelled; 2 open" in text
        await press(pilot, "right", "G", "u")
        await still(pilot)
        assert session.answers.value("data", "relabel") == {}
        assert [e.data["decision"] for e in session.project.journal.entries() if e.kind == "label"] == ["accept", "relabel", "drop", "undo", "undo"]


async def test_the_remedy_of_a_finding_opens_the_queue_and_a_missing_one_says_why(session, tmp_path):
    from phasewise.records.findings import Finding, Remedy

    found = session.facts.evidence.latest("checks")
    noisy = Finding(id="label-noise", check="label-noise", severity="warn", title="About 4 % of the labels look wrong", remedies=[Remedy(action="review-labels", title="review the labels", recommended=True)])
    session.take("evidence", {"job": "checks", "slot": "checks", "run": "r-2", "phase": "data", "title": "", "inputs": found.inputs, "result": found.result.model_copy(update={"findings": [noisy]}).model_dump(mode="json"), "seconds": 1.0, "environment": {}})
    async with opened(session) as (app, pilot):
        await app.screen.go("data", 4)
        await still(pilot)
        await press(pilot, "a")
        assert "labels are contradicted" in await still(pilot) and app.screen.page.current == 5
    session.take("evidence", {"job": "checks", "slot": "checks", "run": "r-3", "phase": "data", "title": "", "inputs": found.inputs, "result": found.result.model_copy(update={"doubts": None, "doubts_why": "the target is a number, not a class"}).model_dump(mode="json"), "seconds": 1.0, "environment": {}})
    async with opened(session) as (app, pilot):
        await app.screen.go("data", 5)
        assert "the target is a number" in await still(pilot)
        await press(pilot, "a", "l", "d", "u")
        assert "Data" in frame(app) and not [e for e in session.project.journal.entries() if e.kind == "label"]
