"""What each component is worth: the drop when it is taken away, with its interval."""

from textual.app import ComposeResult

from phasewise.tui import keys
from phasewise.tui.charts.bars import interval, signed
from phasewise.tui.numbers import number, p_value, plural
from phasewise.tui.numbers import signed as plus
from phasewise.tui.pages.base import View
from phasewise.tui.pages.shared import stale_note
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Column, Table

BAR = 21


class Ablation(View):
    """Components sorted by their worth."""

    TITLE = "Ablation"
    HINT = "T take parts away  P prune"
    PLACE = "ablation"
    BINDINGS = keys.bindings(PLACE)

    def compose(self) -> ComposeResult:
        """Head, table, path."""
        self.head = Block(classes="section")
        self.table = Table([Column(title="taken away", least=20), Column(title="drop", width=9, right=True), Column(title="95 % interval", width=BAR), Column(title="p (Holm)", width=8, right=True, drop=1), Column(title="", flex=2, drop=2)], title="ablation", empty="No ablation yet. It comes after the search, on the winner.")
        self.path = Block(self._path, classes="section")
        yield self.head
        yield self.table
        yield Block(lambda _w: say(""), classes="gap")
        yield self.path

    def load(self) -> None:
        evidence = self.desk.evidence("ablate")
        if evidence is None:
            self.head.show(say("Takes the components of the winner away one at a time, over the same seeds.", "muted"))
            self.table.fill([])
            return
        found = evidence.result
        worth = [c for c in found.components if c.low > 0]
        note = f"  interaction {plus(found.interaction)}" if found.interaction is not None else ""
        self.head.show(lines([r for r in (line((f"{len(worth)} of {plural(len(found.components), 'component')} {'earns' if len(worth) == 1 else 'earn'} a place", "bold"), (f"   full model {number(found.full.validation.value)}{note}", "muted")), stale_note(evidence)) if r.plain]))
        top = max((max(abs(c.low), abs(c.high)) for c in found.components), default=1.0) or 1.0
        rows = []
        for c in sorted(found.components, key=lambda c: -c.drop):
            sure = c.low > 0
            rows.append([(c.title or c.id, "bold ink" if sure else "ink"), (plus(c.drop), "good" if sure else "muted"), (interval(c.low, c.drop, c.high, -top, top, BAR, ascii_only=self.ascii_only), "good" if sure else "muted"), (p_value(c.p_holm), "muted"), (c.note or ("" if sure else "could go"), "muted")])
        self.table.fill(rows)
        self.path.redraw()

    def _path(self, width: int):  # type: ignore[no-untyped-def]
        found = self.desk.result("ablate")
        if found is None or not found.path:
            return say("")
        values = [float(p.get("drop", p.get("value", 0)) or 0) for p in found.path]
        top = max((abs(v) for v in values), default=1.0) or 1.0
        rows = [say("Taken away one after the other", "bold")]
        for p, v in zip(found.path, values, strict=True):
            rows.append(line((f"  {str(p.get('title') or p.get('id', '')):<24.24}", "ink"), (f"{number(v):>9}  ", "bold"), (signed(v, top, min(width - 40, 40), ascii_only=self.ascii_only), "key")))
        return lines(rows)

    def action_ablate(self) -> None:
        """Train the incumbent without each of its parts, over the same seeds (V10)."""
        from phasewise.workflow import inspecting

        self.begin(lambda session: inspecting.ablation(session, []))

    def action_prune(self) -> None:
        """Train the incumbent without each adopted idea: what no longer pays goes (I10)."""
        self.begin(lambda session: session.ideas.prune_job())

    def has_data(self) -> bool:
        return self.desk.result("ablate") is not None
