"""Pieces several pages show: leaderboards with interval bars, verdict banners, class bars."""

from collections.abc import Sequence
from typing import Any

from textual.content import Content

from phasewise.records.metrics import METRICS
from phasewise.tui.charts.bars import bar, interval
from phasewise.tui.marks import SEVERITY, glyph
from phasewise.tui.numbers import duration, number, share, size
from phasewise.tui.say import because, line, lines, say
from phasewise.tui.widgets.table import Cell, Column

BAR = 18


def leaderboard_columns(metric: str) -> list[Column]:
    """The columns of a leaderboard of models."""
    return [
        Column(title="", width=2), Column(title="model", least=22), Column(title=metric, width=8, right=True), Column(title="95 % interval", width=BAR),
        Column(title="train", width=8, right=True, drop=2), Column(title="gap", width=8, right=True, drop=3), Column(title="time", width=8, right=True, drop=1),
    ]


def leaderboard(models: Sequence[Any], *, ascii_only: bool = False, goal: float | None = None, best: str = "") -> list[list[Cell]]:
    """Rows of models in the order given; interval bars share one axis, which leaves out a far-off dummy."""
    seen = [m for m in models if m.family != "dummy"] or list(models)
    lo, hi = min((m.validation.low for m in seen), default=0.0), max((m.validation.high for m in seen), default=1.0)
    if goal is not None:
        lo, hi = min(lo, goal), max(hi, goal)
    rows: list[list[Cell]] = []
    for i, m in enumerate(models):
        v = m.validation
        inside = v.high >= lo and v.low <= hi
        picture = interval(v.low, v.value, v.high, lo, hi, BAR, ascii_only=ascii_only) if inside else ("off the scale", "muted")
        gap = m.train.value - v.value if m.train is not None else None
        first = (">" if ascii_only else "\u25b8") if (m.ref == best if best else i == 0) else ""
        rows.append([
            (first, "key"), (m.name, "bold ink" if first else "ink"), (number(v.value), "bold ink" if first else "ink"), picture if isinstance(picture, tuple) else (picture, "key"),
            (number(m.train.value) if m.train is not None else "", "muted"), (number(gap) if gap is not None else "", "muted"), (duration(m.seconds), "muted"),
        ])
    return rows


def axis_note(models: Sequence[Any], goal: float | None) -> Content:
    """What the interval bars span, and the goal."""
    seen = [m for m in models if m.family != "dummy"] or list(models)
    if not seen:
        return Content("")
    lo, hi = min(m.validation.low for m in seen), max(m.validation.high for m in seen)
    if goal is not None:
        lo, hi = min(lo, goal), max(hi, goal)
    told = f", goal {number(goal)}" if goal is not None else ""
    return say(f"Bars from {number(lo)} to {number(hi)}{told}, on validation rows.", "muted")


def model_detail(m: Any, metric: str) -> Content:
    """One model in a few lines."""
    v = m.validation
    kind = ", ".join(w for w in dict.fromkeys((m.family, m.source)) if w and w != m.name)
    rows = [line((m.name, "bold"), (f"  {kind}", "muted")),
            line((f"{metric} ", "muted"), f"{number(v.value)}  [{number(v.low)}, {number(v.high)}]", (f"  {v.method}, {v.n:,} rows", "muted"))]
    others = scores(m.others, leave_out=metric)
    extra = [f"{m.parameters:,} parameters" if m.parameters else "", size(1e6 * m.size_mb) if m.size_mb else "", f"{number(m.latency_ms, 2)} ms a row" if m.latency_ms else "", f"threshold {number(m.threshold)}" if m.threshold is not None else ""]
    told = "  ".join(x for x in extra if x)
    return lines([*rows, *([say(others, "muted")] if others else []), *([say(told, "muted")] if told else [])])


def scores(values: dict[str, float], *, leave_out: str = "", most: int = 6) -> str:
    """Scores by the metrics' titles."""
    titles = {k: METRICS[k].title if k in METRICS else k.replace("_", " ") for k in values}
    return "  ".join(f"{titles[k]} {number(x)}" for k, x in list(values.items())[:most] if titles[k] != leave_out)


def verdict(mark: str, word: str, reason: str, *, ascii_only: bool = False, lead: str = "") -> Content:
    """A verdict banner: glyph, word, reason. `mark` is a severity."""
    m = SEVERITY[mark]
    return line((f"{glyph(m, ascii_only)} {lead}{word}  ", f"bold {m.tone}"), reason)


def class_bars(counts: dict[str, int], width: int, *, ascii_only: bool = False, most: int = 12) -> Content:
    """Classes as horizontal bars with counts and shares; the rare ones beyond `most` are summed up."""
    total = sum(counts.values())
    shown = sorted(counts.items(), key=lambda kv: -kv[1])
    rest = shown[most:]
    shown = shown[:most] + ([(f"{len(rest)} more", sum(n for _, n in rest))] if rest else [])
    label = min(max((len(k) for k, _ in shown), default=4), 24)
    top = max((n for _, n in shown), default=1)
    room = max(width - label - 22, 6)
    return lines([line((k[:label].ljust(label + 2), "ink"), (bar(n, top, room, ascii_only=ascii_only), "key"), (f"  {n:,}  {share(n, total)}", "muted")) for k, n in shown])


def stale_note(evidence: Any) -> Content:
    """Why shown evidence no longer counts, or nothing."""
    if evidence is None or not evidence.stale_because:
        return Content("")
    return line(("~ stale  ", "bold warn"), (because(evidence.stale_because), "ink"), ("  shown as it was", "muted"))
