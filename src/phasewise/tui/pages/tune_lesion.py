"""Lesions of a picture network in the errors view: every block out, alone and together (X12)."""

from typing import Any

from textual.content import Content

from phasewise.tui.charts.bars import bar
from phasewise.tui.numbers import number
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.table import Column

WIDTH = 20


def columns() -> list[Column]:
    """Block, score without it, what it costs."""
    return [Column(title="block out", flex=2, least=12), Column(title="score", width=7, right=True), Column(title="cost", width=8, right=True), Column(title="95 % interval", width=18, drop=1), Column(title="", width=WIDTH, drop=2)]


def rows(found: dict[str, Any], *, ascii_only: bool) -> list[list[Any]]:
    """One row a block, in the order of the network."""
    blocks = found.get("blocks", [])
    top = max((float(b["drop"]) for b in blocks), default=0.0) or 1.0
    return [
        [b["block"], number(b["value"]), (number(b["drop"], 3), "warn" if b["low"] > 0 else "muted"), (f"[{number(b['low'], 3)}, {number(b['high'], 3)}]", "muted"),
         (bar(max(float(b["drop"]), 0.0), top, WIDTH, ascii_only=ascii_only), "key")]
        for b in blocks
    ]


def note(found: dict[str, Any]) -> Content:
    """The whole network, chance, and the curve of many removals."""
    if not found:
        return say("Blocks are taken out of picture networks: phasewise inspect --parts lesion.", "muted")
    curve = "  ".join(f"{k}: {number(v, 3)}" for k, v in enumerate(found["together"]))
    left = "each block leaves its shortcut" if found["kind"] == "residual" else "no shortcuts: a block leaves nothing in between"
    return lines([line(("whole ", "muted"), (number(found["whole"]), "bold"), (f"  chance {number(found['chance'])}  {found['rows']:,} pictures  {left}", "muted")), line(("out together  ", "muted"), curve)])
