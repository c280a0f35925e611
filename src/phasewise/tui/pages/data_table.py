"""The data as it is in the file: first rows, and every column at a glance."""

from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult

from phasewise.tui.charts.bars import columns as column_bars
from phasewise.tui.numbers import number, share, size
from phasewise.tui.pages.base import View
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Column, Table

NUMBERS = ("number", "date")


class Preview(View):
    """The first rows."""

    TITLE = "Preview"
    HINT = "h l sideways, y copy"

    def compose(self) -> ComposeResult:
        """File facts and table."""
        self.facts = Block(classes="section")
        self.table = Table(title="preview", empty="The file has not been read yet. Do the next step: Read the file.", classes="fill")
        yield self.facts
        yield self.table

    def load(self) -> None:
        found = self.desk.result("profile")
        if found is None:
            self.table.fill([])
            return
        file = found.files[0] if found.files else None
        reading = _reading(found.reading)
        facts = line((file.name if file else "", "bold"), (f"  {size(file.size) if file else ''}  {found.rows:,} rows, {len(found.columns)} columns  {reading}", "muted"))
        notes = [say(n, "warn") for n in found.notes[:3]]
        self.facts.show(lines([facts, *notes]))
        target = found.target
        cols = [Column(title=f"{c.name}{' (target)' if c.name == target else ''}", width=max(min(max([len(c.name) + (9 if c.name == target else 0), *(len(r[i]) for r in found.preview[:50] if i < len(r))]), 24), 4), right=c.role == "number") for i, c in enumerate(found.columns)]
        rows = [[("", "muted") if v == "" else (v, "key") if i < len(cols) and found.columns[i].name == target else v for i, v in enumerate(r[: len(cols) + 1])] for r in found.preview]
        if rows and len(rows[0]) > len(cols):  # pictures: the file a row stands for
            cols.append(Column(title="file", width=max(len(r[-1]) for r in found.preview)))
        self.table.fill(rows, cols)

    def has_data(self) -> bool:
        return self.desk.result("profile") is not None


class Columns(View):
    """Every column: role, missing, distinct, range, a small distribution; the one under the cursor in full."""

    TITLE = "Columns"
    ALSO = "distributions missing values"
    HINT = "j k move, y copy"
    found: Sequence[Any] = ()

    def compose(self) -> ComposeResult:
        """Table and detail."""
        self.table = Table(
            [Column(title="column", least=14), Column(title="role", width=8), Column(title="missing", width=7, right=True), Column(title="distinct", width=8, right=True, drop=1), Column(title="distribution", width=12), Column(title="values", flex=2, least=12, drop=2)],
            title="columns", empty="The file has not been read yet.", classes="fill",
        )
        self.detail = Block(classes="detail")
        yield self.table
        yield self.detail

    def load(self) -> None:
        found = self.desk.result("profile")
        self.found = list(found.columns) if found else []
        roles = self.desk.answer("data.roles") or {}
        rows: list[list[Any]] = []
        for c in self.found:
            target = found is not None and c.name == found.target
            span = f"{_edge(c.minimum)} to {_edge(c.maximum)}" if c.minimum is not None else ", ".join(b.label for b in c.bars[:3])
            role = roles.get(c.name, c.role)
            rows.append([
                (c.name, "bold key" if target else "ink"), ("target" if target else role, "key" if target or c.name in roles else "muted"),
                (share(c.missing, c.rows) if c.missing else "0", "warn" if c.missing else "muted"), (number(c.distinct), "muted"),
                (column_bars([b.count for b in c.bars[:12]], ascii_only=self.ascii_only), "second"), (span, "muted"),
            ])
        self.table.fill(rows)
        self._show(self.table.cursor)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        self._show(event.row)

    def _show(self, row: int) -> None:
        if not self.found:
            self.detail.display = False
            return
        c = self.found[min(row, len(self.found) - 1)]
        self.detail.display = True
        parts = [line((c.name, "bold"), (f"  {c.dtype}, read as {c.role}: {c.reason}", "muted"))]
        span = [("from ", "muted"), _edge(c.minimum), (" to ", "muted"), f"{_edge(c.maximum)}   "] if c.minimum is not None else []
        if c.mean is not None:
            parts.append(line(*span, ("mean ", "muted"), number(c.mean), *((("   sd ", "muted"), number(c.std)) if c.std is not None else ())))
            if c.quantiles:
                parts.append(say("   ".join(f"{p} % {number(q)}" for p, q in zip((5, 25, 50, 75, 95), c.quantiles, strict=False)), "muted"))
        elif span:
            parts.append(line(*span))
        else:
            parts.append(line(*[p for b in c.bars[:5] for p in ((f"{b.label} ", "ink"), (f"{share(b.count, c.rows)}   ", "muted"))]))
        self.detail.show(lines(parts))

    def has_data(self) -> bool:
        return self.desk.result("profile") is not None


DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}


def _reading(how: dict[str, str]) -> str:
    """How a text file was read, in words; what is unknown to us as it was told."""
    told = {"delimiter": lambda v: f"between {DELIMITERS.get(v, repr(v))}", "encoding": str, "quote": lambda v: f"quoted by {v}", "header": lambda v: "with a header" if v == "yes" else "without a header"}
    return ", ".join(told[k](v) if k in told else f"{k} {v}" for k, v in how.items() if not (k == "quote" and v == '"'))


def _edge(value: float | str | None) -> str:
    """An end of a range: four digits, no trailing zeros; of dates the day where all that follows is midnight."""
    if isinstance(value, str):
        return value.removesuffix(" 00:00:00")
    return number(value) if value is None or value == int(value) else f"{value:.4g}"
