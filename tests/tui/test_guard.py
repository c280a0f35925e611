"""Hostile text: eleven widget paths, ten payloads, and a whole project with hostile names through a real pseudo-terminal."""

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.text import Text
from textual.app import App
from textual.content import Content
from textual.strip import Strip
from textual.widgets import DataTable, Input, Label, Log, OptionList, RichLog, Static, Tree
from textual.widgets.option_list import Option

from phasewise.tui import guard
from phasewise.tui.say import say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.editors import PickOne
from phasewise.tui.widgets.table import Column, Table

from .fake_session import FakeSession
from .screen import frame, opened, press

PAYLOADS = ["\x1b]0;owned\x07", "\x1b]52;c;cHdu\x07", "\x1b[2J", "\x9b2J", "\u202eevil", "a\x07b", "[/]", "[bold red]x[/]", "\x1bPq\x1b\\", "e\u0301" * 3 + "\u0301" * 40]
FORBIDDEN = [c for c in map(chr, range(0x20)) if c not in "\x1b"] + ["\x7f", *map(chr, range(0x80, 0xA0)), "\u202e"]


def rendered(app: App) -> str:
    """What would be written to the terminal for the cells of the screen."""
    console = Console(color_system="truecolor", force_terminal=True, width=200)
    return "".join(s.render(console) for s in app.screen._compositor.render_strips())


def assert_clean(text: str) -> None:
    """Only our own colour sequences: no other escape, no control character."""
    import re

    rest = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b" not in rest
    assert not [c for c in FORBIDDEN if c in rest]


def widgets(payload: str) -> list:
    """One of each of the paths by which text reaches the screen."""
    return [
        Static(payload, markup=False), Static(Content(payload)), Label(Content(payload)), OptionList(Option(Content(payload))),
        Input(value=payload), Tree(Text(payload)), Block(lambda _w: say(payload)), PickOne([(1, payload)], 1), Table([Column(title=payload)]),
        RichLog(markup=False), Log(), DataTable(),
    ]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
async def test_no_widget_lets_a_control_character_through(payload):
    guard.install()

    class Show(App):
        def compose(self):
            yield from widgets(payload)

        def on_mount(self):
            self.query_one(RichLog).write(payload)
            self.query_one(Log).write_line(payload)
            table = self.query_one(DataTable)
            table.add_column(Content(payload).plain.replace("[", "("))
            table.add_row(Text(payload))
            self.query_one(Table).fill([[payload]])
            self.notify(payload, title=payload, markup=False)

    app = Show()
    async with app.run_test(size=(100, 60), notifications=True) as pilot:
        await pilot.pause()
        assert_clean(rendered(app))


def test_the_guard_checks_itself():
    guard.install()
    assert guard.installed()
    assert guard.clean("a\x1b[2Jb") == "a\u241b[2Jb"
    assert guard.clean("plain") == "plain"
    assert "\x1b" not in Strip([Segment("\x1b[2J")]).render(Console(color_system=None))


async def test_a_project_full_of_hostile_names_changes_only_text():
    evil = "".join(PAYLOADS[:8])
    session = FakeSession(done="goals")
    session.name = evil
    session.put("profile")
    profile = session.stored["profile"]
    columns = [c.model_copy(update={"name": evil, "reason": evil, "bars": [b.model_copy(update={"label": evil}) for b in c.bars]}) for c in profile.columns]
    session.stored["profile"] = profile.model_copy(update={"columns": columns, "target": evil, "notes": [evil], "preview": [[evil] * 15] * 3, "classes": [b.model_copy(update={"label": evil}) for b in profile.classes], "files": [profile.files[0].model_copy(update={"name": evil})]})
    session.put("checks")
    checks = session.stored["checks"]
    session.stored["checks"] = checks.model_copy(update={"findings": [f.model_copy(update={"title": evil, "seen": evil, "why": evil}) for f in checks.findings]})
    session.answers.decided["data", "file"] = (f"/data/{evil}.csv", "flag")
    async with opened(session) as (app, pilot):
        for key in "12345":
            await press(pilot, "escape", key)
            assert_clean(rendered(app))
        await press(pilot, "enter")
        assert_clean(rendered(app))
        await press(pilot, "escape", "v")
        assert_clean(rendered(app))
        assert "\u241b" in frame(app)
