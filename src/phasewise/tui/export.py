"""Tables and charts as files: CSV, text, SVG; never fails silently, always says where the file is."""

import csv
import html
import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from phasewise.records.text import safe_text

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_HELPERS = (("wl-copy",), ("xclip", "-selection", "clipboard"), ("xsel", "-ib"), ("pbcopy",))


def folder_of(session: Any) -> Path:
    """Where exports of the app go: `export/pictures` of the project."""
    project = getattr(session, "project", None)
    folder = Path(project.path if project is not None else session.folder) / "export" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save(session: Any, phase: str, widget: Any, form: str) -> Path:
    """Write a widget's content; an existing file is never replaced. Returns the path."""
    title = re.sub(r"[^a-z0-9]+", "-", getattr(widget, "title_text", "table").lower()).strip("-") or "table"
    folder = folder_of(session)
    path = next(p for i in range(10_000) if not (p := folder / f"{phase}-{title}{f'-{i}' if i else ''}.{form}").exists())
    path.write_text(text_of(widget, form), encoding="utf-8")
    return path


def text_of(widget: Any, form: str) -> str:
    """A widget's content in a form: `csv`, `tsv`, `txt`, `svg`."""
    head, rows = widget.grid()
    if form == "svg":
        lines = widget.source(widget) if hasattr(widget, "source") else None
        return chart_svg(widget.title_text, lines) if lines is not None else table_svg(getattr(widget, "title_text", ""), head, rows)
    if form == "txt":
        if hasattr(widget, "source"):
            return widget.render().plain + "\n"
        widths = [max(len(r[i]) if i < len(r) else 0 for r in [head, *rows]) for i in range(len(head))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=False)).rstrip() for r in [head, *rows]) + "\n"
    out = io.StringIO()
    writer = csv.writer(out, dialect="excel-tab" if form == "tsv" else "excel", lineterminator="\n")
    writer.writerow([_cell(c) for c in head])
    writer.writerows([[_cell(c) for c in row] for row in rows])
    return out.getvalue()


def _cell(text: str) -> str:
    """A cell that a spreadsheet does not take for a formula (numbers keep their sign)."""
    clean = safe_text(text, 10_000)
    if clean[:1] in "=@+-\t" and not re.fullmatch(r"[-+]?[\d.,]+(e[-+]?\d+)?( ?%)?", clean, re.IGNORECASE):
        return "'" + clean if clean else clean
    return clean


def chart_svg(title: str, lines: list[Any], width: int = 720, height: int = 400) -> str:
    """A line chart as a self-contained SVG picture; NaN makes a gap."""
    from phasewise.tui.charts.decimate import decimate, segments
    from phasewise.tui.charts.plot import label, ticks

    pieces = [[s for s in segments(decimate(one.points, width))] for one in lines]
    flat = [p for line in pieces for s in line for p in s]
    if not flat:
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"><text x="20" y="30">no points</text></svg>'
    x0, x1 = min(p[0] for p in flat), max(p[0] for p in flat)
    y0, y1 = min(p[1] for p in flat), max(p[1] for p in flat)

    def at(x: float, y: float) -> str:
        return f"{60 + (x - x0) / ((x1 - x0) or 1) * (width - 90):.1f},{height - 40 - (y - y0) / ((y1 - y0) or 1) * (height - 80):.1f}"

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">', f'<rect width="{width}" height="{height}" fill="white"/>', f'<text x="60" y="20" font-size="14">{html.escape(safe_text(title))}</text>']
    for t in ticks(y0, y1, 5):
        y = at(x0, t).split(",")[1]
        out.append(f'<path d="M60 {y}H{width - 30}" stroke="#ddd"/><text x="54" y="{y}" text-anchor="end">{label(t, False)}</text>')
    for t in ticks(x0, x1, 6):
        out.append(f'<text x="{at(t, y0).split(",")[0]}" y="{height - 22}" text-anchor="middle">{label(t, False)}</text>')
    for i, (one, parts) in enumerate(zip(lines, pieces, strict=True)):
        colour = _COLOURS[i % len(_COLOURS)]
        for part in parts:
            out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{" ".join(at(*p) for p in part)}"/>')
        out.append(f'<text x="{80 + 160 * i}" y="{height - 6}" fill="{colour}">{html.escape(safe_text(one.name))}</text>')
    return "\n".join([*out, "</svg>"])


def table_svg(title: str, head: list[str], rows: list[list[str]]) -> str:
    """A table as an SVG picture in a fixed-width font."""
    widths = [max(len(r[i]) if i < len(r) else 0 for r in [head, *rows]) for i in range(len(head))]
    text = ["  ".join(safe_text(c).ljust(w) for c, w in zip(r, widths, strict=False)) for r in [head, *rows]]
    width = max((len(t) for t in text), default=10) * 8 + 40
    body = "".join(f'<text x="20" y="{58 + 18 * i}" xml:space="preserve"{" font-weight=" + chr(34) + "bold" + chr(34) if i == 0 else ""}>{html.escape(t)}</text>' for i, t in enumerate(text))
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{70 + 18 * len(text)}" font-family="monospace" font-size="13"><rect width="100%" height="100%" fill="white"/><text x="20" y="28" font-size="15">{html.escape(safe_text(title))}</text>{body}</svg>'


_FONT = re.compile(r"@font-face\s*\{[^}]*\}")
_LEAD = re.compile(r'x="([\d.]+)"( y="[\d.]+") textLength="([\d.]+)"([^>]*)>((?:&#160;)+)([^<]*)<')


def portable(svg: str) -> str:
    """A picture of the screen that looks alike in every viewer: no font from the network, no text that begins with blanks (some viewers drop them)."""

    def shift(m: re.Match[str]) -> str:
        x, y, length, rest, lead, text = m.groups()
        blanks = lead.count("&#160;")
        share = blanks / (blanks + max(len(html.unescape(text)), 0))
        left, whole = float(x), float(length)
        return f'x="{left + whole * share:.1f}"{y} textLength="{whole * (1 - share):.1f}"{rest}>{text}<' if text else m[0]

    return _LEAD.sub(shift, _FONT.sub("", svg))


def native_copy(text: str) -> str:
    """Give the text to a clipboard helper when one is there; returns its name, or an empty text."""
    for helper in _HELPERS:
        if shutil.which(helper[0]):
            try:
                subprocess.run(helper, input=text.encode(), timeout=2, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                return helper[0]
            except (OSError, subprocess.SubprocessError):
                continue
    return ""
