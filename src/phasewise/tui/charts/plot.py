"""The one place that knows plotext (5.x): lines in, rows of (text, tone) out. Imported when the first chart is drawn."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from phasewise.tui.charts.decimate import decimate, segments

Row = list[tuple[str, str]]
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_AXIS = re.compile("[\u2524\u2502\u2514\u253c]")
_MARKERS = {"braille": "braille", "block": "hd", "ascii": "*"}
_GUIDE, _CURSOR = 60, 61


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a chart: told apart by tone, by its letter at the end, and in ASCII by its letter as marker."""

    name: str
    points: Sequence[tuple[float, float]]
    tone: str = "key"
    letter: str = ""
    dots: bool = False
    noisy: bool = False
    """One value a step: smoothed by default, the raw values faint behind it."""
    faint: bool = False
    """Only dots in the smallest marker, without a letter: the raw values behind a smoothed line."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How a chart is drawn: size in cells, axes, guides (x -> letter) and the cursor's x."""

    width: int
    height: int
    markers: str = "braille"
    log_x: bool = False
    log_y: bool = False
    guides: dict[float, str] = field(default_factory=dict)
    cursor: float | None = None
    y_guide: float | None = None


def draw(lines: Sequence[Line], frame: Frame) -> list[Row]:
    """The chart as rows of coloured runs, `frame.height` of them, none wider than `frame.width`; empty without points."""
    import plotext as plt

    made = [(one, _transform(one.points, frame)) for one in lines]
    every = [p for _, pts in made for p in pts if math.isfinite(p[0]) and math.isfinite(p[1])]
    if not every or frame.width < 12 or frame.height < 4:
        return []
    plt.clear_figure()
    plt.theme("clear")
    plt.plotsize(frame.width, frame.height)
    plt.frame(False)
    plt.xaxes(True, False)
    plt.yaxes(True, False)
    for i, (one, points) in enumerate(made):
        _line(plt, one, points, i, frame)
    xs, ys = [p[0] for p in every], [p[1] for p in every]
    if frame.y_guide is not None and (not frame.log_y or frame.y_guide > 0):
        level = math.log10(frame.y_guide) if frame.log_y else frame.y_guide
        ys.append(level)
        plt.plot([min(xs), max(xs)], [level, level], marker="-" if frame.markers == "ascii" else "\u2504", color=_GUIDE)
    for at, letter in frame.guides.items():
        x = _log(at) if frame.log_x else at
        if x is not None and min(xs) <= x <= max(xs):
            plt.text(letter, x, max(ys), color=_GUIDE, alignment="center")
    if frame.cursor is not None:
        x = _log(frame.cursor) if frame.log_x else frame.cursor
        if x is not None:
            plt.vline(min(max(x, min(xs)), max(xs)), color=_CURSOR)
    _axes(plt, xs, ys, frame)
    return _parse(plt.build(), [one.tone for one in lines], frame.width)


def _line(plt: object, one: Line, points: list[tuple[float, float]], index: int, frame: Frame) -> None:
    if one.faint:
        kept = [p for piece in segments(decimate(points, frame.width)) for p in piece]
        if kept:
            mark = "." if frame.markers == "ascii" else "braille" if frame.markers == "braille" else "\u00b7"
            plt.scatter([p[0] for p in kept], [p[1] for p in kept], marker=mark, color=index + 1)  # type: ignore[attr-defined]
        return
    marker = (one.letter or "*") if frame.markers == "ascii" else "\u2022" if one.dots else _MARKERS[frame.markers]
    for piece in segments(decimate(points, frame.width)):
        xs, ys = [p[0] for p in piece], [p[1] for p in piece]
        (plt.scatter if one.dots or len(piece) == 1 else plt.plot)(xs, ys, marker=marker, color=index + 1)  # type: ignore[attr-defined]
    finite = [p for p in points if math.isfinite(p[1])]
    if one.letter and finite and not one.dots:
        plt.text(one.letter, finite[-1][0], finite[-1][1], color=index + 1, style="bold")  # type: ignore[attr-defined]


def _transform(points: Sequence[tuple[float, float]], frame: Frame) -> list[tuple[float, float]]:
    out = []
    for x, y in points:
        a = _log(x) if frame.log_x else x
        b = _log(y) if frame.log_y else y
        if a is not None:
            out.append((a, math.nan if b is None else b))
    return out


def _log(value: float) -> float | None:
    return math.log10(value) if value > 0 and math.isfinite(value) else None


def _axes(plt: object, xs: list[float], ys: list[float], frame: Frame) -> None:
    low, high = min(ys), max(ys)
    pad = (high - low) * 0.02 or abs(high) * 0.05 or 1.0
    plt.ylim(low - pad, high + pad)  # type: ignore[attr-defined]
    if min(xs) < max(xs):
        plt.xlim(min(xs), max(xs))  # type: ignore[attr-defined]
    x_ticks = ticks(min(xs), max(xs), max(frame.width // 16, 2), log=frame.log_x)
    y_ticks = ticks(low, high, max(frame.height // 3, 2), log=frame.log_y)
    plt.xticks(x_ticks, [label(t, frame.log_x) for t in x_ticks])  # type: ignore[attr-defined]
    plt.yticks(y_ticks, [label(t, frame.log_y) for t in y_ticks])  # type: ignore[attr-defined]


def gutter(rows: list[Row]) -> int:
    """The column in which the picture begins: right of the y axis."""
    for row in rows:
        found = _AXIS.search("".join(text for text, _ in row))
        if found:
            return found.end()
    return 0


def ticks(low: float, high: float, count: int, *, log: bool = False) -> list[float]:
    """About `count` round numbers in [low, high]; whole decades, or 1, 2 and 5 of each, where the axis is logarithmic and long enough."""
    if high <= low:
        return [low]
    if log and high - low >= 2:
        step = max(1, round((high - low) / count))
        return [float(d) for d in range(math.ceil(low), math.floor(high) + 1, step)]
    if log and high - low > 0.4:
        powers = range(math.floor(low), math.ceil(high) + 1)
        round_ones = [math.log10(m) + p for p in powers for m in (1, 2, 5)]
        return [t for t in round_ones if low <= t <= high] or [low]
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw), 10 * power)
    first = math.ceil(low / step - 1e-9)
    return [round((first + i) * step, 12) for i in range(int((high - first * step) / step + 1e-9) + 1)] or [low]


def label(value: float, log: bool) -> str:
    """A tick's label; the value itself on a logarithmic axis."""
    shown = 10.0**value if log else value
    if shown == 0:
        return "0"
    if abs(shown) >= 1e5 or abs(shown) < 1e-3:
        mantissa, power = f"{shown:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(power)}"
    if log or abs(shown) < 1000:
        return f"{shown:.4g}"
    return f"{shown:,.0f}"


def _parse(text: str, tones: list[str], width: int) -> list[Row]:
    rows: list[Row] = []
    for raw in text.rstrip("\n").split("\n"):
        row: Row = []
        tone = "muted"
        last = 0
        for match in _SGR.finditer(raw):
            if match.start() > last:
                row.append((raw[last : match.start()], tone))
            tone = _tone(match[1], tone, tones)
            last = match.end()
        if last < len(raw):
            row.append((raw[last:], tone))
        rows.append(row)
    return rows


def _tone(codes: str, now: str, tones: list[str]) -> str:
    parts = codes.split(";")
    if "38" in parts and "5" in parts:
        number = int(parts[parts.index("38") + 2])
        bold = "bold " if "1" in parts[: parts.index("38")] else ""
        if number == _CURSOR:
            return "ink"
        if number == _GUIDE:
            return "bold ink"
        return bold + tones[number - 1] if 0 < number <= len(tones) else "muted"
    return "muted" if codes in ("", "0") else now
