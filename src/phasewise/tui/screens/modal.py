"""The frame of every modal screen: a box with a title, Esc or a click beside it leaves without a result; the keys in its last line can be clicked."""

from typing import Any

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.events import Click
from textual.screen import ModalScreen
from textual.widget import Widget

from phasewise.tui.keyed import keyed
from phasewise.tui.say import prose, say
from phasewise.tui.widgets.block import Block


class Passing(ModalScreen[Any]):
    """A screen that leaves once: keys typed ahead reach it after it has gone, and would take the next screen with them."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Leaves with a result; a second time nothing happens."""
        return super().dismiss(result) if self in self.app.screen_stack else AwaitComplete()


class Modal(Passing):
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
            yield Block(lambda _w: keyed(self.foot), classes="modal-foot")

    def body(self) -> list[Widget]:
        """What lies between text and foot."""
        return []

    def on_click(self, event: Click) -> None:
        """A click beside the box closes it."""
        if not self.query_one(".modal-box").region.contains(event.screen_x, event.screen_y):
            self.action_leave()

    def action_leave(self) -> None:
        """Close without a result."""
        self.dismiss(None)
