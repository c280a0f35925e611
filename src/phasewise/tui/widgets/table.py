"""A table by the line API: any number of rows at the cost of the rows seen; text is cleaned, cells have tones."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from phasewise.records.text import safe_text
from phasewise.tui import keys

Cell = str | tuple[str, str]
_TONES = ("ink", "muted", "muted-raised", "good", "warn", "bad", "key", "second")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: title, fixed width or a share of what is left, alignment, least width that is still shown."""

    title: str
    width: int | None = None
    right: bool = False
    flex: int = 1
    least: int = 6
    drop: int = 0
    """Columns with a higher number are dropped first when the table is too narrow."""


class Table(ScrollView, can_focus=True):
    """Rows with a cursor; j/k/g/G and arrows move, Enter chooses, h/l scroll sideways when columns do not fit."""

    COMPONENT_CLASSES = {"table--head", "table--pointer", "table--cursor", "table--blur", "table--odd", *(f"table--{t}" for t in _TONES)}
    PLACE = "list"
    BINDINGS = keys.bindings(PLACE)
    HELP = "j and k move, g and G jump to the ends, Enter opens the row, y copies, E exports the table."

    @dataclass
    class Chosen(Message):
        """Enter or a click on the row under the cursor."""

        table: "Table"
        row: int

        @property
        def control(self) -> "Table":
            return self.table

    @dataclass
    class Moved(Message):
        """The cursor moved."""

        table: "Table"
        row: int

        @property
        def control(self) -> "Table":
            return self.table

    def __init__(self, columns: Sequence[Column] = (), *, title: str = "table", empty: str = "Nothing here yet.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = list(columns)
        self.rows: list[list[Cell]] = []
        self.cursor = 0
        self.title_text = title
        self.empty = empty
        self.always = False
        """Show the cursor as focused even while a search line has the focus."""
        self.instant = False
        """A single click chooses (lists to choose from)."""
        self._first = 0
        self._widths: list[int] = []
        self._styles: dict[str, Style] = {}

    def fill(self, rows: Sequence[Sequence[Cell]], columns: Sequence[Column] | None = None) -> None:
        """Show these rows; the cursor stays on its row number."""
        if columns is not None:
            self.columns = list(columns)
        self.rows = [list(r) for r in rows]
        self.cursor = min(self.cursor, max(len(self.rows) - 1, 0))
        self._measure()
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A head and the rows (at least one line that says why there are none)."""
        return self.top + (len(self.rows) or len(self._told(width)))

    def _told(self, width: int) -> list[str]:
        """What is said where there are no rows, in lines of this width."""
        return textwrap.wrap(self.empty, max(width - 2, 10)) or [""]

    @property
    def top(self) -> int:
        """Lines of the head: none when no column has a title."""
        return 1 if any(c.title for c in self.columns) else 0

    def on_resize(self, event: Resize) -> None:
        """Columns share the new width."""
        self._measure()

    def notify_style_update(self) -> None:
        """Forget resolved styles when the theme changes."""
        self._styles.clear()
        super().notify_style_update()

    def _measure(self) -> None:
        width = max(self.size.width - 1, 10)
        shown = list(range(len(self.columns)))
        natural = [max([cell_len(c.title), *(cell_len(_text(r[i])) for r in self.rows[:200] if i < len(r))]) for i, c in enumerate(self.columns)]
        while True:
            fixed = {i: self.columns[i].width or min(natural[i], 40) if self.columns[i].width != 0 else 0 for i in shown}
            flexible = [i for i in shown if self.columns[i].width is None]
            least = sum((min(fixed[i], self.columns[i].least) if i in flexible else fixed[i]) + 2 for i in shown)
            droppable = [i for i in shown if self.columns[i].drop]
            if least <= width or not droppable:
                break
            shown.remove(max(droppable, key=lambda i: (self.columns[i].drop, i)))
        over = sum(fixed[i] + 2 for i in shown) - width
        for i in sorted(flexible, key=lambda i: (-self.columns[i].flex, -fixed[i])):  # prose gives way before names
            cut = min(max(over, 0), max(fixed[i] - self.columns[i].least, 0))
            fixed[i] -= cut
            over -= cut
        if over < 0 and flexible:
            grow = max(flexible, key=lambda i: self.columns[i].flex)
            if self.columns[grow].flex > 1:
                fixed[grow] += -over
        self._widths = [fixed.get(i, 0) for i in range(len(self.columns))]
        self.virtual_size = Size(self.size.width, self.top + (len(self.rows) or len(self._told(self.size.width))))

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            words = name.split()
            style = Style(bold="bold" in words)
            for word in words:
                if word != "bold":
                    style = self.get_component_rich_style(f"table--{word}", partial=True) + (Style(bold=True) if "bold" in words else Style())
            self._styles[name] = style
        return self._styles[name]

    def render_line(self, y: int) -> Strip:
        """One line: the head stays on top, rows scroll under it."""
        width = self.size.width
        base = self.rich_style
        if y < self.top:
            return self._line([(c.title, "") for c in self.columns], base + self._style("head"), head=True).adjust_cell_length(width, base + self._style("head"))
        index = self.scroll_offset.y + y - self.top
        if not self.rows:
            told = self._told(width)
            text = f" {told[y - self.top]}" if y - self.top < len(told) else ""
            return Strip([Segment(text, base + self._style("muted"))]).adjust_cell_length(width, base)
        if index >= len(self.rows):
            return Strip.blank(width, base)
        if index == self.cursor:
            base = base + self._style("cursor" if self.has_focus or self.always else "blur")
        return self._line(self.rows[index], base, plain=index == self.cursor and (self.has_focus or self.always)).adjust_cell_length(width, base)

    def _line(self, cells: Sequence[Cell], base: Style, *, head: bool = False, plain: bool = False) -> Strip:
        here = plain and not head
        mark = (">" if getattr(self.app, "ascii_only", False) else "\u258c") if here else " "
        segments = [Segment(mark, base + self._style("pointer") if here else base)]
        for i in range(self._first, len(self.columns)):
            size = self._widths[i] if i < len(self._widths) else 0
            if not size:
                continue
            cell = cells[i] if i < len(cells) else ""
            text, tone = cell if isinstance(cell, tuple) else (cell, "")
            tone = tone.replace("muted", "muted-raised") if here else tone
            text = fit(safe_text(text, 400), size, right=self.columns[i].right)
            style = base if head or not tone else base + self._style(tone)
            segments += [Segment(text, style), Segment("  ", base)]
        return Strip(segments)

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.go(self.cursor + by)

    def action_edge(self, side: int) -> None:
        """To the first or last row."""
        self.go(0 if side < 0 else len(self.rows) - 1)

    def action_page(self, by: int) -> None:
        """By a page."""
        self.go(self.cursor + by * max(self.size.height - 1 - self.top, 1))

    def action_side(self, by: int) -> None:
        """Show later or earlier columns; nothing to show, nothing to move."""
        if not self.rows:
            return
        self._first = min(max(self._first + by, 0), max(len(self.columns) - 1, 0))
        self.refresh()

    def action_choose(self) -> None:
        """Choose the row under the cursor."""
        if self.rows:
            self.post_message(self.Chosen(self, self.cursor))

    def go(self, row: int) -> None:
        """Put the cursor on a row and show it."""
        row = min(max(row, 0), max(len(self.rows) - 1, 0))
        if row != self.cursor:
            self.cursor = row
            self.post_message(self.Moved(self, row))
        top, height = self.scroll_offset.y, max(self.size.height - self.top, 1)
        if row < top or row >= top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False)
        self.refresh()

    def on_click(self, event: Click) -> None:
        """A click moves the cursor, a second on the same row chooses it."""
        row = self.scroll_offset.y + event.y - self.top
        if event.y >= self.top and 0 <= row < len(self.rows):
            again = row == self.cursor and self.has_focus
            self.go(row)
            if again or event.chain > 1 or self.instant:
                self.action_choose()

    def grid(self) -> tuple[list[str], list[list[str]]]:
        """Head and rows as plain text, for copying and export."""
        return [c.title for c in self.columns], [[_text(cell) for cell in row] for row in self.rows]


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Text cut with an ellipsis or padded to exactly `width` cells."""
    if cell_len(text) > width:
        text = set_cell_size(text, max(width - 1, 0)) + "\u2026" if width > 1 else set_cell_size(text, width)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def _text(cell: Cell) -> str:
    return cell[0] if isinstance(cell, tuple) else cell
