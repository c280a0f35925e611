"""Jump mode: a letter over every place that takes the focus; the letter goes there."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import Key
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Static

from phasewise.tui.screens.modal import Passing

LETTERS = "asdfghjklqwertyuiopzxcvbnm1234567890"


class Jump(Passing):
    """Dismisses with the widget whose letter was typed, or None."""

    BINDINGS = [Binding("escape,f3", "leave", show=False)]

    def __init__(self, targets: list[Widget]) -> None:
        super().__init__()
        self.targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """A label at the left edge of every target."""
        for letter, widget in self.targets.items():
            label = Static(Content(letter), classes="jump-label", markup=False)
            region = widget.region
            label.absolute_offset = Offset(max(region.x - 2, 0), region.y)
            yield label

    def on_key(self, event: Key) -> None:
        """Go where the letter stands; any other key leaves."""
        if event.key not in ("escape", "f3"):
            event.stop()
            self.dismiss(self.targets.get(event.character or ""))

    def action_leave(self) -> None:
        """Leave without jumping."""
        self.dismiss(None)
