"""From nothing but a file's path to the first result: the start screen, the picker, and the count of keys."""

import os
import time
from pathlib import Path

import pytest

from phasewise.cli.app import start_model
from phasewise.tui.app import PhasewiseApp
from phasewise.tui.screens.files import FilePicker, pasted
from phasewise.tui.screens.start import project_name
from phasewise.tui.settings import Settings

from .screen import frame, settle, still, type_text

DATA = Path(os.environ.get("PHASEWISE_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.mark.parametrize(("text", "path"), [("'/a b/c.csv'", "/a b/c.csv"), ('"x/y.csv" ', "x/y.csv"), ("file:///a/b", "/a/b"), ("plain", "plain")])
def test_paths_are_taken_as_people_paste_them(text, path):
    assert pasted(text) == path


async def test_a_pasted_path_narrows_to_its_file_and_enter_takes_it(home):
    (home / "deep" / "er").mkdir(parents=True)
    for name in ("one.csv", "other.csv"):
        (home / "deep" / "er" / name).write_text("a,b\n1,2\n")
    app = PhasewiseApp(settings=Settings(motion=False), start=start_model())
    taken = []
    async with app.run_test(size=(80, 24)) as pilot:
        await still(pilot)
        text = frame(app)
        assert "Demo project" in text and "New project from a template" in text
        app.push_screen(FilePicker(home), taken.append)
        await still(pilot)
        await type_text(pilot, str(home / "deep" / "er" / "oth"))
        assert "other.csv" in frame(app) and "one.csv" not in frame(app)
        await pilot.press("enter")
        await still(pilot)
    assert taken == [home / "deep" / "er" / "other.csv"]


async def test_a_folder_that_is_no_project_is_refused_in_words(home):
    (home / "here" / "stuff").mkdir()
    app = PhasewiseApp(settings=Settings(motion=False), start=start_model())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await still(pilot)
        await pilot.press("o")
        await still(pilot)
        await type_text(pilot, "stuff")
        await pilot.press("enter", "f6")
        await still(pilot)
        assert "stuff is no project" in " ".join(str(n.title) for n in app._notifications)


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "titanic" / "train.csv").is_file(), reason="the titanic table is not here")
async def test_four_keys_and_a_pasted_path_lead_to_the_baseline_leaderboard(home):
    app = PhasewiseApp(settings=Settings(motion=False), start=start_model())
    began = time.monotonic()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await still(pilot)
        await pilot.press("n")
        await still(pilot)
        await type_text(pilot, str(DATA / "titanic" / "train.csv"))
        await pilot.press("enter")
        for _ in range(600):
            await pilot.pause(0.1)
            if app.desk is not None and app.desk.result("profile") is not None:
                break
        await pilot.press("f5")
        await still(pilot)
        await pilot.press("enter")
        for _ in range(3000):
            await pilot.pause(0.1)
            if app.desk.result("checkup") is not None and not app.screen.auto:
                break
        seconds = time.monotonic() - began
        await settle(pilot)
        assert "trees" in frame(app) and "95 % interval" in frame(app)
    print(f"4 keys (n, Enter, F5, Enter) and a pasted path; {seconds:.0f} s from the start screen to the leaderboard")


async def test_from_a_file_s_path_to_the_leaderboard_in_five_keys_with_a_fake_engine(home):
    from .fake_session import FakeSession
    from .screen import frames

    data = home / "table.csv"
    data.write_text("a,b\n1,2\n")
    session, keys = FakeSession(done="goals"), []

    def opener(_folder):
        session.answers.set("data", "file", str(data), "flag")
        return session

    app = PhasewiseApp(settings=Settings(motion=False), start=start_model(), opener=opener)

    async def key(pilot, name):
        keys.append(name)
        await pilot.press(name)
        await settle(pilot, 1)

    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await still(pilot)
        assert "New project from a data file" in frame(app) and "n New" in frame(app)
        await key(pilot, "n")
        app.screen.query_one("Input").value = str(data)  # a paste
        keys.append("paste")
        await settle(pilot, 1)
        await key(pilot, "enter")
        await settle(pilot)
        assert "F5 Express" in frame(app), "the way on stands on the screen"
        session.complete(session.run_list[-1])
        await frames(pilot)
        await key(pilot, "f5")
        assert "through Baseline" in frame(app) and "the first result" in frame(app)
        await key(pilot, "enter")
        for _ in range(12):
            for run in session.run_list:
                if run.status in ("queued", "running"):
                    session.complete(run)
            if "no-block" not in session.overrides and "checks" in session.stored:
                session.override("data", "leak-single", "known")
            await frames(pilot)
        await still(pilot)
        assert "▸" in frame(app) and "hist_gradient_boosting" in frame(app)
        assert "95 % interval" in frame(app)
    assert len(keys) <= 8 and keys == ["n", "paste", "enter", "f5", "enter"]


@pytest.mark.parametrize(("path", "name"), [("titanic/train.csv", "titanic"), ("titanic/wide.csv.gz", "wide"), ("a [b]/data.csv", "a-b"), ("x/\u00fc.csv", "project"), ("x/flowers", "flowers")])
def test_a_project_is_called_after_its_file_or_its_folder(tmp_path, path, name):
    assert project_name(tmp_path / path) == name
