"""The finder's chart by keyboard: the rate under the cursor becomes the answer (T03)."""

from .fake_session import FakeSession
from .screen import opened, press, still


async def test_the_rate_under_the_cursor_is_taken():
    session = FakeSession(done="ship")
    async with opened(session) as (app, pilot):
        await app.screen.go("train", 1)
        await still(pilot)
        view = app.screen.page.view
        before = session.answers.value("train", "lr")
        view.table.focus()  # where the keyboard is after the view was opened: its arrows are not the chart's
        await press(pilot, "left", "t")
        assert session.answers.value("train", "lr") == before, "without a cursor nothing is taken"
        await press(pilot, "left", "left", "left", "t")
        taken = session.answers.value("train", "lr")
        shown = [x for x, _ in view.chart.shown()[0].points]
        assert taken in shown and taken != before and shown.index(taken) < len(shown) - 1
