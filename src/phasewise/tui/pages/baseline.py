"""Baseline: what a network must beat, whether it is needed, and whether the smallest one is sound."""

from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from phasewise.tui import keys
from phasewise.tui.marks import SEVERITY, glyph
from phasewise.tui.numbers import number, plural
from phasewise.tui.pages.base import Page, Questions, View
from phasewise.tui.pages.shared import axis_note, leaderboard, leaderboard_columns, model_detail, stale_note, verdict
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Column, Table
from phasewise.workflow import stages

NEED = {"no": ("warn", "no network needed"), "maybe": ("info", "a network may help"), "yes": ("pass", "a network is worth it")}


class Leaderboard(View):
    """The need verdict, then all models with their intervals on one axis."""

    TITLE = "Leaderboard"
    ALSO = "baselines trees need"
    HINT = "w go on with a reason"
    PLACE = "leaderboard"
    BINDINGS = keys.bindings(PLACE)
    models: Sequence[Any] = ()

    def compose(self) -> ComposeResult:
        """Banner, table, detail."""
        self.banner = Block(classes="banner")
        self.table = Table(leaderboard_columns("score"), title="baselines", empty="No baseline has run yet. Do the next step: Run baselines.", classes="fill")
        self.detail = Block(classes="detail")
        yield self.banner
        yield self.table
        yield self.detail

    def load(self) -> None:
        evidence = self.desk.evidence("baselines")
        self.banner.display = evidence is not None
        self.models = list(evidence.result.models) if evidence else []
        if evidence:
            need = evidence.result.need
            mark, word = NEED[need.verdict]
            reason = self.desk.answer("baseline.go_on_reason")
            self.banner.set_class(mark == "warn", "-warn").set_class(mark == "pass", "-good")
            rows = [verdict(mark, word, need.reason, ascii_only=self.ascii_only), stale_note(evidence)]
            if need.verdict == "no":
                rows.append(line(("reason to go on  ", "muted"), reason) if reason else say("The best baseline goes on as the candidate. To train a network all the same, write the reason (w).", "muted"))
            self.banner.show(lines([r for r in rows if r.plain]))
        goal = self.desk.answer("goals.target")
        checkup = self.desk.result("checkup")
        if checkup is not None and checkup.smallest is not None:
            self.models = sorted([*self.models, checkup.smallest], key=lambda m: m.validation.value, reverse=self.desk.maximize)
        self.table.fill(leaderboard(self.models, ascii_only=self.ascii_only, goal=goal), leaderboard_columns(self.desk.metric_title()))
        self._show()

    @on(Table.Moved)
    def _show(self) -> None:
        self.detail.display = bool(self.models)
        if self.models:
            evidence = self.desk.result("baselines")
            skipped = "; ".join(f"{k}: {v}" for k, v in (evidence.skipped if evidence else {}).items())
            rows = [model_detail(self.models[self.table.cursor], self.desk.metric_title()), axis_note(self.models, self.desk.answer("goals.target"))]
            if skipped:
                rows.append(say(f"Not run: {skipped}", "muted"))
            self.detail.show(lines(rows))

    async def action_go_on_reason(self) -> None:
        """Write the reason to train a network all the same."""
        await self.screen.to_question("go_on_reason")  # type: ignore[attr-defined]

    def has_data(self) -> bool:
        return self.desk.result("baselines") is not None


class Checkup(View):
    """The network check-up as a list of verdicts, and the shapes of the smallest network."""

    TITLE = "Check-up"
    ALSO = "sanity of the network overfit a batch"
    HINT = "Enter more  m minimal model"
    PLACE = "checkup"
    BINDINGS = keys.bindings(PLACE)

    def compose(self) -> ComposeResult:
        """Verdicts and shapes."""
        self.head = Block(classes="section")
        self.table = Table([Column(title="", width=6), Column(title="check", least=16), Column(title="seen", flex=2, least=16)], title="check-up", empty="No check-up yet. It runs after the baselines.", classes="fill")
        self.detail = Block(classes="detail")
        self.shapes = Table([Column(title="module", least=10), Column(title="in", least=8), Column(title="out", least=8), Column(title="parameters", width=10, right=True)], title="shapes", empty="No shapes.", classes="when-tall")
        yield self.head
        yield self.table
        yield self.detail
        yield self.shapes

    def load(self) -> None:
        evidence = self.desk.evidence("checkup")
        found = evidence.result if evidence else None
        if found is None:
            self._show()
            return
        bad = sum(v.verdict == "fail" for v in found.verdicts)
        warn = sum(v.verdict == "warn" for v in found.verdicts)
        word = "the network is sound" if not bad and not warn else f"{plural(bad, 'check')} failed" if bad else f"{plural(warn, 'check')} warned"
        detail = f"{found.parameters:,} parameters{f', on {found.subset:,} rows' if found.subset else ''}"
        if found.locked:
            detail += f"; not run because an earlier check failed: {', '.join(found.locked)}"
        climbed = self.desk.result("minimal")
        told = line(("minimal model  ", "muted"), (climbed.advice, "warn" if climbed.suspect else "ink")) if climbed else say("m makes the network simple and undoes one simplification per run until one is the suspect." if bad else "", "muted")
        spent = stages.told(stages.read(self.desk.session.view)) if found.stages else ""
        cost = line(("stages  ", "muted"), spent) if spent else Content("")
        self.head.show(lines([r for r in (verdict("fail" if bad else "warn" if warn else "pass", word, detail, ascii_only=self.ascii_only), cost, told, stale_note(evidence)) if r.plain]))
        rows: list[list[Any]] = []
        for v in found.verdicts:
            mark = SEVERITY[v.verdict]
            rows.append([(f"{glyph(mark, self.ascii_only)} {mark.word}", f"bold {mark.tone}"), v.title or v.id, (v.detail, "muted")])
        self.table.fill(rows)
        self._show()
        self.shapes.fill([[str(s.get("module", "")), (str(s.get("input", "")), "muted"), (str(s.get("output", "")), "muted"), number(s.get("parameters"))] for s in found.shapes])

    @on(Table.Moved)
    def _show(self) -> None:
        """The check under the cursor in full: the list cuts long ones."""
        found = self.desk.result("checkup")
        at = found.verdicts[min(self.table.cursor, len(found.verdicts) - 1)] if found is not None and found.verdicts else None
        self.detail.display = at is not None
        if at is not None:
            self.detail.show(lines([line((at.title or at.id, "bold")), *([say(at.detail)] if at.detail else [])]))

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        """A check in full, and the network's shapes, for which a small window has no room beside the list."""
        from phasewise.tui.screens.viewer import Viewer

        found = self.desk.result("checkup")
        if event.table is self.table and found is not None:
            at = found.verdicts[event.row]
            shapes = [line((f"  {s.get('module', '')!s:<24}", "ink"), (f"{s.get('input', '')!s:>10} -> {s.get('output', '')!s:<10}", "muted"), f"{number(s.get('parameters')):>10}") for s in found.shapes]
            told = [say(at.detail), say("")] if at.detail else []
            self.app.push_screen(Viewer(at.title or at.id, lines([*told, say("Shapes of the smallest network, and parameters", "muted"), *shapes] if shapes else told)))

    def action_minimal(self) -> None:
        """Start the minimal-model ladder (B06)."""
        from phasewise.workflow import minimal

        self.begin(minimal.job)

    def has_data(self) -> bool:
        return self.desk.result("checkup") is not None


class BaselinePage(Page):
    """Questions, leaderboard, check-up."""

    PHASE = "baseline"
    VIEWS = (Questions, Leaderboard, Checkup)

    def opening(self) -> int:
        """The leaderboard once there is one."""
        return 1 if self.desk.result("baselines") is not None else 0


PAGE = BaselinePage
