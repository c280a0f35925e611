"""Small pictures out of block characters, with ASCII stand-ins for fonts and locales without them."""

from collections.abc import Sequence

_EIGHTHS = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_LEFT = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589\u2588"
_ASCII_UP = " .:-=+*#@"


def columns(values: Sequence[float], *, ascii_only: bool = False) -> str:
    """One character per value, heights relative to the largest; a value above zero never vanishes."""
    glyphs = _ASCII_UP if ascii_only else _EIGHTHS
    top = max(values, default=0)
    if top <= 0:
        return glyphs[0] * len(values)
    return "".join(glyphs[0 if v <= 0 else max(1, round(v / top * 8))] for v in values)


def bar(value: float, top: float, width: int, *, ascii_only: bool = False) -> str:
    """A horizontal bar of at most `width` characters, in eighths of a character; never empty for a value above zero."""
    if top <= 0 or value <= 0 or width <= 0:
        return ""
    eighths = max(1, round(min(value / top, 1) * width * 8))
    if ascii_only:
        return "#" * max(1, round(eighths / 8))
    full, rest = divmod(eighths, 8)
    return "\u2588" * full + (_LEFT[rest] if rest else "")


def interval(low: float, value: float, high: float, lo: float, hi: float, width: int, *, ascii_only: bool = False) -> str:
    """An interval bar on the axis [lo, hi]: whiskers from low to high with a dot at the value, `width` characters wide."""
    if width < 3:
        return ""
    span = (hi - lo) or 1.0

    def at(x: float) -> int:
        return min(max(round((x - lo) / span * (width - 1)), 0), width - 1)

    a, m, b = at(low), at(value), at(high)
    left, dash, right, dot = ("|", "-", "|", "o") if ascii_only else ("\u251c", "\u2500", "\u2524", "\u25cf")
    cells = [" "] * width
    for i in range(a, b + 1):
        cells[i] = dash
    cells[a], cells[b] = left, right
    cells[m] = dot
    return "".join(cells)


def signed(value: float, top: float, width: int, *, ascii_only: bool = False) -> str:
    """A bar from the middle of `width` characters: to the left below zero, to the right above."""
    half = max(width // 2, 1)
    axis = "|" if ascii_only else "\u2502"
    block = "#" if ascii_only else "\u2588"
    length = min(round(abs(value) / top * half), half) if top > 0 else 0
    if value and not length:
        length, block = 1, "." if ascii_only else "\u258c"
    body = block * length
    return (body.rjust(half) + axis + " " * half) if value < 0 else (" " * half + axis + body.ljust(half))


def progress(done: float, total: float, width: int, *, ascii_only: bool = False) -> str:
    """A progress bar with a filled and an empty part."""
    full = 0 if total <= 0 else min(int(done / total * width + 1e-9), width)
    on, off = ("#", ".") if ascii_only else ("\u2501", "\u2500")
    return on * full + off * (width - full)
