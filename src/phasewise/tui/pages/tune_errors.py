"""Where the model is wrong: slices with false-discovery control, gallery, confusion, calibration, importance."""

from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from phasewise.tui import keys
from phasewise.tui.charts.bars import bar, interval
from phasewise.tui.marks import SEVERITY, glyph
from phasewise.tui.names import called
from phasewise.tui.numbers import number, p_value, plural, share
from phasewise.tui.pages import tune_curve, tune_lesion, tune_tags
from phasewise.tui.pages.base import View
from phasewise.tui.pages.findings import finding_text
from phasewise.tui.pages.shared import scores, stale_note
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.chart import Chart
from phasewise.tui.widgets.picture import beside, headed, heat, picture
from phasewise.tui.widgets.table import Column, Table
from phasewise.workflow.inspecting import together

EMPTY = "Nothing inspected yet. Do the next step: Inspect."
PARTS = ("findings", "slices", "gallery", "tags", "confusion", "calibration", "importance", "pipeline", "data", "lesion")
TABLES = ("findings", "slices", "gallery", "tags", "importance", "pipeline", "data", "lesion")
NOTED = {"lesion": (tune_lesion, "lesion"), "data": (tune_curve, "learning_curve")}
BAR = 15
MAPS = (("saliency", "painted over"), ("gradient", "gradient"))
"""What a picture's answer hangs on: by what painting a place over costs, and by how strongly its pixels move the answer."""


class Reliability(Chart):
    """The chart of the calibration part: it has no far points to cut off, so c goes on to the next part here too."""

    def action_cut(self) -> None:
        self.query_ancestor(Errors).action_part()


class Errors(View):
    """One part at a time; c goes to the next part."""

    TITLE = "Errors"
    ALSO = "findings checks of the score overfit calibrated luck slices gallery tags confusion calibration importance pipeline learning curve more data lesion"
    HINT = "c next part  a tag"
    PLACE = "errors"
    BINDINGS = keys.bindings(PLACE)
    part = 0
    last_tag = ""
    found: Any = None
    rows_of: Sequence[Any] = ()

    def compose(self) -> ComposeResult:
        """Part strip, then what the part needs."""
        self.strip = Block(self._strip, classes="section")
        self.table = Table(title="slices", empty=EMPTY, classes="fill")
        self.chart = Reliability("Calibration: observed over predicted", self._calibration, classes="part-chart")
        self.text = Block(self._text)
        self.detail = Block(classes="detail")
        yield self.strip
        yield self.table
        yield self.chart
        yield self.text
        yield self.detail

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts this project has: blocks are taken out of picture networks only, and only tables have a pipeline of stages."""
        absent = "pipeline" if self.desk.answer("data.kind") == "images" else "lesion"
        return tuple(p for p in PARTS if p != absent)

    def evidence(self) -> Any:
        """The newest inspection."""
        slots = self.desk.slots("inspect")
        return self.desk.evidence(slots[-1]) if slots else None

    def load(self) -> None:
        evidence = self.evidence()
        self.found = self._together(evidence)
        name = self.parts[self.part]
        self.table.display = name in TABLES or self.found is None
        self.chart.display = name == "calibration" and self.found is not None
        self.text.display = name in ("confusion", "calibration") and self.found is not None
        self.rows_of = []
        self.table.empty = EMPTY if self.found is None else "Nothing here for this model."
        if self.found is not None and self.table.display:
            getattr(self, f"_{name}")()
        self.strip.redraw()
        self.text.redraw()
        self.chart.redraw()
        self._show()

    def _together(self, evidence: Any) -> Any:
        """All parts ever made of the inspected model, the newest of each: looking at one part later hides no other."""
        if evidence is None:
            return None
        facts = getattr(self.desk.session, "facts", None)
        store = getattr(facts, "evidence", None)
        items = store.by_slot.get(evidence.slot, []) if hasattr(store, "by_slot") else []
        return together(items) if items else evidence.result

    def _strip(self, width: int) -> Content:
        parts: list[Any] = []
        for i, name in enumerate(self.parts):
            parts += [(name, "bold underline key" if i == self.part else "muted"), "  "]
        rows = [line(*parts)]
        if self.found is not None:
            rows.append(line((called(self.desk, self.found.model), "ink"), (f"  {self.found.model}  ", "muted"), scores(self.found.metrics, most=4)))
            note = stale_note(self.evidence())
            rows += [note] if note.plain else []
        return lines(rows)

    def _findings(self) -> None:
        self.rows_of = self.found.findings
        self.table.title_text = "is the score what it seems"
        self.table.empty = "Looked at before these checks were made: phasewise inspect --again." if not self.found.coverage else "Nothing is wrong with the score."
        marks = [SEVERITY[f.severity] for f in self.rows_of]
        self.table.fill([[(f"{glyph(m, self.ascii_only)} {m.word}", f"bold {m.tone}"), f.title] for m, f in zip(marks, self.rows_of, strict=True)], [Column(title="", width=7), Column(title="finding", flex=2, least=20)])

    def _slices(self) -> None:
        found = self.found
        lo = min((s.low for s in found.slices), default=0.0)
        hi = max([s.high for s in found.slices] + [s.rest for s in found.slices], default=1.0)
        rows: list[list[Any]] = []
        self.rows_of = sorted(found.slices, key=lambda s: -s.harm)
        for s in self.rows_of:
            rows.append([("! " if s.significant else "", "bold warn"), (s.name, "bold ink" if s.significant else "ink"), (f"{s.rows:,}", "muted"), number(s.value), (interval(s.low, s.value, s.high, lo, hi, BAR, ascii_only=self.ascii_only), "warn" if s.significant else "muted"), (number(s.rest), "muted"), (p_value(s.q), "warn" if s.significant else "muted"), (number(s.harm, 3), "ink")])
        self.table.title_text = "slices"
        self.table.fill(rows, [Column(title="", width=2), Column(title="slice", flex=2, least=20), Column(title="rows", width=6, right=True), Column(title="score", width=7, right=True), Column(title="95 % interval", width=BAR, drop=2), Column(title="rest", width=7, right=True, drop=1), Column(title="q (FDR)", width=7, right=True), Column(title="harm", width=7, right=True, drop=3)])

    def _gallery(self) -> None:
        rows: list[list[Any]] = []
        self.rows_of = []
        for kind in ("worst", "errors", "unsure", "random", "best"):
            for g in self.found.gallery.get(kind, []):
                wrong = str(g.get("truth")) != str(g.get("prediction"))
                own = tune_tags.of_row(self, self.found, int(g.get("row", -1)))
                rows.append([(kind, "muted"), (", ".join(own), "key"), (str(g.get("row", g.get("id", ""))), "muted"), _cell(g.get("truth")), (_cell(g.get("prediction")), "warn" if wrong else "ink"), number(g.get("loss"), 3), (", ".join(map(str, g.get("shown", []))), "muted")])
                self.rows_of.append(g)
        self.table.title_text = "gallery"
        self.table.fill(rows, [Column(title="kind", width=6), Column(title="tag", width=10, drop=1), Column(title="row", width=7, right=True), Column(title="truth", least=6), Column(title="predicted", least=9), Column(title="loss", width=6, right=True), Column(title="shown", flex=2, least=12)])

    def _tags(self) -> None:
        found = tune_tags.tagged(self, self.found)
        self.table.title_text = "tags"
        self.table.empty = "No error is tagged yet."
        self.table.fill(tune_tags.tag_rows(found, ascii_only=self.ascii_only) if found else [], tune_tags.tag_columns())

    def _pipeline(self) -> None:
        found = getattr(self.found, "pipeline", {})
        self.table.title_text = "pipeline"
        self.table.fill(tune_tags.stage_rows(found, ascii_only=self.ascii_only), tune_tags.stage_columns(found.get("unit", "error")))

    def _data(self) -> None:
        self.table.title_text = "learning curve"
        self.table.fill(tune_curve.rows(self.found.learning_curve, ascii_only=self.ascii_only), tune_curve.columns())

    def _lesion(self) -> None:
        found = getattr(self.found, "lesion", {})
        self.table.title_text = "lesion"
        self.table.fill(tune_lesion.rows(found, ascii_only=self.ascii_only), tune_lesion.columns())

    def _importance(self) -> None:
        items = self.found.importance
        top = max((float(i.get("drop", 0)) for i in items), default=1.0) or 1.0
        self.table.title_text = "importance"
        self.table.fill([[str(i.get("column", i.get("name", ""))), number(float(i.get("drop", 0))), (bar(float(i.get("drop", 0)), top, 24, ascii_only=self.ascii_only), "key")] for i in items], [Column(title="column shuffled", least=14), Column(title="drop", width=8, right=True), Column(title="", width=24)])

    def _calibration(self, chart: Chart) -> list[Any]:
        from phasewise.tui.charts.plot import Line

        bins = (self.found.calibration or {}).get("bins", []) if self.found is not None else []
        points = [(float(b["mean"]), float(b["observed"])) for b in bins if b.get("mean") is not None]
        if not points:
            return []
        lo, hi = min(min(p) for p in points), max(max(p) for p in points)
        return [Line(name="observed", points=points, tone="key", letter="o"), Line(name="perfect", points=[(lo, lo), (hi, hi)], tone="muted", letter="")]

    def _text(self, width: int) -> Content:
        if self.found is None:
            return Content("")
        if self.parts[self.part] == "confusion":
            return confusion_text(self.found.confusion, width)
        c = self.found.calibration
        if not c:
            return say("Calibration needs probabilities and at least 20 rows.", "muted")
        better = c.get("ece_after")
        return line(("ECE ", "muted"), (number(c.get("ece")), "bold"), (f"   with temperature {number(c.get('temperature'))}: {number(better)}" if better is not None else "", "muted"))

    @on(Table.Moved)
    def _show(self) -> None:
        name = self.parts[self.part]
        if name in NOTED and self.found is not None:
            self.detail.display = True
            part, key = NOTED[name]
            self.detail.show(part.note(getattr(self.found, key, {})))
            return
        if name in ("tags", "pipeline") and self.found is not None:
            notes = getattr(self.found, "pipeline", {}).get("notes", []) if name == "pipeline" else []
            self.detail.display = name == "tags" or bool(notes)
            self.detail.show(tune_tags.tag_note(tune_tags.tagged(self, self.found)) if name == "tags" else say("; ".join(notes), "muted"))
            return
        self.detail.display = bool(self.rows_of) and self.table.display
        if not self.detail.display:
            return
        row = self.rows_of[min(self.table.cursor, len(self.rows_of) - 1)]
        if name == "findings":
            self.detail.show(finding_text(row))
        elif name == "slices":
            lift = f"If it were as good as the rest, the score could rise by about {number(row.harm, 3)}."
            self.detail.show(line((row.name, "bold"), f"  {row.rows:,} rows, {number(row.value)} against {number(row.rest)}.  ", (lift if row.significant else "Not beyond chance after false-discovery control.", "muted")))
        else:
            shown = [tune_tags.case(row, tune_tags.of_row(self, self.found, int(row.get("row", -1))))]
            if row.get("thumbnail"):
                shown.append(beside(picture(row["thumbnail"], ascii_only=self.ascii_only), *(headed(title, heat(row.get(key, []), ascii_only=self.ascii_only)) for key, title in MAPS)))
            self.detail.show(lines(shown))

    def action_part(self) -> None:
        """The next part."""
        self.part = (self.part + 1) % len(self.parts)
        self.table.cursor = 0
        self.load()
        self.focus_first()

    def _case(self) -> int | None:
        """The row of the development table under the cursor, in the gallery."""
        if self.found is None or self.parts[self.part] != "gallery" or not self.rows_of:
            self.notify("Tags are given in the gallery: press c until you are there.", severity="warning", markup=False)
            return None
        return int(self.rows_of[min(self.table.cursor, len(self.rows_of) - 1)]["row"])

    def action_curve(self) -> None:
        """Train the inspected model on parts of its rows: what more data would bring (D16)."""
        from phasewise.workflow import inspecting

        def job(session: Any) -> Any:
            ref, digest = inspecting.resolve(session, self.found.model if self.found is not None else None)
            return inspecting.job(session.view, ref, parts=("learning_curve",), digest=digest)

        self.begin(job)

    def action_tag(self) -> None:
        """Name what went wrong with this case (V09a)."""
        row = self._case()
        if row is not None:
            tune_tags.ask(self, self.found, row, self.last_tag)

    def action_tag_again(self) -> None:
        """The last tag for this case too, without asking."""
        row = self._case()
        if row is not None:
            tune_tags.put(self, self.found, row, self.last_tag) if self.last_tag else tune_tags.ask(self, self.found, row, "")

    def focus_first(self) -> None:
        for w in (self.table, self.chart):
            if w.display:
                w.focus(scroll_visible=False)
                return
        self.can_focus = True
        self.focus(scroll_visible=False)

    def has_data(self) -> bool:
        return bool(self.desk.slots("inspect"))


def confusion_text(confusion: dict[str, Any], width: int, most: int = 12) -> Content:
    """Counts with row shares: truth down, prediction across; the diagonal is right."""
    labels, counts = confusion.get("labels", []), confusion.get("counts", [])
    if not labels:
        return say("A confusion matrix needs classes.", "muted")
    shown = labels[:most]
    cell = max(min(max(len(str(x)) for x in shown), 12), 8)
    rows = [line((" " * (cell + 2) + "".join(f"{str(x)[:cell]:>{cell + 2}}" for x in shown), "muted"), ("   predicted", "muted"))]
    for i, label in enumerate(shown):
        total = sum(counts[i]) or 1
        parts: list[Any] = [(f"{str(label)[:cell]:<{cell + 2}}", "muted")]
        parts += [(f"{counts[i][j]:>{cell + 2},}", "bold good" if i == j else "warn" if counts[i][j] > 0.2 * total else "ink") for j in range(len(shown))]
        parts.append((f"   {share(counts[i][i], total)} right", "muted"))
        rows.append(line(*parts))
    if len(labels) > most:
        rows.append(say(f"{plural(len(labels) - most, 'class', 'classes')} more; E exports all.", "muted"))
    return lines(rows)


def _cell(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
