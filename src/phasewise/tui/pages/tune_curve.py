"""What more rows would bring, in the errors view: error over training rows, the fitted curve and its forecast (D16)."""

from typing import Any

from textual.content import Content

from phasewise.tui.charts.bars import bar
from phasewise.tui.numbers import number
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.table import Column

WIDTH = 24


def columns() -> list[Column]:
    """Rows, error, what it is, a bar."""
    return [Column(title="training rows", width=13, right=True), Column(title="error", width=9, right=True), Column(title="", least=12, flex=1), Column(title="", width=WIDTH, drop=1)]


def rows(found: dict[str, Any], *, ascii_only: bool) -> list[list[Any]]:
    """The mean error of every size, then the forecast for twice and ten times the rows."""
    sizes: dict[float, list[float]] = {}
    for size, error in found.get("points", []):
        sizes.setdefault(size, []).append(error)
    made = [(size, sum(e) / len(e), f"{len(e)} seeds", "ink") for size, e in sorted(sizes.items())]
    for name, times in (("double", 2), ("tenfold", 10)):
        if name in found:
            made.append((times * found["rows"], found[name], f"forecast, 80 %: {number(found[f'{name}_low'])} to {number(found[f'{name}_high'])}", "muted"))
    top = max((error for _, error, _, _ in made), default=0.0) or 1.0
    return [[f"{size:,.0f}", (number(error), "bold" if tone == "ink" else tone), (word, "muted"), (bar(max(error, 0.0), top, WIDTH, ascii_only=ascii_only), "key" if tone == "ink" else "muted")] for size, error, word, tone in made]


def note(found: dict[str, Any]) -> Content:
    """What twice the rows would save, or how to get the curve."""
    if not found:
        return say("L trains this model on parts of the rows and fits a curve: what more data would bring.", "muted")
    if "gain_double" not in found:
        return say(str(found.get("note", "")), "muted")
    return lines([line(("twice the rows save ", "muted"), (number(found["gain_double"]), "bold"), ("   ten times ", "muted"), (number(found["gain_tenfold"]), "bold")), say(f"error = {number(found['a'])} + {number(found['b'])} / rows^{found['c']:.2f}", "muted")])
