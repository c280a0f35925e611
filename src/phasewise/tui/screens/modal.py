"""The frame of every modal screen: a box with a title, Esc leaves without a result."""

from typing import Any

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from phasewise.tui.say import prose, say
from phasewise.tui.widgets.block import Block


class Modal(ModalScreen[Any]):
    """A box in the middle of the screen; subclasses give `body`."""

    BINDINGS = [Binding("escape", "leave", "Close", show=False, id="modal.close")]
    AUTO_FOCUS = "Input, Table, OptionList, Options, .modal-body"

    def __init__(self, title: str, text: str | Content = "", *, foot: str = "Esc closes") -> None:
        super().__init__()
        self.heading, self.text, self.foot = title, text, foot

    def compose(self) -> ComposeResult:
        """Title, text, body, a line that says which keys work."""
        with Vertical(classes="modal-box"):
            yield Block(lambda _w: say(self.heading, "bold key"), classes="modal-title")
            if self.text:
                yield Block(lambda _w: self.text if isinstance(self.text, Content) else prose(self.text), classes="modal-text")
            yield from self.body()
            yield Block(lambda _w: say(self.foot, "muted"), classes="modal-foot")

    def body(self) -> list[Widget]:
        """What lies between text and foot."""
        return []

    def action_leave(self) -> None:
        """Close without a result."""
        self.dismiss(None)
