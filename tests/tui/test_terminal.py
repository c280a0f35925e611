"""A real pseudo-terminal with pyte behind it: launch, resize storm, quit, hang-up, hostile bytes, terminal restored."""

import pytest

from .pty_terminal import TESTS, Terminal

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


@pytest.fixture
def terminal(tmp_path):
    """Starts terminals and ends their children whatever happens."""
    made: list[Terminal] = []

    def start(*words: str, **more: object) -> Terminal:
        made.append(Terminal(CODE, str(TESTS), *words, home=tmp_path, **more))
        return made[-1]

    yield start
    for t in made:
        t.shut()


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
