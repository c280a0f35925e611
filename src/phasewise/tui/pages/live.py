"""The live board of a run: one chart at a time, four in a grid when the window is large; numbers above, messages below."""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from phasewise.tui import keys
from phasewise.tui.live.lines import lines_of, version_of
from phasewise.tui.marks import RUN, SEVERITY, glyph
from phasewise.tui.numbers import duration, eta, number
from phasewise.tui.pages.base import View
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.chart import Chart

CHARTS = {"loss": "Loss", "metric": "Metric", "rate": "Learning rate", "watch": "Gradients and updates"}


class Live(View):
    """A chart of the phase's newest run; subclasses say which."""

    CHART: ClassVar[str] = "loss"
    SLOT: ClassVar[str] = "fit"
    HINT = "p pause  s stop  r rate"
    turn = 0
    PLACE = "live"
    BINDINGS = keys.bindings(PLACE)

    def compose(self) -> ComposeResult:
        """Numbers, charts, messages."""
        self.figures = Block(self._figures, classes="figures")
        self.charts = {name: Chart(title, self._source(name), version=self._version(name), classes=f"-{'main' if name == self.CHART else 'extra'}", empty="No points yet. They appear here while a run goes on.") for name, title in CHARTS.items()}
        self.charts["watch"].log_y = True
        self.notes = Block(self._notes, classes="messages")
        yield self.figures
        with Container(classes="chart-grid"):
            yield self.charts[self.CHART]
            for name, chart in self.charts.items():
                if name != self.CHART:
                    yield chart
        yield self.notes

    def _source(self, name: str) -> Any:
        def lines_now(chart: Chart) -> list[Any]:
            run = self.run()
            if run is not None and run.series:
                return lines_of(run, name, chart.x_unit, pinned=self.desk.pinned)
            return self.stored(name)

        return lines_now

    def _version(self, name: str) -> Any:
        return lambda: (version_of(self.run(), name), version_of(self.desk.pinned, name), self.desk.version)

    def hint(self) -> str:
        """Keys that steer while a run goes on; afterwards those that read the picture."""
        run = self.run()
        return self.HINT if run is not None and run.state in ("running", "paused", "queued") else "z zoom  x axis  P pin  y copy"

    def run(self) -> Any:
        """The run that was chosen, else the phase's newest that is followed (a pinned one only when there is no other)."""
        board = self.desk.board
        found = [r for r in board.runs.values() if r.phase == self.phase and r.job != "find_lr"]
        chosen = board.runs.get(board.current)
        if chosen in found:
            return chosen
        return next((r for r in reversed(found) if r is not self.desk.pinned), found[-1] if found else None)

    def stored(self, name: str) -> list[Any]:
        """The curves of the stored result, when no run is followed."""
        from phasewise.tui.charts.plot import Line
        from phasewise.tui.live.lines import chart_of, letters, title_of

        result = self.desk.result(self.SLOT)
        curves = getattr(result, "curves", None) or {}
        named = {k if "." in k else f"epoch.{k}": v for k, v in curves.items()}
        chosen = [(k, v) for k, v in named.items() if chart_of(k) == name and v]
        titles = [title_of(k) for k, _ in chosen]
        tones = ("key", "second", "good", "warn")
        return [Line(name=t, points=[(p[0], p[1]) for p in v], tone=tones[i % 4], letter=letter) for i, ((_, v), t, letter) in enumerate(zip(chosen, titles, letters(titles), strict=True))]

    def load(self) -> None:
        evidence = self.desk.evidence(self.SLOT)
        if self.run() is None and evidence is not None and self.desk.folder(evidence.run) is not None:
            self.desk.replay(evidence.run)
        self._goal_line()
        self.figures.redraw()
        self.notes.redraw()
        for chart in self.charts.values():
            chart.redraw()

    def tick(self) -> None:
        self._goal_line()
        self.settle()
        self.figures.refresh()
        self.notes.redraw()

    def settle(self) -> None:
        """One dirty chart a frame, in turn: no frame draws four, and none stays behind."""
        names = list(self.charts)
        for i in range(len(names)):
            if self.charts[names[(self.turn + i) % len(names)]].tick():
                self.turn = (self.turn + i + 1) % len(names)
                break

    def _goal_line(self) -> None:
        """The goal is drawn only where the goal's own metric is."""
        run = self.run()
        names = list(run.series) if run is not None else list(getattr(self.desk.result(self.SLOT), "curves", None) or {})
        own = bool(self.desk.metric) and any(n.endswith(self.desk.metric) for n in names)
        chart = self.charts["metric"]
        chart.y_guide = self.desk.answer("goals.target") if own else None
        chart.title_text = self.desk.metric_title() if own else "Metrics"

    def focus_first(self) -> None:
        self.charts[self.CHART].focus(scroll_visible=False)

    def _figures(self, width: int) -> Content:
        run = self.run()
        if run is None:
            return self._stored_figures()
        mark = RUN[run.state]
        parts: list[Any] = [(f"{glyph(mark, self.ascii_only)} {mark.word}", f"bold {mark.tone}"), "  "]
        passes = max((s.passes for s in run.series.values()), default=1)
        if passes > 1:
            parts += [("pass ", "muted"), (str(passes), "bold"), "  "]
        if run.epoch:
            parts += [("epoch ", "muted"), (str(run.epoch), "bold"), "  "]
        if run.step:
            parts += [("step ", "muted"), (f"{run.step:,}", "bold"), "  "]
        speed = run.speed()
        tail = [p for p in (f"{speed:,.0f} steps/s" if speed else "", f"{number(round(run.memory_mb))} MB" if run.memory_mb else "", eta(run.eta_low, run.eta_high) if run.state == "running" else duration(run.seconds) if run.seconds else "") if p]
        parts.append(("  ".join(tail) + "  ", "muted"))
        told = line(*parts)
        for name, value in sorted(run.values.items(), key=lambda kv: "loss" in kv[0])[:3]:
            s = run.series.get(f"epoch.{name}")
            best = s.best_low if s is not None and ("loss" in name or not self.desk.maximize) else s.best_high if s is not None else None
            now = line((f"{name.replace('_', ' ')} ", "muted"), (number(value), "bold"), "  ")
            full = line((f"{name.replace('_', ' ')} ", "muted"), (number(value), "bold"), (f" best {number(best)}  ", "muted"))
            chunk = next((c for c in (full, now) if told.cell_length + len(c.plain.rstrip()) <= width), None)  # whole or not at all
            told = Content("").join([told, chunk]) if chunk is not None else told
        return told.truncate(max(width, 1), ellipsis=True)

    def _stored_figures(self) -> Content:
        result = self.desk.result(self.SLOT)
        if result is None or not hasattr(result, "model"):
            return say("No run yet. Do the next step; it is drawn here while it goes on.", "muted")
        v = result.model.validation
        rows = f"  {result.throughput:,.0f} rows/s" if result.throughput else ""
        return line(("last result  ", "muted"), (f"{self.desk.metric_title()} {number(v.value)}", "bold"), (f"  [{number(v.low)}, {number(v.high)}]  {result.epochs} epochs, {result.steps:,} steps{rows}", "muted"))

    def _notes(self, width: int) -> Content:
        run = self.run()
        if run is None:
            return Content("")
        rows = []
        for severity, title, detail in run.findings[-2:]:
            mark = SEVERITY.get(severity, SEVERITY["info"])
            rows.append(line((f"{glyph(mark, self.ascii_only)} {mark.word} ", f"bold {mark.tone}"), title, (f"  {detail}", "muted")))
        if not rows and run.log:
            rows.append(say(run.log[-1][2], "muted"))
        return lines(rows)

    def action_pin(self) -> None:
        """Keep this run's line under the others, or take the pinned one away."""
        run = self.run()
        if run is None:
            return
        if self.desk.pinned is not None:
            self.notify(f"{self.desk.pinned.id} is no longer pinned.", markup=False)
            self.desk.pinned = None
        else:
            self.desk.pinned = run
            self.desk.board.current = self.desk.board.current or run.id
            self.notify(f"{run.id} is pinned: later runs are drawn over it; o and p pin any other.", markup=False)
        self.load()

    def has_data(self) -> bool:
        return self.run() is not None or self.desk.result(self.SLOT) is not None


class Loss(Live):
    """Train and validation loss."""

    TITLE, CHART = "Loss", "loss"
    ALSO = "training curve"


class MetricChart(Live):
    """The goal's metric over epochs, with the goal as a line."""

    TITLE, CHART = "Metric", "metric"
    ALSO = "score over epochs"


class Rate(Live):
    """The learning rate."""

    TITLE, CHART = "Rate", "rate"
    ALSO = "learning rate schedule"


class Watch(Live):
    """Gradient norms and update ratios, and where a bound was passed."""

    TITLE, CHART = "Watch", "watch"
    ALSO = "gradient norms update ratios"

    def _notes(self, width: int) -> Content:
        result = self.desk.result("fit")
        seen = list(result.watch)[-4:] if result is not None else []
        rows = [line(("! ", "bold warn"), f"{w.get('layer', '')} {w.get('quantity', '')}", (f"  step {w.get('step', '')}: {number(w.get('value'))}, bound {number(w.get('bound'))}", "muted")) for w in seen]
        return lines(rows) if rows else super()._notes(width)
