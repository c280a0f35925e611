"""Field: does it hold in the real world?"""

from typing import Any

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from phasewise.records.errors import PhasewiseError
from phasewise.tui.charts.bars import bar
from phasewise.tui.marks import SEVERITY, glyph
from phasewise.tui.numbers import number, p_value, plural
from phasewise.tui.pages.base import Page, Questions, View
from phasewise.tui.pages.field_feed import Feeds
from phasewise.tui.pages.shared import stale_note, verdict
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Column, Table

LOOPS = {"none": ("pass", "holds: no loop needed"), "collect": ("warn", "collect more data"), "new_sets": ("warn", "make new sets"), "reweigh": ("warn", "reweigh"), "rethink": ("fail", "rethink the goal")}


class Judged(View):
    """New rows through the frozen model: score, which loop to take, drift per column."""

    TITLE = "New data"
    ALSO = "drift judged predictions"
    HINT = "N new sets"
    BINDINGS = [Binding("N", "renew", "New validation and sealed test from real cases", show=False, id="field.renew")]

    def compose(self) -> ComposeResult:
        """Banner, drift, notes."""
        self.banner = Block(classes="banner")
        self.table = Table([Column(title="", width=9), Column(title="column", least=18), Column(title="effect", width=8, right=True), Column(title="", width=16, drop=1), Column(title="q (FDR)", width=9, right=True), Column(title="what changed", flex=2, drop=2)], title="drift", empty="No new data judged yet. Name a file of new rows in the questions.", classes="fill")
        self.notes = Block(self._notes, classes="detail")
        yield self.banner
        yield self.table
        yield self.notes

    def evidence(self) -> Any:
        """The newest field result."""
        slots = self.desk.slots("field")
        return self.desk.evidence(slots[-1]) if slots else None

    def load(self) -> None:
        evidence = self.evidence()
        self.banner.display = self.notes.display = evidence is not None
        if evidence is None:
            self.table.fill([])
            return
        found = evidence.result
        mark, word = LOOPS.get(found.loop, ("info", found.loop or "judged"))
        score = f"{self.desk.metric_title()} {number(found.score.value)} [{number(found.score.low)}, {number(found.score.high)}]" if found.score else "no labels: drift only"
        tested = self.desk.result("open_vault")
        against = f", {number(tested.test.value)} on the sealed test set" if tested else ""
        self.banner.set_class(mark == "warn", "-warn").set_class(mark == "pass", "-good").set_class(mark == "fail", "-bad")
        self.banner.show(lines([r for r in (verdict(mark, word, found.loop_reason, ascii_only=self.ascii_only), line((score, "bold"), (f"{against}; {plural(found.rows, 'row')} of {found.file}", "muted")), stale_note(evidence)) if r.plain]))
        top = max((abs(d.effect) for d in found.drift), default=1.0) or 1.0
        rows: list[list[Any]] = []
        for d in sorted(found.drift, key=lambda d: (not d.drifted, -abs(d.effect))):
            rows.append([(f"{glyph(SEVERITY['warn' if d.drifted else 'pass'], self.ascii_only)} {'drifted' if d.drifted else 'same'}", "bold warn" if d.drifted else "muted"), (d.column, "bold ink" if d.drifted else "ink"), number(d.effect, 3), (bar(abs(d.effect), top, 16, ascii_only=self.ascii_only), "warn" if d.drifted else "muted"), (p_value(d.q), "muted"), (d.detail, "muted")])
        few = next((x for x in getattr(found, "findings", []) if x.check == "few-rows"), None)
        self.table.empty = f"{few.title}: {few.seen}" if few else "No column was compared."
        self.table.fill(rows)
        self.notes.redraw()

    def _notes(self, width: int) -> Content:
        evidence = self.evidence()
        if evidence is None:
            return Content("")
        f = evidence.result
        rows = []
        if f.domain_auc is not None:
            rows.append(line(("old or new rows can be told apart: ", "muted"), (f"ROC AUC {number(f.domain_auc)}", "bold"), ("  (0.5 means they cannot)", "muted")))
        said = [x for x in getattr(f, "findings", []) if x.severity == "block" or x.check in ("target-missing", "unknown-labels") or (x.check in ("sealed-rows-seen", "sealed-copies-seen", "copies-seen-before") and x.severity == "warn")]
        rows += [line((f"{x.title}. ", "bold warn" if x.severity != "info" else "bold"), (x.seen, "ink")) for x in said[:3]]
        if f.overlap:
            rows.append(say(f"{plural(f.overlap, 'row')} seen in training left out of the score.", "warn"))
        if f.do_not_trust:
            rows.append(line(("do not trust predictions for  ", "warn"), ", ".join(f.do_not_trust[:6])))
        for e in getattr(f, "examples", [])[:2]:
            rows.append(line(("least sure  ", "muted"), f"row {e['row']:,}: {e['prediction']} at {e['confidence']:.0%}", (f"   training rows most like it: {', '.join(n['label'] for n in e['nearest'])}", "muted")))
        if f.predictions_file:
            rows.append(line(("predictions in  ", "muted"), f.predictions_file))
        return lines(rows)

    def action_renew(self) -> None:
        """Make the sets of the next generation from the judged file, with a reason (7.8)."""
        evidence = self.evidence()
        if evidence is None:
            self.notify("Judge a file of real cases first.", severity="warning", markup=False)
            return
        found = evidence.result
        text = f"Half of the labelled rows of {found.file} validate, the other half is sealed as the new test set. The old test set is burnt: its rows validate. Everything is judged again; the report shows both generations and your reason."
        from phasewise.tui.screens.ask import Ask

        self.app.push_screen(Ask("New validation and test sets", text, prompt="Why? (at least three letters)", value=found.loop_reason[:80] if found.loop == "new_sets" else ""), lambda reason: reason and self._renew(reason, found.name))

    def _renew(self, reason: str, name: str) -> None:
        async def start() -> None:
            from phasewise.workflow import renewing
            from phasewise.workflow.phases.field import names

            session = self.desk.session
            try:
                job = renewing.job(session, str(session.files.path(names(session.view)[name])), reason)
            except (PhasewiseError, KeyError) as error:
                self.screen.fail(error if isinstance(error, PhasewiseError) else PhasewiseError("this file is not named any more", "", "Name it in the questions."))  # type: ignore[attr-defined]
                return
            self.notify("The new sets are being made. Then read, seal and check them on the data page.", markup=False)
            await self.screen.start(job)  # type: ignore[attr-defined]

        self.run_worker(start(), exclusive=True)

    def has_data(self) -> bool:
        return bool(self.desk.slots("field"))


class NewRows(Questions):
    """The form; who has no new rows yet may leave the phase out."""

    def hint(self) -> str:
        return self.HINT if self.desk.phase(self.phase).state in ("done", "skipped") else f"{self.HINT}  S skip with a reason"


class FieldPage(Page):
    """Questions, judged data, continuous feed."""

    PHASE = "field"
    VIEWS = (NewRows, Judged, Feeds)

    def opening(self) -> int:
        """The judgement once there is one."""
        return 1 if self.desk.slots("field") else 0


PAGE = FieldPage
