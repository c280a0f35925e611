"""All runs of the project: Enter shows one, a lost one is resumed."""

import time
from typing import Any

from textual import on
from textual.binding import Binding
from textual.widget import Widget

from phasewise.records.phases import TITLES
from phasewise.tui.marks import RUN, glyph
from phasewise.tui.screens.modal import Modal
from phasewise.tui.widgets.table import Column, Table


class RunsScreen(Modal):
    """Dismisses with ("show", "resume" or "pin", run id), or None."""

    BINDINGS = [Binding("r", "resume", "Resume", show=False), Binding("p", "pin", "Pin for comparison", show=False)]

    def __init__(self, desk: Any) -> None:
        super().__init__("Runs", foot="Enter shows the run, p pins it for comparison, r resumes a lost or stopped one, Esc closes")
        self.desk = desk

    def body(self) -> list[Widget]:
        """Newest first."""
        self.table = Table([Column(title="run", least=10), Column(title="what", flex=2), Column(title="phase", width=10, drop=2), Column(title="state", width=11)], title="runs", classes="choices", empty="No run yet.")
        return [self.table]

    def on_mount(self) -> None:
        """Fill the list."""
        ascii_only = getattr(self.app, "ascii_only", False)
        self.folders = list(reversed(self.desk.session.runs()))
        rows = []
        for folder in self.folders:
            mark = RUN[folder.state()]
            job = folder.job()
            rows.append([folder.id, job.title or job.kind, (TITLES.get(job.phase, job.phase), "muted"), (f"{glyph(mark, ascii_only)} {mark.word}", mark.tone)])
        self.table.fill(rows)

    @on(Table.Chosen)
    def _show(self, event: Table.Chosen) -> None:
        self.dismiss(("show", self.folders[event.row].id))

    def action_pin(self) -> None:
        """Lay the run under the cursor under the charts."""
        if self.folders:
            self.dismiss(("pin", self.folders[self.table.cursor].id))

    def action_resume(self) -> None:
        """Resume the run under the cursor."""
        if self.folders and self.folders[self.table.cursor].resumable():
            self.dismiss(("resume", self.folders[self.table.cursor].id))


def when(t: float) -> str:
    """A time of day, or the date when it is not today."""
    then = time.localtime(t)
    return time.strftime("%H:%M" if then[:3] == time.localtime()[:3] else "%d %b %H:%M", then)
