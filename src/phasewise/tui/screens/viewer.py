"""A text to read: why a question is asked, help, a report; scrolls with the list keys."""

from collections.abc import Callable

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget

from phasewise.tui.say import prose
from phasewise.tui.screens.modal import Modal
from phasewise.tui.widgets.block import Block


class Scroller(VerticalScroll, can_focus=True):
    """A scrolling column with j, k, g and G."""

    BINDINGS = [
        Binding("j,down", "scroll_down", show=False),
        Binding("k,up", "scroll_up", show=False),
        Binding("g,home", "scroll_home", show=False),
        Binding("G,end", "scroll_end", show=False),
    ]


class Viewer(Modal):
    """Shows a text until Esc."""

    BINDINGS = [Binding("q,enter", "leave", show=False)]
    AUTO_FOCUS = "Scroller"

    def __init__(self, title: str, content: str | Content | Callable[[int], Content], *, foot: str = "j and k scroll, Esc closes") -> None:
        super().__init__(title, foot=foot)
        self.content = content

    def body(self) -> list[Widget]:
        """The text in a scrolling column."""
        content = self.content
        draw = content if callable(content) else (lambda _w: content if isinstance(content, Content) else prose(content))
        return [Scroller(Block(draw), classes="modal-scroll")]
