"""The roles of the columns: how many were set by hand, Enter opens the list."""

from typing import Any

from textual.binding import Binding
from textual.content import Content
from textual.events import Click

from phasewise.tui.numbers import plural
from phasewise.tui.say import line
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.editors import Edited


class RolesEditor(Block, can_focus=True):
    """A mapping column -> role, edited in a list."""

    BINDINGS = [Binding("enter,space", "open", "Edit", show=False, id="roles.open")]
    HELP = "Enter opens the list of columns; there Enter changes a column's role."

    def __init__(self, value: Any) -> None:
        super().__init__(classes="editor")
        self.value = dict(value or {})

    def set_value(self, value: Any) -> None:
        """Show a value without reporting it."""
        self.value = dict(value or {})
        if self.is_mounted:
            self.redraw()

    def draw(self, width: int) -> Content:
        """How many roles were set by hand."""
        text = f" {plural(len(self.value), 'role')} set by hand, the rest as found " if self.value else " as found "
        return line((text, "reverse" if self.has_focus else "key"), ("  Enter opens the list", "muted"))

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
        """Open the list of columns."""
        from phasewise.tui.screens.roles import RolesScreen

        def take(value: dict[str, str] | None) -> None:
            if value is not None:
                self.set_value(value)
                self.post_message(Edited(self, value))

        self.app.push_screen(RolesScreen(self.value), take)
