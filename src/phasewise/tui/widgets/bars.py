"""The rows round a page: title, views, result, actions, footer."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Click
from textual.message import Message

from phasewise.records.text import safe_text
from phasewise.tui.say import line, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import fit


class TitleRow(Block):
    """Phase, its question, and on the right the project and whether everything is saved."""

    def __init__(self) -> None:
        super().__init__(id="title-row")
        self.phase_title, self.state, self.door, self.right = "", "", "", ""
        self.tone = "ink"

    def draw(self, width: int) -> Content:
        """The door gives way first, then the right side."""
        right = safe_text(self.right, max(width // 3, 8))
        left = f"{self.phase_title}"
        state = f" {self.state}" if self.state else ""
        room = width - len(left) - len(state) - len(right) - 4
        door = fit(self.door, room) if room >= 12 else " " * max(room, 0)
        return line((left, "bold key"), (state, self.tone), "  ", (door, "ink"), "  ", (right, "muted"))


class ViewStrip(Block):
    """The views of a page with their digits; the ones without anything to see are dim."""

    class Picked(Message):
        """A view was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, titles: list[str]) -> None:
        super().__init__(classes="view-strip")
        self.titles, self.current = titles, 0
        self.empty: set[int] = set()
        self._spots: list[tuple[int, int]] = []

    def draw(self, width: int) -> Content:
        """Digit and word of each view, the shown one underlined and bold."""
        parts: list[Content] = []
        x = 0
        self._spots = []
        gap = 3 if sum(len(t) + 5 for t in self.titles) <= width else 1
        titles = self.titles
        for cut in range(max(map(len, self.titles)), 2, -1):  # the shown view's word stays whole
            titles = [t if i == self.current else t[:cut] for i, t in enumerate(self.titles)]
            if sum(len(t) + 2 + gap for t in titles) - gap <= width:
                break
        for i, title in enumerate(titles):
            tone = "bold underline key" if i == self.current else "muted" if i in self.empty else "ink"
            parts += [say(f"{i + 1} ", "key" if i == self.current else "muted"), say(title, tone), Content(" " * gap)]
            self._spots.append((x, x + len(title) + 2))
            x += len(title) + 2 + gap
        return Content("").join(parts)

    def on_click(self, event: Click) -> None:
        """A click shows a view."""
        for i, (start, end) in enumerate(self._spots):
            if start <= event.x < end:
                self.post_message(self.Picked(i))


class Push(Block, can_focus=True):
    """A one-row button of the action bar."""

    BINDINGS = [Binding("enter,space", "press", "Press", show=False, id="push.press")]

    @dataclass
    class Pressed(Message):
        """It was pressed; `name` says which."""

        name: str

    def __init__(self, name: str, label: str = "", *, strong: bool = False) -> None:
        super().__init__(id=f"push-{name}", classes="-strong" if strong else "")
        self.what, self.label, self.strong = name, label, strong

    def draw(self, width: int) -> Content:
        """The label; the focused one has a pointer besides its colour."""
        focus = self.has_focus
        return say(f"{'>' if focus else ' '}{self.label}{'<' if focus else ' '}")

    def relabel(self, label: str) -> None:
        """Show another label."""
        if label != self.label:
            self.label = label
            self.styles.width = len(label) + 2
            self.redraw()

    def on_mount(self) -> None:
        """As wide as the label."""
        self.styles.width = len(self.label) + 2

    def on_focus(self) -> None:
        """Show the focus."""
        self.redraw()

    def on_blur(self) -> None:
        """Hide the focus."""
        self.redraw()

    def on_click(self, event: Click) -> None:
        """A click presses."""
        self.action_press()

    def action_press(self) -> None:
        """Press."""
        self.post_message(self.Pressed(self.what))


class ActionBar(Horizontal):
    """Back, review, hint, and the primary action at the right; docked, it never scrolls away."""

    def __init__(self) -> None:
        super().__init__(id="action-bar")
        self.hint = Block(id="action-hint")
        self.primary = Push("primary", "Next", strong=True)

    def compose(self) -> ComposeResult:
        """From left to right."""
        yield Push("back", "Back b")
        yield Push("review", "Review v")
        yield self.hint
        yield self.primary


class FooterRow(Block):
    """At most seven keys; the rest is in the palette."""

    def __init__(self, keys: list[tuple[str, str, str]]) -> None:
        super().__init__(id="footer-row")
        self.keys = keys
        self._spots: list[tuple[int, int, str]] = []

    def draw(self, width: int) -> Content:
        """Key and word, the last one at the right edge."""
        self._spots = []
        used = sum(len(k) + len(t) + 3 for k, t, _ in self.keys)
        short = used > width
        parts: list[Content] = []
        x = 0
        for i, (key, title, action) in enumerate(self.keys):
            if i == len(self.keys) - 1:
                space = max(width - x - len(key) - len(title) - 1, 0)
                parts.append(Content(" " * space))
                x += space
            word = "" if short and i < len(self.keys) - 1 and i > 3 else title
            parts += [say(key, "bold key"), say(f" {word}  " if word else "  ", "muted")]
            self._spots.append((x, x + len(key) + len(word) + 1, action))
            x += len(key) + len(word) + (3 if word else 2)
        return Content("").join(parts)

    async def on_click(self, event: Click) -> None:
        """A click runs the action."""
        for start, end, action in self._spots:
            if start <= event.x < end:
                await self.screen.run_action(action)
