"""A real pseudo-terminal with pyte behind it: launch, resize storm, quit, hang-up, hostile bytes, terminal restored."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

import pyte
import pytest

TESTS = Path(__file__).resolve().parents[1]
CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from tui.fake_session import FakeSession, tell_training
from phasewise.tui.app import run
session = FakeSession(done="baseline")
if "hostile" in sys.argv:
    session.name = "evil\\x1b]0;owned\\x07\\x1b]52;c;cHdu\\x07\\x9b2J"
if "crash" in sys.argv:
    session.next_job = lambda phase: 1 / 0
if "running" in sys.argv:
    session.put("find_lr")
    tell_training(session.start(session.next_job("train")))
info = run(session=session)
print("EXIT", info.code, info.text().replace(chr(10), " | "))
sys.exit(info.code)
"""


class Terminal:
    """A child process on a pseudo-terminal, its output fed to an emulator."""

    def __init__(self, *words: str, size: tuple[int, int] = (80, 24), env: dict[str, str] | None = None, home: Path | None = None) -> None:
        self.screen = pyte.Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "LANG": "C.UTF-8", "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home), **(env or {})})
            os.execv(sys.executable, [sys.executable, "-c", CODE, str(TESTS), *words])  # noqa: S606
        self.resize(*size)

    def resize(self, width: int, height: int) -> None:
        """Give the child another window size."""
        self.screen.resize(height, width)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())

    def until(self, text: str, limit: float = 12.0) -> str:
        """Read until a text is on the screen; fails with what is there instead."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if not self._read(0.1):
                break
            if text in "\n".join(self.screen.display):
                return "\n".join(self.screen.display)
        if text in "\n".join(self.screen.display):
            return "\n".join(self.screen.display)
        raise AssertionError(f"{text!r} did not appear:\n" + "\n".join(self.screen.display))

    def _read(self, wait: float) -> bool:
        if select.select([self.fd], [], [], wait)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.raw += data
            self.stream.feed(data)
        return True

    def end(self, limit: float = 10.0) -> int:
        """Read to the end and return the exit code; fails when the app does not end."""
        end = time.monotonic() + limit
        open_ = True
        while time.monotonic() < end:
            open_ = open_ and self._read(0.1)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                while open_ and select.select([self.fd], [], [], 0.05)[0]:
                    open_ = self._read(0.05)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("the app did not end:\n" + "\n".join(self.screen.display))


@pytest.fixture
def terminal(tmp_path):
    """Starts terminals and ends their children whatever happens."""
    made: list[Terminal] = []

    def start(*words: str, **more: object) -> Terminal:
        made.append(Terminal(*words, home=tmp_path, **more))
        return made[-1]

    yield start
    for t in made:
        try:
            os.kill(t.pid, signal.SIGKILL)
            os.waitpid(t.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(t.fd)


def test_launch_resize_storm_and_quit_restore_the_terminal(terminal):
    t = terminal()
    t.until("Find the learning rate")
    for size in ((120, 40), (59, 17), (200, 60), (60, 18), (100, 30)):
        t.resize(*size)
    t.until("Find the learning rate")
    t.send("q")
    code = t.end()
    assert code == 0
    assert b"\x1b[?1049l" in t.raw, "the alternate screen was left"
    assert "come back with" in t.raw.decode(errors="replace")


def test_ctrl_c_asks_while_a_run_goes_on_and_a_second_one_quits(terminal):
    t = terminal("running")
    t.until("Watch the run")
    t.send("\x03")
    t.until("Leave it running")
    t.send("\x03")
    assert t.end() == 130


def test_hostile_names_reach_the_terminal_as_text_only(terminal):
    t = terminal("hostile")
    t.until("evil")
    t.send("q")
    t.end()
    body = t.raw.split(b"EXIT")[0]
    assert b"owned\x07" not in body
    assert b"\x1b]52;c;cHdu" not in body
    assert b"\x9b2J" not in body


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"LANG": "C", "LC_ALL": "C"}, {"TERM": "screen-256color"}, {"TERM": "linux"}])
def test_poor_terminals_show_the_page(terminal, env):
    t = terminal(env=env)
    t.until("Find the learning rate")
    if env.get("LANG") == "C":
        assert "\n".join(t.screen.display).isascii()
    if "NO_COLOR" in env:
        import re

        colours = {c for c in re.findall(rb"\x1b\[[0-9;]*38;2;(\d+;\d+;\d+)", t.raw)}
        assert all(len(set(c.split(b";"))) == 1 for c in colours), "only greys"
    t.send("q")
    assert t.end() == 0


def test_an_unhandled_error_prints_no_traceback_and_no_locals(terminal):
    t = terminal("crash")
    assert t.end() == 1
    after = t.raw.split(b"\x1b[?1049l")[-1].decode(errors="replace")
    assert "ZeroDivisionError" in after
    assert "log:" in after
    assert "Traceback" not in after
    assert "locals" not in after
