"""The scripted tour: its stops exist, it goes through all of them with a session, and any key ends it."""

from phasewise import content
from phasewise.records.phases import PHASES
from phasewise.tui.app import PhasewiseApp
from phasewise.tui.pages import page_class
from phasewise.tui.settings import Settings
from phasewise.tui.tour import Tour

from .fake_session import FakeSession


def test_every_stop_names_a_page_and_a_view_that_exist_and_the_whole_takes_two_minutes():
    stops = content.tour()
    assert all(s.phase in PHASES and (s.view is None or s.view < len(page_class(s.phase).VIEWS)) for s in stops)
    assert all(not s.do or hasattr(Tour, f"_{s.do}") for s in stops)
    assert 60 <= sum(s.seconds for s in stops) <= 130


class Watched(Tour):
    """A hurried tour that writes down where it is at every stop."""

    def __init__(self):
        super().__init__(pace=200)
        self.seen = []

    async def run(self, app):
        self.app, self.said, notify = app, [], app.screen.notify
        app.screen.notify = lambda text, **how: (self.said.append(text), notify(text, **how))
        await super().run(app)

    async def _wait(self, seconds):
        self.seen.append((self.at, self.app.screen.phase))
        await super()._wait(seconds)


async def test_it_walks_all_stops_and_says_its_captions():
    tour = Watched()
    app = PhasewiseApp(settings=Settings(motion=False), session=FakeSession(done="verify"), tour=tour)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        for _ in range(1000):
            await pilot.pause(0.02)
            if tour.over:
                break
    assert tour.over and [at for at, _ in tour.seen] == list(range(len(tour.stops)))
    went = [(s.phase, phase) for s, (_, phase) in zip(tour.stops, tour.seen, strict=True) if not s.do]  # express ends where it gets to
    assert went and all(wanted == got for wanted, got in went)
    assert [x for x in tour.said if x in {s.caption for s in tour.stops}] == [s.caption for s in tour.stops]


async def test_any_key_ends_it_and_does_nothing_else():
    tour = Tour()
    app = PhasewiseApp(settings=Settings(motion=False), session=FakeSession(done="verify"), tour=tour)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        for _ in range(500):
            await pilot.pause(0.02)
            if any("A two-minute tour" in n.message for n in app._notifications):
                break
        else:
            raise AssertionError("the first caption never came")
        await pilot.press("q")
        await pilot.pause()
        assert tour.over and app.is_running
