"""The population: live leaderboard with survivors while it runs, the trials after it, and all ideas' outcomes."""

import re
from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from phasewise.tui.charts.bars import bar
from phasewise.tui.marks import RUN, glyph
from phasewise.tui.numbers import eta, number, plural, signed
from phasewise.tui.pages.base import View
from phasewise.tui.say import line, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.chart import Chart
from phasewise.tui.widgets.result import short_title
from phasewise.tui.widgets.table import Column, Table

MOST = 200
STATES = {"finished": "good", "halved": "muted", "diverged": "bad", "failed": "bad"}
TRIALS = (Column(title="", width=2), Column(title="trial", least=12), Column(title="value", width=9, right=True), Column(title="", width=14), Column(title="epoch", width=6, right=True), Column(title="state", width=10), Column(title="config", flex=2, drop=1))
TRIED = (Column(title="idea", flex=2, least=20), Column(title="gain", width=9, right=True), Column(title="95 % interval", width=20, drop=1), Column(title="verdict", width=8))
LIVE = TRIALS[:-1]
"""A run tells no settings of its members: their names get the room."""
EMPTY = "No trial yet. Do the next step; members train together and appear here."
WAITING = "The first members are on their way; each appears here with its first score."


class Population(View):
    """Trials best first; while a run goes on the values move."""

    TITLE = "Population"
    ALSO = "trials search live leaderboard"
    HINT = "p pause  s stop"
    configs: Sequence[Any] = ()

    def compose(self) -> ComposeResult:
        """Figures, chart when there is room, leaderboard, detail."""
        self.figures = Block(classes="figures")
        self.chart = Chart("Mean of the living members", self._lines, version=self._version, classes="when-tall", empty="The curve appears while a run goes on.")
        self.table = Table(TRIALS, title="population", empty=EMPTY, classes="fill")
        self.detail = Block(classes="detail")
        yield self.figures
        yield self.chart
        yield self.table
        yield self.detail

    def hint(self) -> str:
        """Keys that steer, while there is something to steer."""
        run = self.run()
        return self.HINT if run is not None and run.state in ("running", "paused", "queued") else "j k move  y copy"

    def run(self) -> Any:
        """The newest run of this phase that has members."""
        found = [r for r in self.desk.board.runs.values() if r.phase == self.phase]
        return found[-1] if found else None

    def _version(self) -> Any:
        from phasewise.tui.live.lines import version_of

        return (version_of(self.run(), "loss"), version_of(self.run(), "metric"))

    def _lines(self, chart: Chart) -> list[Any]:
        from phasewise.tui.live.lines import lines_of

        run = self.run()
        if run is None:
            return []
        return lines_of(run, "metric", chart.x_unit, pinned=self.desk.pinned) or lines_of(run, "loss", chart.x_unit)

    def load(self) -> None:
        run = self.run()
        if run is not None and (run.state in ("running", "paused", "queued") or run.trials):
            self._fill_live(run)
        else:
            self._fill_stored()
        self.chart.redraw()
        self._show()

    def tick(self) -> None:
        run = self.run()
        if run is not None:
            self._fill_live(run)
        self.chart.tick()

    def _fill_live(self, run: Any) -> None:
        self.configs = []
        leaders = run.leaders(self.desk.maximize)[:MOST]
        mark = RUN[run.state]
        alive = sum(t.alive for t in run.trials.values())
        told = [f"{alive} of {plural(len(run.trials), 'member')} alive  epoch {run.epoch}" if run.trials else "", eta(run.eta_low, run.eta_high) if run.state == "running" else ""]
        head = line((f"{glyph(mark, self.ascii_only)} {mark.word}", f"bold {mark.tone}"), *((f"  {t}", "muted") for t in told if t), "  ")
        self.figures.show(lambda width: Content("").join([head, say(short_title(run.title or run.job, width - head.cell_length), "ink")]))
        self.table.empty = WAITING if run.state in ("running", "paused", "queued") else EMPTY
        values = [t.value for t in leaders if t.value is not None]
        lo, hi = (min(values), max(values)) if values else (0.0, 1.0)
        rows: list[list[Any]] = []
        for i, t in enumerate(leaders):
            part = 0.0 if t.value is None else (t.value - lo) if self.desk.maximize else (hi - t.value)
            rows.append([(">" if i == 0 else "", "key"), (spoken(t.id), "bold ink" if i == 0 else "ink" if t.alive else "muted"), number(t.value), (bar(part, (hi - lo) or 1, 14, ascii_only=self.ascii_only), "key" if t.alive else "muted"), (str(t.seen_epoch), "muted"), ("alive" if t.alive else "left", "good" if t.alive else "muted")])
        self.table.fill(rows, LIVE)
        self.detail.display = False

    def _fill_stored(self) -> None:
        found = self.desk.result("search")
        ideas = self.desk.result("try_ideas")
        rows: list[list[Any]] = []
        self.configs = []
        if found is not None:
            trials = sorted(found.trials, key=lambda t: (t.value is None, -(t.value or 0) if self.desk.maximize else (t.value or 0)))
            values = [t.value for t in trials if t.value is not None]
            lo, hi = (min(values), max(values)) if values else (0.0, 1.0)
            for i, t in enumerate(trials[:MOST]):
                part = 0.0 if t.value is None else (t.value - lo) if self.desk.maximize else (hi - t.value)
                config = ", ".join(f"{k.split('.')[-1]} {_short(v)}" for k, v in t.config.items())
                rows.append([(">" if i == 0 else "", "key"), (t.id, "bold ink" if i == 0 else "ink"), number(t.value), (bar(part, (hi - lo) or 1, 14, ascii_only=self.ascii_only), "key"), (str(t.epochs), "muted"), (t.state, STATES.get(t.state, "muted")), (config, "muted")])
                self.configs.append(t.config)
            luck = f"  best-of-{found.evaluations} luck about {number(found.optimism)}" if found.optimism is not None else ""
            rungs = f"  rung correlation {found.rung_correlation:.2f}" if found.rung_correlation is not None else ""
            drawn = f", {sum(found.generations[1:])} learned" if found.generations else ""
            self.figures.show(line((plural(len(found.trials), "trial"), "bold"), (f"{drawn}{luck}{rungs}", "muted")))
        elif ideas is not None:
            m = ideas.incumbent
            self.figures.show(line(("from ", "muted"), ("the model so far" if m.name == "incumbent" else m.name, "bold"), (f"  {number(m.validation.value)}  {plural(len(ideas.ideas), 'idea')} tried over {plural(len(ideas.seeds), 'seed')}", "muted")))
            for i in ideas.ideas:
                rows.append([i.title or i.id, signed(i.gain, beside=i.high), (f"{signed(i.low, beside=i.high)} to {signed(i.high, beside=i.low)}" if i.low is not None else "", "muted"), (i.verdict, "good" if i.verdict == "better" else "muted")])
                self.configs.append(i.change)
        else:
            self.figures.show(say("No population has run yet.", "muted"))
        self.table.fill(rows, TRIED if found is None and ideas is not None else TRIALS)

    @on(Table.Moved)
    def _show(self) -> None:
        self.detail.display = bool(self.configs)
        if self.configs:
            config = self.configs[min(self.table.cursor, len(self.configs) - 1)]
            self.detail.show(line(("config  ", "muted"), ", ".join(f"{k} = {_short(v)}" for k, v in config.items()) or "as the start"))

    def has_data(self) -> bool:
        return self.run() is not None or self.desk.result("search") is not None or self.desk.result("try_ideas") is not None


def spoken(member: str) -> str:
    """A member as a person says it: `idea-one-cycle.s2.f0` is the idea `one-cycle` with seed 2, in the first fold."""
    found = re.fullmatch(r"(.+?)(?:\.s(\d+))?(?:\.f(\d+))?", member)
    if found is None or found[2] is found[3] is None:
        return member
    name = "the model so far" if found[1] == "incumbent" else found[1].removeprefix("idea-")
    return f"{name}{f', seed {found[2]}' if found[2] else ''}{f', fold {int(found[3]) + 1}' if found[3] else ''}"


def _short(value: Any) -> str:
    return number(value, 3) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
