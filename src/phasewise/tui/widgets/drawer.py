"""The log drawer: lines of the shown run, newest last, with a filter."""

import time
from typing import Any

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from phasewise.tui.widgets.table import Column, Table

TONES = {"warning": "warn", "error": "bad", "debug": "muted", "info": ""}
SHOWN = 1000


class Drawer(Vertical):
    """Log lines of a run; follows the end unless the cursor was moved up."""

    def __init__(self) -> None:
        super().__init__(id="drawer")
        self.table = Table([Column(title="time", width=8), Column(title="log", flex=2)], title="log", empty="No run has said anything yet.", id="log-table")
        self.words = ""
        self.run: Any = None
        self._seen: tuple[str, int, str] = ("", -1, "")

    def build(self) -> None:
        """Filter line and log, mounted when the drawer is opened for the first time."""
        if not self.children:
            self.mount(Input(placeholder="filter the log", compact=True, id="log-filter"), self.table)

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        event.stop()
        self.words = event.value.lower()
        self._seen = ("", -1, "")
        self.follow(self.run)

    def follow(self, run: Any) -> None:
        """Show a run's log as far as the filter lets it."""
        self.run = run
        if run is None or not self.display:
            return
        now = (run.id, run.log_count, self.words)
        if now == self._seen:
            return
        at_end = self.table.cursor >= len(self.table.rows) - 1
        self._seen = now
        lines = [entry for entry in list(run.log)[-SHOWN:] if self.words in entry[2].lower()]
        self.table.fill([[(time.strftime("%H:%M:%S", time.localtime(t)), "muted"), (text, TONES.get(level, ""))] for t, level, text in lines])
        if at_end:
            self.table.go(len(lines) - 1)
