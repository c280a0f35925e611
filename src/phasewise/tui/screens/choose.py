"""A list to choose from, with a search line when asked for; number keys choose directly in short lists."""

from typing import Any

from rich.cells import cell_len
from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from phasewise.tui.say import say
from phasewise.tui.screens.modal import Modal
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Column, Table


class Choose(Modal):
    """Dismisses with the value chosen, or None."""

    BINDINGS = [
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        *[Binding(str(i), f"pick({i - 1})", show=False) for i in range(1, 10)],
    ]

    def __init__(self, title: str, choices: list[tuple[Any, str]], *, text: str | Content = "", selected: Any = None, search: bool = False) -> None:
        foot = "type to search, arrows move, Enter chooses, Esc closes" if search else "number or Enter chooses, Esc closes"
        super().__init__(title, text, foot=foot)
        self.choices, self.selected, self.search = choices, selected, search
        self.shown = list(choices)

    def body(self) -> list[Widget]:
        """Search line and list."""
        out: list[Widget] = [Input(placeholder="search", compact=True, classes="modal-search")] if self.search else []
        self.table = Table([Column(title="", flex=2)], classes="choices", empty="Nothing matches.")
        self.table.always, self.table.instant = self.search, True
        self.whole = Block(self._whole, classes="modal-whole")
        return [*out, self.table, self.whole]

    def _whole(self, width: int) -> Content:
        """All the words of the row under the cursor where the list has to cut one (as high as the longest needs); nothing where it shows all."""
        cut = [i for i, (_, label) in enumerate(self.shown) if cell_len(label) + 6 > width]
        high = max((say(self.shown[i][1]).get_height({}, width) for i in cut), default=0)  # type: ignore[arg-type]
        words = say(self.shown[self.table.cursor][1], "muted") if self.table.cursor in cut else Content("")
        return Content("").join([words, Content("\n" * (high - (words.get_height({}, width) if words.plain else 1)))]) if cut else Content("")  # type: ignore[arg-type]

    @on(Table.Moved)
    def _moved(self) -> None:
        self.whole.redraw()

    def on_mount(self) -> None:
        """Fill the list and put the cursor on the present choice."""
        self._fill()
        self.table.go(next((i for i, (v, _) in enumerate(self.shown) if v == self.selected), 0))

    def _fill(self) -> None:
        rows = []
        for i, (value, label) in enumerate(self.shown):
            lead = f"{i + 1}  " if not self.search and i < 9 else "   " if not self.search else ""
            rows.append([(f"{lead}{label}", "bold key" if value == self.selected else "")])
        self.table.fill(rows)
        self.whole.redraw()

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        words = event.value.lower().split()
        self.shown = [(v, label) for v, label in self.choices if all(w in f"{v} {label}".lower() for w in words)]
        self.table.cursor = 0
        self._fill()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self._take(self.table.cursor)

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        self._take(event.row)

    def _take(self, row: int) -> None:
        if 0 <= row < len(self.shown):
            self.dismiss(self.shown[row][0])

    def action_move(self, by: int) -> None:
        """Move in the list while the search line has the focus."""
        self.table.action_move(by)

    def action_pick(self, index: int) -> None:
        """Choose by number in a list without search line."""
        if not self.search and index < len(self.shown):
            self._take(index)
