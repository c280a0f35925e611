"""Every answer with its source, and the command that repeats the project without the app."""

from typing import Any

from textual import on
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input

from phasewise.records.phases import PHASES, TITLES
from phasewise.tui.say import line
from phasewise.tui.screens.modal import Modal
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.field import SOURCES, spell
from phasewise.tui.widgets.table import Column, Table


class ReviewScreen(Modal):
    """Dismisses with `phase.field` to go to, or None."""

    BINDINGS = [Binding("y", "copy", "Copy the command", show=False), Binding("a", "all", "All or only answered", show=False), Binding("slash", "find", "Find", show=False)]
    AUTO_FOCUS = "Table"

    def __init__(self, desk: Any) -> None:
        super().__init__("Review", foot="Enter goes to the answer, a shows defaults too, / finds, y copies the command, Esc closes")
        self.desk, self.everything, self.words = desk, False, ""
        self.keys: list[str] = []

    def body(self) -> list[Widget]:
        """Command, search line, answers."""
        columns = [Column(title="phase", width=10, drop=2), Column(title="question", least=14), Column(title="answer", least=14, flex=2), Column(title="source", width=13, drop=1)]
        self.table = Table(columns, title="answers", classes="choices", empty="No answer matches.")
        command = self.desk.session.headless_command()
        return [
            Block(lambda _w: line(("$ ", "muted"), (command, "bold")), classes="modal-text"),
            Input(placeholder="find an answer", compact=True, classes="modal-search"), self.table,
        ]

    def on_mount(self) -> None:
        """Fill the table."""
        self._fill()

    def _fill(self) -> None:
        rows: list[list[Any]] = []
        self.keys = []
        for phase in PHASES:
            for q in self.desk.session.questions(phase):
                known = q.value is not None and q.value != [] and q.value != {}
                if not q.visible or not (self.everything or (known and q.source != "default")):
                    continue
                answer = spell(q.value, q) if known else "not answered"
                if self.words and not all(w in f"{TITLES[phase]} {q.text} {answer}".lower() for w in self.words.split()):
                    continue
                self.keys.append(f"{phase}.{q.name}")
                rows.append([(TITLES[phase], "muted"), q.text, (answer, "bold" if known else "muted"), (SOURCES.get(q.source, q.source), "key" if q.source == "typed" else "muted")])
        self.table.fill(rows)

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        self.words = event.value.lower()
        self._fill()

    @on(Input.Submitted)
    def _to_table(self) -> None:
        self.table.focus()

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        self.dismiss(self.keys[event.row])

    def action_copy(self) -> None:
        """Copy the command."""
        self.app.copy_to_clipboard(self.desk.session.headless_command())
        self.notify("Command copied through the terminal.", markup=False)

    def action_all(self) -> None:
        """Show defaults too, or only what was answered or recommended."""
        self.everything = not self.everything
        self._fill()

    def action_find(self) -> None:
        """Focus the search line."""
        self.query_one(Input).focus()


