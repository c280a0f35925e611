"""The same pages by mouse only."""

from .fake_session import FakeSession
from .screen import frame, opened, press, settle


async def click(pilot, text, *, nth=0, dx=1):
    """Click on the nth place where a text is seen on the screen."""
    spots = [(line.index(text) + dx, y) for y, line in enumerate(frame(pilot.app).splitlines()) if text in line]
    assert spots, f"{text!r} is not on the screen"
    await pilot.click(offset=spots[nth])
    await settle(pilot, 1)


async def test_phases_views_options_and_buttons_are_clicked():
    session = FakeSession(done="data")
    async with opened(session, (100, 30)) as (app, pilot):
        await click(pilot, "Goals")
        assert app.screen.phase == "goals"
        await click(pilot, "new groups")
        assert session.answers.get("goals").claim == "new_groups"
        await click(pilot, "Data")
        await click(pilot, "3 Columns", dx=3)
        assert "education-num" in frame(app)
        await click(pilot, "fnlwgt")
        assert "whole numbers with many values" in frame(app)
        await click(pilot, "5 Findings", dx=3)
        await click(pilot, "52 rows appear twice")
        await click(pilot, "52 rows appear twice")
        assert "Drop the copies" in frame(app)
        await click(pilot, "2  Drop the copies")
        assert session.answers.get("data").remedies["duplicates"] == "drop-rows"
        await click(pilot, "Next: Approach", dx=3)
        assert app.screen.phase == "approach"
        await click(pilot, "Back b", dx=2)
        assert app.screen.phase == "data"
        await click(pilot, "Review v", dx=2)
        assert "phasewise run --through ship" in frame(app)


async def test_choosing_picking_and_advanced_by_mouse():
    session = FakeSession()
    async with opened(session, (100, 40)) as (app, pilot):
        await click(pilot, "ROC AUC")
        await click(pilot, "macro F1")
        assert session.answers.get("goals").metric == "f1_macro"
        await click(pilot, "Advanced")
        assert "Max latency ms?" in frame(app)
        await click(pilot, "F1 Help")
        assert "What does success look like" in frame(app)


async def test_the_wide_rail_and_footer_are_clicked():
    session = FakeSession(done="data")
    async with opened(session, (140, 40)) as (app, pilot):
        await click(pilot, "1 Goals", dx=3)
        assert app.screen.phase == "goals"
        await click(pilot, "F2 Phases")
        assert "48,842 rows" in frame(app)
        await press(pilot, "escape")
        await click(pilot, "q Quit")
    assert app.return_value is not None
