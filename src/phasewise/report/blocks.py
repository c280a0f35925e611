"""The pieces a report is made of; renderers turn them into Markdown or HTML and escape every text."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Number:
    """A stored number with how it is shown; the full value travels with the HTML."""

    value: float | int | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its interval, shown with no more digits than the interval allows (checks.md 7.5)."""

    value: float
    low: float
    high: float
    level: float = 0.95


Cell = str | Number | Estimate


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Running text; `tone` is `plain`, `good`, `warn` or `bad`."""

    parts: tuple[Cell, ...]
    tone: str = "plain"


@dataclass(frozen=True, kw_only=True)
class Bullets:
    """A list of short items."""

    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; the first row of `columns` are plain words of ours."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Code:
    """Commands to copy."""

    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart as SVG text drawn by `charts`; `name` is the file name of the Markdown twin."""

    name: str
    title: str
    svg: str


Block = Paragraph | Bullets | Table | Code | Figure


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section: blocks, or the reason why it is empty."""

    id: str
    title: str
    blocks: tuple[Block, ...] = ()
    missing: str = ""
    children: tuple["Section", ...] = field(default=())


def decimals(low: float, high: float) -> int:
    """Decimals that show two significant digits of the interval's half width."""
    half = abs(high - low) / 2
    if not math.isfinite(half) or half == 0:
        return 4
    return min(max(1 - math.floor(math.log10(half)), 0), 6)


def number(value: float | int | None, *, unit: str = "", signed: bool = False) -> Number:
    """A number with four significant digits (integers whole); None and NaN are shown as a word."""
    if value is None or isinstance(value, float) and math.isnan(value):
        return Number(value=None, text="not known")
    sign = "+" if signed else ""
    if isinstance(value, int) or float(value).is_integer() and abs(value) < 1e15:
        text = f"{int(value):{sign},}" if abs(value) >= 10_000 else f"{int(value):{sign}d}"
    else:
        text = f"{value:{sign}.4g}"
    return Number(value=value, text=f"{text} {unit}".strip())


def estimate_text(item: Estimate) -> str:
    """`0.912 [0.905, 0.919]`."""
    n = decimals(item.low, item.high)
    return f"{item.value:.{n}f} [{item.low:.{n}f}, {item.high:.{n}f}]"


def cell_text(cell: Cell) -> str:
    """The shown text of a cell, not yet escaped."""
    if isinstance(cell, Number):
        return cell.text
    return estimate_text(cell) if isinstance(cell, Estimate) else cell


def text(*parts: Cell, tone: str = "plain") -> Paragraph:
    """A paragraph from pieces."""
    return Paragraph(parts=parts, tone=tone)
