"""Strengthen: is more worth it?"""

from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult

from phasewise.tui.charts.bars import bar, interval
from phasewise.tui.desk import Desk
from phasewise.tui.names import called
from phasewise.tui.numbers import signed
from phasewise.tui.pages.base import Page, Questions, View
from phasewise.tui.pages.shared import axis_note, leaderboard, leaderboard_columns, model_detail, stale_note, verdict
from phasewise.tui.pages.strengthen_pruned import Smaller
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Table


class Ensembles(View):
    """Ensembles against the best single model, judged on rows they were not fitted on."""

    TITLE = "Ensembles"
    models: Sequence[Any] = ()

    def compose(self) -> ComposeResult:
        """Banner, models, weights."""
        self.banner = Block(classes="banner")
        self.table = Table(leaderboard_columns("score"), title="ensembles", empty="Nothing combined yet. This phase is optional: answer the question, or skip it with a reason (S).", classes="fill")
        self.models = []
        self.weights = Block(self._weights, classes="detail")
        yield self.banner
        yield self.table
        yield self.weights

    def load(self) -> None:
        evidence = self.desk.evidence("combine")
        self.banner.display = self.weights.display = evidence is not None
        self.models = []
        if evidence is not None:
            found = evidence.result
            sure = found.low > 0
            picture = interval(found.low, found.gain, found.high, min(found.low, 0), max(found.high, 0), 21, ascii_only=self.ascii_only)
            self.banner.set_class(sure, "-good").set_class(not sure, "-warn")
            self.banner.show(lines([r for r in (
                verdict("pass" if sure else "info", "worth it" if sure else "not beyond noise", f"gain {signed(found.gain, beside=found.high - found.low)} [{signed(found.low, beside=found.high)}, {signed(found.high, beside=found.low)}]", ascii_only=self.ascii_only),
                line((picture, "good" if sure else "muted"), (f"   members disagree on {found.disagreement:.1%} of rows" if found.disagreement is not None else "", "muted")), stale_note(evidence)) if r.plain]))
            self.models = sorted([*found.ensembles, *found.singles], key=lambda m: m.validation.value, reverse=self.desk.maximize)
        self.table.fill(leaderboard(self.models, ascii_only=self.ascii_only, goal=self.desk.answer("goals.target")), leaderboard_columns(self.desk.metric_title()))
        self.weights.redraw()

    @on(Table.Moved)
    def _moved(self) -> None:
        self.weights.redraw()

    def _weights(self, width: int) -> Any:
        found = self.desk.result("combine")
        if found is None or not self.models:
            return say("")
        rows = [model_detail(self.models[min(self.table.cursor, len(self.models) - 1)], self.desk.metric_title()), axis_note(self.models, None)]
        if found.weights:
            rows += [line((f"  {called(self.desk, n)[:24]:<25}", "ink"), (f"{w:>7.3f}  ", "bold"), (bar(w, 1, 24, ascii_only=self.ascii_only), "key")) for n, w in sorted(found.weights.items(), key=lambda kv: -kv[1])[:5]]
        return lines([*rows, *(say(n, "muted") for n in found.notes[:2])])

    def has_data(self) -> bool:
        return self.desk.result("combine") is not None


class StrengthenPage(Page):
    """Questions and ensembles."""

    PHASE = "strengthen"
    VIEWS = (Questions, Ensembles)

    @classmethod
    def offers(cls, desk: Desk) -> tuple[type[View], ...]:
        """Also the smaller network where one was asked for or made."""
        asked = desk.answer("data.kind") == "images" and desk.answer("strengthen.do") and desk.answer("strengthen.prune")
        return (*cls.VIEWS, Smaller) if asked or desk.result("prune") is not None else cls.VIEWS

    def opening(self) -> int:
        """The result once there is one."""
        return 1 if self.desk.result("combine") is not None else 0


PAGE = StrengthenPage
