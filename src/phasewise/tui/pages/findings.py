"""Findings sorted by harm; a key answers the one under the cursor."""

from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from phasewise import content
from phasewise.records.errors import PhasewiseError
from phasewise.records.findings import SEVERITY_ORDER
from phasewise.tui import keys
from phasewise.tui.marks import SEVERITY, glyph
from phasewise.tui.numbers import number, plural
from phasewise.tui.pages.base import View
from phasewise.tui.pages.shared import stale_note, verdict
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.picture import beside, picture
from phasewise.tui.widgets.table import Column, Table

TRUST = {"yes": ("pass", "trustworthy"), "with_reservations": ("warn", "trust with reservations"), "no": ("block", "do not trust")}

PICTURED = 30
"""Lines of a terminal from which on pictures stand below the words; on smaller ones Enter shows them."""


class Findings(View):
    """The list, and what was seen and what to do about the chosen one."""

    TITLE = "Findings"
    HINT = "Enter remedy, a as advised"
    PLACE = "findings"
    BINDINGS = keys.bindings(PLACE)
    passes = False
    found: Sequence[Any] = ()

    def compose(self) -> ComposeResult:
        """Trust, list, detail."""
        self.trust = Block(classes="section")
        self.table = Table([Column(title="", width=7), Column(title="finding", flex=2, least=20), Column(title="harm", width=7, right=True, drop=2), Column(title="answer", width=14, drop=1)], title="findings", empty="No check has run yet. They run on the development rows, after the split.", classes="fill")
        self.detail = Block(classes="detail")
        yield self.trust
        yield self.table
        yield self.detail

    def load(self) -> None:
        evidence = self.desk.evidence("checks")
        split = self.desk.result("split")
        found = list(evidence.result.findings) if evidence else []
        known = {f.id for f in found}
        found += [f for f in (split.findings if split else []) if f.id not in known]
        if evidence:
            mark, word = TRUST[evidence.result.trust]
            ran = sum(c.state == "ran" for c in evidence.result.coverage)
            skipped = sum(c.state == "skipped" for c in evidence.result.coverage)
            self.trust.show(lines([r for r in (verdict(mark, word, evidence.result.trust_reason, ascii_only=self.ascii_only), say(f"{plural(ran, 'check')} ran on {evidence.result.rows_looked:,} of {evidence.result.rows:,} rows, {skipped} did not apply.", "muted"), stale_note(evidence)) if r.plain]))
        hidden = sum(f.severity == "pass" for f in found)
        self.found = sorted((f for f in found if self.passes or f.severity != "pass"), key=lambda f: (SEVERITY_ORDER[f.severity], -f.harm, f.id))
        self.table.empty = f"Nothing to answer; {plural(hidden, 'check')} passed (i shows them)." if hidden else self.table.empty
        answers = self.desk.answer("data.remedies") or {}
        rows: list[list[Any]] = []
        for f in self.found:
            mark_ = SEVERITY[f.severity]
            action = answers.get(f.id, "")
            title = next((r.title for r in f.remedies if action in (r.action, getattr(r, "spelled", ""))), action)
            rows.append([(f"{glyph(mark_, self.ascii_only)} {mark_.word}", f"bold {mark_.tone}"), f.title, (number(f.harm) if f.harm else "", "muted"), (title or ("open" if f.remedies else ""), "good" if action else "muted")])
        harm = Column(title="harm", width=7, right=True, drop=2) if any(f.harm for f in self.found) else Column(title="", width=0)
        longest = max((len(r[3][0]) for r in rows), default=0)
        self.table.fill(rows, [*self.table.columns[:2], harm, Column(title="answer", width=min(max(longest, 8), 14), drop=1)])
        self._show()

    @on(Table.Moved)
    def _moved(self) -> None:
        self._show()

    def current(self) -> Any:
        """The finding under the cursor, or None."""
        return self.found[self.table.cursor] if self.found else None

    def _show(self) -> None:
        f = self.current()
        self.detail.display = f is not None
        if f is not None:
            self.detail.show(lambda width: lines([finding_text(f), *(pictures(f, width, self.ascii_only) if self.app.size.height >= PICTURED else ())]))

    @on(Table.Chosen)
    def _chosen(self) -> None:
        f = self.current()
        if f is None or not f.remedies:
            return
        from phasewise.tui.screens.choose import Choose

        rows = [(r.action, f"{r.title}{' (recommended)' if r.recommended else ''}{': ' + r.effect if r.effect else ''}") for r in f.remedies]
        shown = pictures(f, 60, self.ascii_only)
        text = lines([*shown, say(", ".join(f.examples[:3]), "muted")]) if shown else finding_text(f, title=False)
        self.app.push_screen(Choose(f.title, rows, text=text), lambda action: action and self.answer(f, action))

    def action_advised(self) -> None:
        """Take the recommended remedy of the finding under the cursor."""
        f = self.current()
        advised = f.recommended() if f is not None else None
        if advised is None:
            self.notify("This finding has no recommended remedy; Enter shows what there is.", severity="warning", markup=False)
        else:
            self.answer(f, advised.action)

    def action_passes(self) -> None:
        """Show or hide checks that passed."""
        self.passes = not self.passes
        self.load()

    def answer(self, f: Any, action: str) -> None:
        """Answer a finding; later evidence becomes stale where it must."""
        try:
            self.desk.session.remedy(f.id, action)
        except PhasewiseError as e:
            self.notify("\n".join(p for p in (e.cause, e.remedy) if p), title=e.title, severity="error", markup=False)
            return
        title = next((r.title for r in f.remedies if r.action == action), action)
        self.notify(f"{title}: {f.title}", markup=False)
        self.desk.touch()
        self.screen.refresh_pages()  # type: ignore[attr-defined]
        if action == "review-labels":
            self.run_worker(self.screen.page.show_named("Labels"), exit_on_error=True)  # type: ignore[attr-defined]

    def has_data(self) -> bool:
        return self.desk.result("checks") is not None


def pictures(f: Any, width: int, ascii_only: bool) -> list[Content]:
    """The small pictures of a finding's examples in a row, as many as the width takes."""
    made: list[Content] = []
    used = 0
    for cells in f.thumbnails:
        more = picture(cells, ascii_only=ascii_only)
        used += max((len(r.plain) for r in more), default=0) + 2
        if used > width:
            break
        made = list(beside(made, more, gap=2).split("\n")) if made else more
    return made


def finding_text(f: Any, *, title: bool = True) -> Content:
    """What was seen, why it matters, why it may be fine, what to do; under its own title only the rest."""
    source = content.cited(f.source, rules=False)
    rows = [line((f.title, "bold"), (f"  {f.check}{', ' + source if source else ''}", "muted"))] if title else []
    if f.seen:
        rows.append(line(("seen    ", "muted"), f.seen, *(((f"  e.g. {', '.join(f.examples[:3])}", "muted"),) if f.examples else ())))
    if f.why:
        rows.append(line(("why     ", "muted"), f.why))
    if f.why_fine:
        rows.append(line(("or fine ", "muted"), f.why_fine))
    if f.remedies and title:
        rows.append(line(("remedy  ", "muted"), *[p for r in f.remedies for p in ((r.title, "bold key" if r.recommended else "ink"), "   ")]))
    return lines(rows)
