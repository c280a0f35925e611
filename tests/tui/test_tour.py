"""The scripted tour: its stops exist, it goes through all of them with a session, and any key ends it."""

import asyncio

from phasewise import content
from phasewise.records.phases import PHASES
from phasewise.tui.app import PhasewiseApp
from phasewise.tui.pages import page_class
from phasewise.tui.settings import Settings
from phasewise.tui.tour import Tour

from .fake_session import FakeSession
from .screen import settle


def test_every_stop_names_a_page_and_a_view_that_exist_and_the_whole_takes_two_minutes():
    stops = content.tour()
    assert all(s.phase in PHASES and (s.view is None or s.view < len(page_class(s.phase).VIEWS)) for s in stops)
    assert all(not s.do or hasattr(Tour, f"_{s.do}") for s in stops)
    assert 60 <= sum(s.seconds for s in stops) <= 130


async def test_it_walks_all_stops_and_says_its_captions():
    tour = Tour(pace=200)
    app = PhasewiseApp(settings=Settings(motion=False), session=FakeSession(done="verify"), tour=tour)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        seen = set()
        for _ in range(400):
            await pilot.pause(0.02)
            seen.add((tour.at, getattr(app.screen, "phase", "")))
            if tour.over:
                break
        assert tour.over and {at for at, _ in seen} >= {len(tour.stops) - 1}
        assert {phase for _, phase in seen} >= {"data", "baseline", "train", "tune", "verify"}


async def test_any_key_ends_it_and_does_nothing_else():
    tour = Tour()
    app = PhasewiseApp(settings=Settings(motion=False), session=FakeSession(done="verify"), tour=tour)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settle(pilot)
        for _ in range(100):
            await asyncio.sleep(0.02)
            if tour.at == 0:
                break
        await pilot.pause()
        assert "A two-minute tour" in " ".join(n.message for n in app._notifications)
        await pilot.press("q")
        await pilot.pause()
        assert tour.over and app.is_running
