"""Continuous feed on the field page: the versions in service, what each feed brought, and a key to feed a file (X14)."""

from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult

from phasewise.tui import keys
from phasewise.tui.charts.bars import interval
from phasewise.tui.names import called
from phasewise.tui.numbers import number, plural
from phasewise.tui.numbers import signed as plus
from phasewise.tui.pages.base import View
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Column, Table
from phasewise.workflow import feeding

BAR = 15


class Feeds(View):
    """Every batch of new labelled rows and its decision."""

    TITLE = "Feed"
    HINT = "a feed a file  B put back"
    PLACE = "feed"
    BINDINGS = keys.bindings(PLACE)
    found: Sequence[Any] = ()

    def compose(self) -> ComposeResult:
        """Versions, feeds, detail."""
        self.head = Block(classes="section")
        self.table = Table(
            [Column(title="feed", least=10), Column(title="rows", width=7, right=True), Column(title="drifted", width=7, right=True, drop=1), Column(title="on new rows", width=11, right=True), Column(title="worse  0  better", width=BAR, drop=2), Column(title="on old rows", width=11, right=True), Column(title="", width=9)],
            title="feeds", empty="Nothing was fed yet. a feeds a file of new labelled rows: the model is trained again on old and new rows, and promoted only if it is better.", classes="fill",
        )
        self.detail = Block(classes="detail")
        yield self.head
        yield self.table
        yield self.detail

    def _view(self) -> Any:
        found = getattr(self.desk.session, "view", None)
        return found if hasattr(found, "facts") else None

    def load(self) -> None:
        view = self._view()
        self.found = [e.result for e in feeding.feeds(view)] if view is not None else []
        known = feeding.versions(view) if view is not None else []
        now = known[-1] if known else None
        self.head.show(line(("in service  ", "muted"), (called(self.desk, now.model), "bold"), (f"   {now.model}   version {now.number}, {now.why}", "muted")) if now else say("No model is in service yet.", "muted"))
        top = max((abs(x) for f in self.found for x in (f.new.low, f.new.high)), default=1.0) or 1.0
        rows: list[list[Any]] = []
        for f in self.found:
            tone = "good" if f.promoted else "muted"
            drifted = sum(d.drifted for d in f.drift)
            rows.append([(f.name, "bold ink"), f"{f.fresh:,}", (f"{drifted} of {len(f.drift)}", "warn" if drifted else "muted"), (plus(f.new.difference), tone), (interval(f.new.low, f.new.difference, f.new.high, -top, top, BAR, ascii_only=self.ascii_only), tone), (plus(f.old.difference), "muted"), ("promoted" if f.promoted else "kept", tone)])
        self.table.fill(rows)
        self._show()

    @on(Table.Moved)
    def _show(self) -> None:
        self.detail.display = bool(self.found)
        if self.found:
            f = self.found[min(self.table.cursor, len(self.found) - 1)]
            told = f"{plural(f.trained, 'row')} joined the training pool, {f.held:,} judge: candidate {number(f.new.value)}, incumbent {number(f.incumbent_new.value)}."
            self.detail.show(lines([say(told, "muted"), say(f.reason, "ink")]))

    def action_feed(self) -> None:
        """Ask for a file and feed it."""
        from phasewise.tui.screens.ask import Ask

        text = "A file of new rows with their labels. A third of them only judges; the rest joins the training rows. The model in service changes only if the new one is better on new rows and loses next to nothing on old ones."
        self.app.push_screen(Ask("Feed new labelled rows", text, prompt="File"), lambda file: file and self._start(file))

    def _start(self, file: str) -> None:
        from pathlib import Path

        self.begin(lambda session: feeding.job(session, str(Path(file).expanduser().absolute())))

    def action_put_back(self) -> None:
        """The version before goes into service again, with a reason."""
        self.screen.ask_reason("Put the version before back into service", "It stays in the journal with the reason.", lambda reason: feeding.put_back(self.desk.session, reason))  # type: ignore[attr-defined]

    def has_data(self) -> bool:
        return bool(self.desk.slots("feed"))
