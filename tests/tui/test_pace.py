"""A still window looks once a second; whatever a person or another window starts gives fast frames at once."""

import asyncio
import time

from phasewise.tui.screens.main import CALM

from .fake_session import FakeSession, tell_training
from .screen import frame, opened, row, still


def resting(app):
    """Whether the slow timer has taken over."""
    main = app.screen_stack[1]
    return main.slow._active.is_set() and not main.fast._active.is_set()


def rest(app):
    """As if nothing had happened for two seconds."""
    main = app.screen_stack[1]
    main.calm = CALM
    main.pace(False)
    assert resting(app)


async def until(true, seconds=60.0):
    """Waits for something to come true; the seconds it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it did not come true"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def polls(app):
    """Counts the looks of the frames from now on."""
    seen = []
    look = app.desk.poll
    app.desk.poll = lambda: seen.append(time.monotonic()) or look()
    return seen


async def test_after_two_quiet_seconds_the_window_looks_once_a_second():
    async with opened(FakeSession(done="data")) as (app, _pilot):
        await until(lambda: resting(app))
        seen = polls(app)
        await until(lambda: len(seen) >= 3)
        assert seen[2] - seen[0] > 1.0, "a resting window looks five times a second"


async def test_a_key_a_click_and_a_paste_wake_the_window():
    async with opened(FakeSession(done="data")) as (app, pilot):
        for act in (lambda: pilot.press("1"), lambda: pilot.click("#title-row"), lambda: pilot.press("f1")):
            rest(app)
            await act()
            assert not resting(app)
        rest(app)  # with a dialog over it
        await pilot.press("down")
        assert not resting(app)


async def test_work_started_from_a_resting_window_is_shown_at_once():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session) as (app, pilot):
        rest(app)
        seen = polls(app)
        await pilot.press("n")
        assert not resting(app)
        assert "Watch the run" in row(app, -2), "the action bar still offers to start it"
        tell_training(session.run_list[-1])
        await until(lambda: "t train" in frame(app))
        await until(lambda: len(seen) >= 4)
        assert not resting(app)
        session.complete(session.run_list[-1])
        await until(lambda: "finished" in frame(app))
        await until(lambda: resting(app))


async def test_a_run_that_another_window_started_appears_in_a_resting_viewer():
    session = FakeSession(done="baseline", read_only=True)
    session.put("find_lr")
    async with opened(session, (100, 30)) as (app, pilot):
        await pilot.press("escape")
        rest(app)
        run = session.start(session.next_job("train"))
        tell_training(run)
        session.elsewhere = True
        await until(lambda: not resting(app))
        await until(lambda: "Watch the run" in row(app, -2) or "running" in row(app, 0) + row(app, -3))
        assert app.desk.board.run(run.id).series["train.loss"].count == 12 * 31
        assert not resting(app), "a viewer of a live run has fast frames"


async def test_another_focus_paints_what_changed_and_not_the_whole_screen(monkeypatch):
    async with opened(FakeSession(done="ship")) as (app, pilot):
        await app.screen.go("goals")
        await still(pilot)
        painted = []
        show = type(app)._display
        monkeypatch.setattr(type(app), "_display", lambda self, screen, what: (painted.append(type(what).__name__), show(self, screen, what))[1])
        before = app.focused
        await pilot.press("tab")
        await still(pilot)
        assert app.focused is not before and "ChopsUpdate" in painted and "LayoutUpdate" not in painted
