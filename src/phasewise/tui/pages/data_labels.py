"""Label review on the data page: doubtful rows one by one, accept, relabel or drop, with undo (D18)."""

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from phasewise.records.errors import PhasewiseError
from phasewise.tui.pages.base import View
from phasewise.tui.pages.shared import stale_note
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.picture import beside, picture
from phasewise.tui.widgets.table import Column, Table
from phasewise.workflow import labelling

WORDS = {"": ("open", "muted"), "accept": ("accepted", "good"), "drop": ("dropped", "warn")}


class CaseTable(Table):
    """The queue; `l` relabels here instead of showing later columns (the right arrow does that)."""

    BINDINGS = [
        Binding("a", "decide('accept')", "The label is right", show=False, id="labels.accept"),
        Binding("l", "relabel", "Give the row another class", show=False, id="labels.relabel"),
        Binding("d", "decide('drop')", "Leave the row out", show=False, id="labels.drop"),
        Binding("u", "undo", "Take the decision back", show=False, id="labels.undo"),
    ]
    HELP = "a accepts the label, l gives another class, d leaves the row out, u takes a decision back; right and left show more columns."

    def __init__(self, view: "Labels") -> None:
        super().__init__(title="labels", empty="No label is contradicted.", classes="fill")
        self.view = view

    def action_decide(self, action: str) -> None:
        """Accept or drop the row under the cursor."""
        self.view.decide(action)

    def action_relabel(self) -> None:
        """Choose another class."""
        self.view.relabel()

    def action_undo(self) -> None:
        """Take back the decision under the cursor, or the last one."""
        self.view.undo()


class Labels(View):
    """The queue, what was decided, and the row under the cursor in full."""

    TITLE = "Labels"
    ALSO = "doubtful labels review relabel"
    HINT = "a accept l relabel d drop u undo"
    found: Any = None

    def compose(self) -> ComposeResult:
        """Sentences, queue, row."""
        self.head = Block(classes="section")
        self.table = CaseTable(self)
        self.detail = Block(self._case, classes="detail")
        yield self.head
        yield self.table
        yield self.detail

    def load(self) -> None:
        """The queue as it stands; the cursor stays on its row."""
        self.found, why = self._queue()
        evidence = self.desk.evidence("checks")
        if self.found is None:
            self.table.empty = why
            self.table.fill([])
            self.head.display = self.detail.display = False
            return
        told = [say(text, "ink" if i == 0 else "muted") for i, text in enumerate(labelling.told(self.found))]
        self.head.display = self.detail.display = True
        self.head.show(lines([r for r in (*told, say("Sealed test rows are never reviewed and keep their labels.", "muted"), stale_note(evidence)) if r.plain]))
        self.table.fill([self._row(c) for c in self.found.cases], self._columns())
        self.detail.redraw()

    def _queue(self) -> tuple[Any, str]:
        view = getattr(self.desk.session, "view", None)
        if view is None or not hasattr(view, "facts"):
            return None, "No label was judged yet."
        try:
            return labelling.queue(view), ""
        except PhasewiseError as error:
            return None, " ".join(p for p in (error.title[:1].upper() + error.title[1:] + ".", error.cause, error.remedy) if p)

    def _columns(self) -> list[Column]:
        room = min(max([9, *(len(c) for c in self.found.classes)]), 16)
        part = [Column(title="part", width=10, drop=2)] if self._parted() else []
        return [
            Column(title="row", width=6, right=True), *part, Column(title="given", width=room), Column(title="predicted", width=room),
            Column(title="sure", width=4, right=True), Column(title="decision", width=max(room, 8)), Column(title="the row", flex=2, least=14, drop=1),
        ]

    def _parted(self) -> bool:
        return any(c.doubt.part for c in self.found.cases)

    def _row(self, case: labelling.Case) -> list[Any]:
        d = case.doubt
        word = (f"now {case.label}", "bold key") if case.decision == "relabel" else WORDS[case.decision]
        shown = ", ".join(f"{k}={v}" for k, v in [(k, v) for k, v in d.cells.items() if v][:5])
        part = [(d.part, "muted")] if self._parted() else []
        return [(f"{case.number:,}", "muted"), *part, d.given, (d.suggested, "warn"), (f"{d.confidence:.0%}", "bold ink" if d.margin < labelling.SURE else "ink"), word, (shown, "muted")]

    def _case(self, width: int) -> Content:
        case = self.current()
        if case is None:
            return Content("")
        d = case.doubt
        head = line((f"row {case.number:,}", "bold"), (f"  {d.part}" if d.part else "", "muted"), ("  labelled ", "muted"), (_safe(d.given), "bold"), ("  predicted ", "muted"), (_safe(d.suggested), "bold warn"), (f"  with {d.confidence:.0%}, its own label with {d.confidence + d.margin:.0%}", "muted"))
        cells = line(*[p for k, v in d.cells.items() for p in ((f"{k} ", "muted"), (f"{v or '-'}   ", "ink"))])
        if d.thumbnail:
            return lines([head, beside(picture(d.thumbnail, ascii_only=self.ascii_only), [line((f"{k} ", "muted"), v) for k, v in d.cells.items()])])
        return lines([head, cells])

    @on(Table.Moved)
    def _moved(self) -> None:
        self.detail.redraw()

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.relabel()

    def current(self) -> labelling.Case | None:
        """The case under the cursor, or None."""
        return self.found.cases[min(self.table.cursor, len(self.found.cases) - 1)] if getattr(self, "found", None) and self.found.cases else None

    def relabel(self) -> None:
        """Choose the class of the row under the cursor; the predicted one is offered first."""
        case = self.current()
        if case is None:
            return
        from phasewise.tui.screens.choose import Choose

        d = case.doubt
        rest = [c for c in self.found.classes if c not in (d.given, d.suggested)]
        rows = [(c, f"{_safe(c)}{' (predicted)' if c == d.suggested else ''}") for c in [d.suggested, *rest]]
        text = f"Row {case.number:,} is labelled {_safe(d.given)}. The new label is used in training and validation; your file stays as it is."
        self.app.push_screen(Choose("Which class is it?", rows, text=text, selected=case.label or d.suggested, search=len(rows) > 12), lambda label: label is not None and self.decide("relabel", label))

    def undo(self) -> None:
        """Take back the decision under the cursor; on an open row the last decision made, and go there."""
        case = self.current()
        if case is not None and case.decision:
            self.decide("undo")
            return
        row = labelling.last(self.desk.session.view) if case is not None else None
        place = next((i for i, c in enumerate(self.found.cases) if c.doubt.row == row and c.decision), None) if case is not None else None
        if place is None:
            self.notify("Nothing was decided yet.", severity="warning", markup=False)
            return
        self.table.go(place)
        self.decide("undo")

    def decide(self, action: str, label: str = "") -> None:
        """Write a decision down and go to the next open row; a decision taken back stays in sight."""
        case = self.current()
        if case is None:
            return
        try:
            labelling.decide(self.desk.session, case, action, label)
        except PhasewiseError as error:
            self.screen.fail(error)  # type: ignore[attr-defined]
            return
        self.desk.touch()
        self.screen.refresh_pages()  # type: ignore[attr-defined]
        if action != "undo" and self.found is not None:
            after = [*range(self.table.cursor + 1, len(self.found.cases)), *range(self.table.cursor)]
            self.table.go(next((i for i in after if not self.found.cases[i].decision), self.table.cursor))

    def has_data(self) -> bool:
        """Whether labels were judged."""
        return self._queue()[0] is not None


def _safe(text: str) -> str:
    from phasewise.records.text import safe_text

    return safe_text(text, 40)
