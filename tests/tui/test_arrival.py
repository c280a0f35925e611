"""Arriving on a page: its keys work at once, Tab and Enter go into the form, a lost run is the next step."""

import pytest
from textual.widgets import Input

from phasewise.records.phases import PHASES

from .fake_session import FakeSession
from .screen import frames, opened, press, row


@pytest.mark.parametrize("phase", PHASES)
async def test_letters_never_land_in_a_field_that_nobody_entered(phase):
    async with opened(FakeSession(done="ship")) as (app, pilot):
        await app.screen.go(phase)
        page = app.screen.page
        for i in range(len(page.VIEWS)):
            await press(pilot, str(i + 1))
            assert page.current == i
            assert not isinstance(app.focused, Input)
        await press(pilot, "left_square_bracket")
        assert app.screen.phase == PHASES[max(PHASES.index(phase) - 1, 0)]


@pytest.mark.parametrize("key", ["tab", "enter"])
async def test_a_key_goes_into_the_form(key):
    async with opened(FakeSession(done="verify")) as (app, pilot):
        await app.screen.go("field", 0)
        assert app.focused is None and row(app, -2).endswith(" n")
        await press(pilot, key)
        assert app.screen.page.form.focused_question().name == "files"
        await press(pilot, "q")
        assert isinstance(app.focused, Input) and app.focused.value == "q" and row(app, -2).endswith(" F10")
        await press(pilot, "escape")
        assert app.focused is None and row(app, -2).endswith(" n")


async def test_a_lost_run_is_the_next_step_and_goes_on_with_one_key():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session) as (app, pilot):
        await press(pilot, "n")
        session.run_list[-1].status = "lost"
        app.screen.watch_lost()
        await frames(pilot)
        assert "Resume: train" in row(app, -2)
        await press(pilot, "n")
        assert session.started[-1].kind == "fit"
