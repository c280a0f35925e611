"""Ship: can others use it?"""

from textual.app import ComposeResult
from textual.content import Content

from phasewise.tui.numbers import number, size
from phasewise.tui.pages.base import Page, Questions, View
from phasewise.tui.pages.shared import stale_note
from phasewise.tui.say import line, lines, prose, say
from phasewise.tui.screens.viewer import Scroller
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Column, Table


class Report(View):
    """A preview of the report as it would be written now."""

    TITLE = "Report"
    HINT = "j k scroll"
    text: str | None = None

    def compose(self) -> ComposeResult:
        """A scrolling column."""
        self.block = Block(self._text)
        yield Scroller(self.block)

    def load(self) -> None:
        self.text = self.desk.report()
        self.block.redraw()

    def _text(self, width: int) -> Content:
        return prose(self.text) if self.text else say("The report is written from the journal. It appears here once there is evidence.", "muted")


class Exports(View):
    """What was written, with the parity check of every file."""

    TITLE = "Exports"
    ALSO = "onnx torch files parity"

    def compose(self) -> ComposeResult:
        """Head, files, notes."""
        self.head = Block(classes="section")
        self.table = Table([Column(title="", width=7), Column(title="format", width=7), Column(title="file", flex=2, least=18), Column(title="size", width=9, right=True, drop=1), Column(title="difference", width=19, right=True), Column(title="note", least=6, drop=2)], title="exports", empty="Nothing exported yet. Do the next step: Export.")
        self.notes = Block(classes="section")
        yield self.head
        yield self.table
        yield Block(lambda _w: say(""), classes="gap")
        yield self.notes

    def load(self) -> None:
        evidence = self.desk.evidence("export")
        if evidence is None:
            self.head.show(say("A bundle loads without Phasewise; the other formats are compared with it row by row.", "muted"))
            return
        found = evidence.result
        good = sum(f.ok for f in found.files)
        self.head.show(lines([r for r in (line((f"{good} of {len(found.files)} files give the same predictions", "bold good" if good == len(found.files) else "bold warn")), stale_note(evidence)) if r.plain]))
        self.table.fill([[("ok" if f.ok else "differs", "bold good" if f.ok else "bold bad"), f.format, f.path, (size(f.size), "muted"), (f"{number(f.parity, 2)} on {f.rows} rows" if f.parity is not None else "not compared", "muted"), (f.note, "warn")] for f in found.files])
        self.notes.show(lines([say(n, "muted") for n in found.notes] or [say("Use it:  phasewise predict FILE -o OUT", "muted")]))

    def has_data(self) -> bool:
        return self.desk.result("export") is not None


class ShipPage(Page):
    """Questions, report, exports."""

    PHASE = "ship"
    VIEWS = (Questions, Report, Exports)

    def opening(self) -> int:
        """The exports once there are some."""
        return 2 if self.desk.result("export") is not None else 0


PAGE = ShipPage
