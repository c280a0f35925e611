"""A small picture in half blocks, two pixels a cell, from plain data: the app never opens a picture file."""

from collections.abc import Sequence
from typing import Any

from textual.content import Content

from phasewise.tui.say import say

SHADES = " ░▒▓█"
ASCII = " .:+#"


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{min(max(int(v), 0), 255):02x}" for v in colour[:3])


def picture(cells: Sequence[Sequence[Any]], *, ascii_only: bool = False) -> list[Content]:
    """One line per row of (upper colour, lower colour) cells; with `ascii_only` brightness as characters."""
    out = []
    for row in cells:
        if ascii_only:
            out.append(Content("".join(ASCII[min(int(sum(top) + sum(low)) * len(ASCII) // 1531, len(ASCII) - 1)] for top, low in row)))
        else:
            out.append(Content.assemble(*(("▀", f"{_hex(top)} on {_hex(low)}") for top, low in row)))
    return out


def heat(grid: Sequence[Sequence[float]], *, ascii_only: bool = False) -> list[Content]:
    """Where a picture's answer comes from: two cells per square of a grid, darker where painting it over costs more."""
    top = max((v for row in grid for v in row), default=0.0)
    shades = ASCII if ascii_only else SHADES
    return [Content("".join(2 * shades[min(int(max(v, 0) / top * len(shades)), len(shades) - 1) if top > 0 else 0] for v in row)) for row in grid]


def headed(title: str, block: Sequence[Content]) -> list[Content]:
    """A block under its name; nothing where there is no block."""
    return [say(title, "muted"), *block] if block else []


def beside(*blocks: Sequence[Content], gap: int = 3) -> Content:
    """Blocks side by side as one content, each as wide as its widest line; empty ones take no room."""
    shown = [b for b in blocks if b]
    widths = [max(len(c.plain) for c in b) for b in shown]
    rows = []
    for i in range(max((len(b) for b in shown), default=0)):
        cells = [b[i] if i < len(b) else Content("") for b in shown]
        rows.append(Content.assemble(*(part for c, w, last in zip(cells, widths, [False] * (len(shown) - 1) + [True], strict=True) for part in ((c,) if last else (c, " " * (w - len(c.plain) + gap))))))
    return Content("\n").join(rows)
