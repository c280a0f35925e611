"""Small SVG charts of our own: intervals, lines, bars, reliability; every label escaped, no script, no style import."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from phasewise.records.text import safe_text

WIDTH = 680
COLOURS = ("#0b62a4", "#b5471b", "#1f7a3d", "#7a3f9d", "#8a6d00", "#444444")


def _label(value: object, limit: int = 28) -> str:
    return escape(safe_text(value, limit), quote=True)


def _ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round tick values inside a range (1-2-5 steps)."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    raw = span / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = math.ceil(low / step) * step
    return [first + i * step for i in range(int((high - first) / step + 1e-9) + 1)]


def _svg(height: float, body: Sequence[str], title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}" '
        f'role="img" aria-label="{_label(title, 120)}" font-family="sans-serif" font-size="12">'
        f"<title>{_label(title, 120)}</title>{''.join(body)}</svg>"
    )


def intervals(title: str, rows: Sequence[tuple[str, float, float, float]], lines: Mapping[str, float] | None = None) -> str:
    """A forest plot: one dot with whisker per row `(label, value, low, high)`, dashed lines for references."""
    marks = dict(lines or {})
    finite = [v for _, *three in rows for v in three if math.isfinite(v)] + [v for v in marks.values() if math.isfinite(v)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    pad = (high - low or abs(high) or 1.0) * 0.06
    low, high = low - pad, high + pad
    left, right = 190, WIDTH - 20

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    bottom = 30 + 24 * len(rows)
    body = []
    for tick in _ticks(low, high):
        body.append(f'<line x1="{x(tick):.1f}" y1="20" x2="{x(tick):.1f}" y2="{bottom}" stroke="#ddd"/>')
        body.append(f'<text x="{x(tick):.1f}" y="{bottom + 16}" text-anchor="middle" fill="#555">{tick:.6g}</text>')
    for name, value in marks.items():
        body.append(f'<line x1="{x(value):.1f}" y1="14" x2="{x(value):.1f}" y2="{bottom}" stroke="#b5471b" stroke-dasharray="4 3"/>')
        body.append(f'<text x="{x(value):.1f}" y="11" text-anchor="middle" fill="#b5471b">{_label(name)}</text>')
    for i, (name, value, lo, hi) in enumerate(rows):
        y = 34 + 24 * i
        body.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end" fill="#222">{_label(name)}</text>')
        if math.isfinite(lo) and math.isfinite(hi):
            body.append(f'<line x1="{x(lo):.1f}" y1="{y}" x2="{x(hi):.1f}" y2="{y}" stroke="{COLOURS[0]}" stroke-width="2"/>')
        if math.isfinite(value):
            body.append(f'<circle cx="{x(value):.1f}" cy="{y}" r="4" fill="{COLOURS[0]}"/>')
    return _svg(bottom + 24, body, title)


def lines(title: str, series: Mapping[str, Sequence[Sequence[float]]], *, log_x: bool = False, x_name: str = "", marks: Mapping[str, float] | None = None) -> str:
    """Line chart of `name -> [[x, y], ...]`; `log_x` for LR axes; vertical dashed `marks`."""
    points = {k: [(float(a), float(b)) for a, b in v if math.isfinite(a) and math.isfinite(b) and (a > 0 or not log_x)] for k, v in series.items()}
    points = {k: v for k, v in points.items() if v}
    if not points:
        return ""

    def to_x(value: float) -> float:
        return math.log10(value) if log_x else value

    xs = [to_x(a) for v in points.values() for a, _ in v]
    ys = [b for v in points.values() for _, b in v]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    x1, y1 = (x1 if x1 > x0 else x0 + 1), (y1 if y1 > y0 else y0 + (abs(y0) or 1))
    left, right, top, bottom = 70, WIDTH - 150, 20, 240

    def px(value: float) -> float:
        return left + (to_x(value) - x0) / (x1 - x0) * (right - left)

    def py(value: float) -> float:
        return bottom - (value - y0) / (y1 - y0) * (bottom - top)

    body = []
    for tick in _ticks(y0, y1):
        body.append(f'<line x1="{left}" y1="{py(tick):.1f}" x2="{right}" y2="{py(tick):.1f}" stroke="#ddd"/>')
        body.append(f'<text x="{left - 6}" y="{py(tick) + 4:.1f}" text-anchor="end" fill="#555">{tick:.5g}</text>')
    for tick in _ticks(x0, x1):
        at = left + (tick - x0) / (x1 - x0) * (right - left)
        body.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle" fill="#555">{f"1e{tick:g}" if log_x else f"{tick:g}"}</text>')
    for name, value in (marks or {}).items():
        if value > 0 or not log_x:
            body.append(f'<line x1="{px(value):.1f}" y1="{top}" x2="{px(value):.1f}" y2="{bottom}" stroke="#888" stroke-dasharray="4 3"/>')
            body.append(f'<text x="{px(value):.1f}" y="{top - 6}" text-anchor="middle" fill="#555">{_label(name, 16)}</text>')
    for i, (name, values) in enumerate(points.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(f"{px(a):.1f},{py(b):.1f}" for a, b in values)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        body.append(f'<text x="{right + 8}" y="{top + 12 + 16 * i}" fill="{colour}">{_label(name, 20)}</text>')
    body.append(f'<text x="{(left + right) / 2:.0f}" y="{bottom + 34}" text-anchor="middle" fill="#555">{_label(x_name)}</text>')
    return _svg(bottom + 42, body, title)


def bars(title: str, rows: Sequence[tuple[str, float]]) -> str:
    """Horizontal bars from zero."""
    finite = [v for _, v in rows if math.isfinite(v)]
    if not finite:
        return ""
    low, high = min(0.0, *finite), max(0.0, *finite)
    high = high if high > low else low + 1
    left, right = 190, WIDTH - 80

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    body = []
    for i, (name, value) in enumerate(rows):
        y = 10 + 20 * i
        a, b = sorted((x(0.0), x(value if math.isfinite(value) else 0.0)))
        body.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end" fill="#222">{_label(name)}</text>')
        body.append(f'<rect x="{a:.1f}" y="{y}" width="{max(b - a, 1):.1f}" height="14" fill="{COLOURS[0]}"/>')
        body.append(f'<text x="{b + 6:.1f}" y="{y + 12}" fill="#555">{value:.4g}</text>')
    return _svg(20 + 20 * len(rows), body, title)


def reliability(title: str, bins: Sequence[tuple[float, float]]) -> str:
    """Mean predicted probability against observed share, with the diagonal."""
    return lines(title, {"observed": [list(b) for b in bins], "perfect": [[0.0, 0.0], [1.0, 1.0]]}, x_name="mean predicted probability") if bins else ""
