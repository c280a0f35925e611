"""The LR finder: loss over learning rate with a cursor and every suggestion; Enter takes one."""

from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult

from phasewise.records.errors import PhasewiseError
from phasewise.tui import keys
from phasewise.tui.charts.decimate import ceiling
from phasewise.tui.numbers import plural
from phasewise.tui.pages.base import View
from phasewise.tui.pages.shared import stale_note
from phasewise.tui.say import line, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.chart import Chart
from phasewise.tui.widgets.table import Column, Table


class Finder(View):
    """The curve with its band, suggestions as letters on it, and the list of suggestions."""

    TITLE = "LR finder"
    ALSO = "learning rate finder suggestions"
    HINT = "Enter takes the rate, t the cursor's"
    PLACE = "finder"
    BINDINGS = keys.bindings(PLACE)
    suggestions: Sequence[Any] = ()

    def compose(self) -> ComposeResult:
        """Head, chart, suggestions."""
        self.head = Block(classes="section-tight")
        self.chart = Chart("Loss over learning rate", self._lines, version=self._version, log_x=True, top=ceiling)
        self.table = Table([Column(title="", width=2), Column(title="rule", width=12), Column(title="learning rate", width=13, right=True), Column(title="why", flex=2)], title="suggestions", empty="No suggestion yet.", classes="short")
        yield self.head
        yield self.chart
        yield self.table

    def _live(self) -> Any:
        return next((r for r in reversed(list(self.desk.board.runs.values())) if r.job == "find_lr"), None)

    def _version(self) -> Any:
        run = self._live()
        return (self.desk.version, sum(s.version for s in run.series.values()) if run is not None else 0)

    def _lines(self, _chart: Chart) -> list[Any]:
        from phasewise.tui.charts.plot import Line

        found = self.desk.result("find_lr")
        run = self._live()
        if run is not None and run.state in ("running", "paused", "queued"):
            self.chart.empty = "The first points come in a moment: the process starts." if run.state != "paused" else "Paused."
            last = len(run.sweeps) - 1
            return [Line(name="loss" if i == last else f"sweep {i + 1}", points=points, tone="key" if i == last else "muted", letter="l" if i == last else "", faint=i < last) for i, points in enumerate(run.sweeps)]
        if found is None:
            self.chart.empty = "Not run yet. Do the next step: Find the learning rate."
            return []
        shown = range(found.skip_start, len(found.lrs) - found.skip_end)
        out = [Line(name="smooth", points=[(found.lrs[i], found.smooth[i]) for i in shown], tone="key", letter="")]
        if found.low and found.high:
            out.append(Line(name="low", points=[(found.lrs[i], found.low[i]) for i in shown], tone="muted", letter=""))
            out.append(Line(name="high", points=[(found.lrs[i], found.high[i]) for i in shown], tone="muted", letter=""))
        return out

    def load(self) -> None:
        evidence = self.desk.evidence("find_lr")
        found = evidence.result if evidence else None
        rows: list[list[Any]] = []
        self.suggestions = list(found.suggestions) if found else []
        guides: dict[float, str] = {}
        letters = _letters([s.name for s in self.suggestions])
        lr = self.desk.answer("train.lr")
        for s, letter in zip(self.suggestions, letters, strict=True):
            if s.lr is not None:
                guides[s.lr] = letter
            chosen = s.lr is not None and lr is not None and abs(s.lr - lr) <= 1e-6 * s.lr
            rows.append([(letter, "bold key"), (s.name, "bold ink" if chosen else "ink"), (f"{s.lr:.2e}" if s.lr is not None else "none", "bold key" if chosen else "ink"), (f"{'in use. ' if chosen else ''}{s.note}", "muted")])
        self.chart.guides = guides
        self.table.fill(rows)
        self.chart.redraw()
        if found is not None:
            told = f"{plural(found.sweeps, 'sweep')}{f' with {found.optimizer}' if found.optimizer else ''}, stopped: {found.stopped or 'at the end'}"
            self.head.show(line(("chosen ", "muted"), (f"{found.chosen:.2e}" if found.chosen else "none", "bold key"), (f"   {told}   ", "muted"), stale_note(evidence)))
        else:
            self.head.show(say("Tries rising learning rates for a few steps and reads off where the loss falls fastest.", "muted"))

    def tick(self) -> None:
        self.chart.tick()

    @on(Table.Chosen)
    def _take(self, event: Table.Chosen) -> None:
        s = self.suggestions[event.row]
        if s.lr is None:
            self.notify("This rule has no suggestion here.", severity="warning", markup=False)
            return
        self._use(s.lr, s.name)

    def action_take(self) -> None:
        """The rate of the point under the chart's cursor (T03)."""
        at = self.chart.at_cursor()
        if at is None:
            self.chart.focus()  # else the arrows would belong to the table
            self.notify("Now left and right move a cursor along the curve; t takes its rate.", severity="warning", markup=False)
            return
        self._use(at, "by hand")

    def _use(self, rate: float, who: str) -> None:
        """Makes a rate the answer and says so."""
        try:
            self.desk.session.answers.set("train", "lr", rate)
        except PhasewiseError as e:
            self.notify(e.cause or e.title, title=e.title, severity="error", markup=False)
            return
        self.notify(f"Learning rate {rate:.3g} ({who}).", markup=False)
        self.desk.touch()
        self.screen.refresh_pages()  # type: ignore[attr-defined]

    def has_data(self) -> bool:
        return self.desk.result("find_lr") is not None or self._live() is not None


def _letters(names: list[str]) -> list[str]:
    out: list[str] = []
    for name in names:
        out.append(next((c.upper() for c in name + "abcdefg" if c.upper() not in out), "?"))
    return out
