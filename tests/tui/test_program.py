"""The real program in real terminals over a real project and a real detached run: hang up, come back, look on, leave, lose, resume."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from phasewise.project.folder import Project
from phasewise.workflow.session import Session

from .pty_terminal import TESTS, Terminal

PROGRAM = """
import sys
sys.executable = sys.argv.pop(1)
from phasewise.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def studio(tmp_path):
    """A project that stands before the training, and windows onto it; whatever it started is ended."""
    from fakes import FakeRunner
    from workflow.fakes import World, result_for
    from workflow.test_walkthrough import walk

    folder = tmp_path / "studio"
    (tmp_path / "data.csv").write_text("age,town,label,other\n1,a,yes,no\n2,b,no,no\n")
    world = World()
    kinds = ("profile", "split", "checks", "baselines", "checkup", "find_lr")
    project = Project.create(folder, "studio")
    session = Session(project, runner=FakeRunner(project, {k: (lambda job: result_for(job, "r", world)) for k in kinds}))
    session.answers.set("data", "file", str(tmp_path / "data.csv"), source="flag")
    walk(session, until="baseline")
    session.start(session.next_job("train"))
    session.poll()
    assert session.next_job("train").kind == "fit"
    session.close()
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "-P -m phasewise.worker" ] || exit 64\nshift 3\nPYTHONPATH={TESTS} exec {sys.executable} {TESTS / "tui" / "slow_engine.py"} "$@"\n')
    python.chmod(0o700)
    studio = Studio(folder, python, tmp_path / "home")
    yield studio
    studio.shut()


class Studio:
    """Windows of the program on one project, and its newest run as the disk tells it."""

    def __init__(self, folder: Path, python: Path, home: Path) -> None:
        self.folder, self.python, self.home = folder, python, home
        self.windows: list[Terminal] = []

    def window(self) -> Terminal:
        """Opens the project as a person would."""
        self.windows.append(Terminal(PROGRAM, str(self.python), str(self.folder), home=self.home))
        return self.windows[-1]

    def run(self):
        """The newest run."""
        with Project.open(self.folder, read_only=True) as project:
            return project.runs.list()[-1]

    def step(self) -> int:
        """The last step the engine told."""
        return max((int(e.rows[-1][0]) for e in self.run().tail(0)[0] if e.kind == "metrics"), default=0)

    def pid(self) -> int:
        """The engine's process."""
        return next(e.pid for e in reversed(self.run().tail(0)[0]) if e.kind == "hello")

    def training(self) -> Terminal:
        """A window in which the training was started and is seen."""
        window = self.window()
        window.until("Train ›")
        window.send("n")
        window.until("running")
        window.until("t train")
        return window

    def shut(self) -> None:
        """No window and no engine stays behind."""
        for window in self.windows:
            window.shut()
        run = self.run()
        (run.path / "go").write_text("")
        wait(lambda: run.state() not in ("running", "queued"))


def wait(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come true in time")


def test_closing_the_terminal_leaves_the_run_going_and_coming_back_shows_it(studio):
    window = studio.training()
    pid = studio.pid()
    code = window.hang_up()
    assert code in (0, 1, 129, -signal.SIGHUP)
    seen = studio.step()
    wait(lambda: studio.step() > seen + 5)
    assert studio.run().state() == "running" and studio.pid() == pid
    again = studio.window()
    again.until("still running")
    again.until("t train")
    first = shown_step(again)
    wait_shown(again, first)
    (studio.run().path / "go").write_text("")
    again.until("finished")
    again.send("q")
    assert again.end() == 0
    assert len(list((studio.folder / "runs").glob("*fit*"))) == 1, "the run was attached to, not started again"


def test_a_second_window_looks_on_and_cannot_steer(studio):
    first = studio.training()
    second = studio.window()
    second.until("read only")
    second.until("t train")
    wait_shown(second, shown_step(second))
    second.send("p")
    second.until("reading only")
    second.send("q")
    second.until("Leave it running")
    second.send("\r")
    assert second.end() == 0
    assert studio.run().state() == "running"
    first.send("p")
    first.until("paused")
    assert studio.run().state() == "paused"
    first.send("p")
    wait(lambda: studio.run().state() == "running")


def test_a_window_that_looks_on_sees_a_run_started_later_in_the_other(studio):
    first = studio.window()
    first.until("Train \u203a")
    second = studio.window()
    second.until("Read only")
    first.send("n")
    first.until("t train")
    second.until("Watch the run")
    second.send("n")
    second.until("t train")
    wait_shown(second, shown_step(second))


def test_leaving_by_the_dialog_detaches_and_the_way_back_tells_what_happened(studio):
    window = studio.training()
    window.send("q")
    window.until("Leave it running")
    window.send("\r")
    assert window.end() == 0
    told = window.raw.split(b"\x1b[?1049l")[-1].decode(errors="replace")
    assert studio.run().id in told and "goes on without this window" in told
    assert f"phasewise {studio.folder}" in re.sub(r"\s+", " ", told)
    seen = studio.step()
    wait(lambda: studio.step() > seen + 3)
    run = studio.run()
    (run.path / "go").write_text("")
    wait(lambda: run.state() == "finished")
    back = studio.window()
    back.until("Finished while you were away")
    back.until("Since you left")
    back.send("q")
    assert back.end() == 0


def test_a_run_whose_process_is_killed_is_called_lost_and_goes_on_with_one_key(studio):
    window = studio.training()
    wait(lambda: studio.step() > 25)
    os.kill(studio.pid(), signal.SIGKILL)
    window.until("lost")
    wait(lambda: studio.run().state() == "lost")
    before = studio.step()
    window.until("Resume: train")
    window.send("n")
    window.until("running")
    wait(lambda: studio.step() > before)
    plans = [e.plan["from step"] for e in studio.run().tail(0)[0] if e.kind == "started"]
    assert plans[0] == 0 and 20 <= plans[1] <= before, "it goes on from the last checkpoint, not from the start"
    window.send("q")
    window.until("Leave it running")
    window.send("\r")
    assert window.end() == 0


def shown_step(window: Terminal) -> int:
    """The step the window shows now."""
    found = re.search(r"step\s+([\d,]+)", "\n".join(window.screen.display))
    return int(found[1].replace(",", "")) if found else 0


def wait_shown(window: Terminal, after: int) -> None:
    """Wait until the window shows a later step."""

    def later():
        window.pump()
        return shown_step(window) > after

    wait(later)
