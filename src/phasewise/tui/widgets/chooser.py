"""A select with search: shows the present choice, Enter opens the list."""

from typing import Any

from textual.binding import Binding
from textual.content import Content
from textual.events import Click

from phasewise.records.text import safe_text
from phasewise.tui.say import line
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.editors import Edited


class Chooser(Block, can_focus=True):
    """One choice out of many; Enter opens a list with a search line."""

    BINDINGS = [
        Binding("enter,space", "open", "Choose", show=False, id="choose.open"),
        Binding("delete,backspace", "reset", "Recommended again", show=False, id="choose.reset"),
    ]
    HELP = "Enter opens the list; type to search in it. Delete takes the recommendation again."

    def __init__(self, choices: list[tuple[Any, str]], value: Any, *, title: str = "", ascii_only: bool = False) -> None:
        super().__init__(classes="editor")
        self.choices, self.value, self.heading, self.ascii_only = choices, value, title, ascii_only

    def set_value(self, value: Any) -> None:
        """Show a value without reporting it."""
        self.value = value
        if self.is_mounted:
            self.redraw()

    def draw(self, width: int) -> Content:
        """The label of the present choice and how many there are."""
        labels = dict(self.choices)
        shown = labels.get(self.value, self.value)
        text = safe_text("choose ..." if shown in (None, "") else shown, max(width - 18, 10))
        arrow = "v" if self.ascii_only else "\u25be"
        tone = "reverse" if self.has_focus else "bold key" if self.value else "muted"
        return line((f" {text} {arrow} ", tone), (f"  of {len(self.choices)}", "muted"))

    def on_focus(self) -> None:
        """Show the focus."""
        self.redraw()

    def on_blur(self) -> None:
        """Hide the focus."""
        self.redraw()

    def on_click(self, event: Click) -> None:
        """A click opens the list."""
        self.action_open()

    def action_open(self) -> None:
        """Open the list."""
        from phasewise.tui.screens.choose import Choose

        def take(value: Any) -> None:
            if value is not None:
                self.set_value(value)
                self.post_message(Edited(self, value))

        self.app.push_screen(Choose(self.heading, self.choices, selected=self.value, search=True), take)

    def action_reset(self) -> None:
        """Take the recommendation again."""
        self.post_message(Edited(self, None))
