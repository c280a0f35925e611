"""A line chart that is redrawn only when it is dirty, with cursor, log scale, smoothing, zoom; exact values on request."""

import math
from collections.abc import Callable
from typing import Any

from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget

from phasewise.tui.charts.decimate import smooth
from phasewise.tui.numbers import number
from phasewise.tui.say import line, lines, say

Source = Callable[["Chart"], list[Any]]


class Chart(Widget, can_focus=True):
    """Lines from `source(chart)`; `version()` says whether they changed since the last drawing."""

    BINDINGS = [
        Binding("left,h", "cursor(-1)", "Cursor left", show=False, id="chart.left"),
        Binding("right", "cursor(1)", "Cursor right", show=False, id="chart.right"),
        Binding("home", "cursor(-9999)", "First point", show=False, id="chart.first"),
        Binding("end", "cursor(9999)", "Last point", show=False, id="chart.last"),
        Binding("l", "log_y", "Log scale", show=False, id="chart.log"),
        Binding("m", "smooth", "Smoothing", show=False, id="chart.smooth"),
        Binding("z", "zoom", "Zoom to the end", show=False, id="chart.zoom"),
        Binding("x", "x_axis", "Steps, epochs or time", show=False, id="chart.x"),
    ]
    HELP = "Left and right move the cursor, l log scale, m smoothing, z the last fifth, x steps, epochs or time, y copies, E exports."
    SMOOTHING = (0.0, 0.6, 0.9, 0.98)
    X_AXES = ("step", "epoch", "time")

    def __init__(self, title: str, source: Source, *, version: Callable[[], Any] | None = None, log_x: bool = False, y_guide: float | None = None, id: str | None = None, classes: str | None = None, empty: str = "No points yet.") -> None:
        super().__init__(id=id, classes=f"chart {classes or ''}", markup=False)
        self.title_text, self.source, self.version, self.log_x, self.y_guide, self.empty = title, source, version, log_x, y_guide, empty
        self.log_y = False
        self.strength = 0
        self.tail = 1.0
        self.x_unit = "step"
        self.cursor: int | None = None
        self.guides: dict[float, str] = {}
        self.drawn = 0
        self._seen: Any = None
        self._cache: tuple[Any, Content] | None = None

    def tick(self) -> bool:
        """Redraw if something changed and somebody can see it; returns whether it did."""
        now = self.version() if self.version else None
        if now == self._seen or not self.is_on_screen or not self.size.height:
            return False
        self._seen = now
        self.redraw()
        return True

    @property
    def is_on_screen(self) -> bool:
        """Whether the chart is displayed at all."""
        return all(w.display for w in self.ancestors_with_self if isinstance(w, Widget))

    def redraw(self) -> None:
        """Draw again at the next frame."""
        self._cache = None
        self.refresh()

    def shown(self) -> list[Any]:
        """The lines as drawn: smoothed and cut to the zoom."""
        from dataclasses import replace

        out = []
        for one in self.source(self):
            points = list(one.points)
            if self.tail < 1.0 and points:
                cut = points[-1][0] - (points[-1][0] - points[0][0]) * self.tail
                points = [p for p in points if p[0] >= cut]
            out.append(replace(one, points=smooth(points, self.SMOOTHING[self.strength]) if not one.dots else points))
        return out

    def render(self) -> Content:
        """Title, picture, and one line of exact values."""
        key = (self.content_size, self.cursor, self.has_focus, self.app.theme)
        if self._cache and self._cache[0] == key:
            return self._cache[1]
        content = self._draw(self.content_size.width, self.content_size.height)
        self._cache = (key, content)
        return content

    def _draw(self, width: int, height: int) -> Content:
        from phasewise.tui.charts.plot import Frame, draw

        made = self.shown()
        head = self._head(made, width)
        finite = [p for one in made for p in one.points if math.isfinite(p[1])]
        if not finite:
            return lines([head, Content(""), say(f"  {self.empty}", "muted")])
        at = self._cursor_x(made)
        settings = getattr(self.app, "settings", None)
        markers = settings.markers if settings else "braille"
        frame = Frame(width=width, height=max(height - 1, 4), markers=markers, log_x=self.log_x, log_y=self.log_y, guides=self.guides, cursor=at, y_guide=self.y_guide)
        self.drawn += 1
        rows = draw(made, frame)
        return lines([head, *(line(*row) for row in rows)])

    def _head(self, made: list[Any], width: int) -> Content:
        parts: list[Any] = [(self.title_text, "bold ink"), "  "]
        at = self._cursor_x(made)
        for one in made:
            value = _at(one.points, at) if at is not None else _last(one.points)
            parts += [(f"{one.letter or '-'} {one.name} ", one.tone), (number(value), "bold ink"), "  "]
        if at is not None:
            parts += [(f"at {self.x_unit if not self.log_x else 'LR'} {number(at)}", "muted"), "  "]
        flags = [w for w, on in (("log", self.log_y), (f"smooth {self.SMOOTHING[self.strength]}", self.strength), ("last fifth", self.tail < 1)) if on]
        parts.append((" ".join(flags), "muted"))
        return line(*parts).truncate(max(width, 1), ellipsis=True)

    def _cursor_x(self, made: list[Any]) -> float | None:
        points = made[0].points if made else []
        if self.cursor is None or not points:
            return None
        return points[min(max(self.cursor, 0), len(points) - 1)][0]

    def at_cursor(self) -> float | None:
        """The x of the point under the cursor; None while there is no cursor."""
        return self._cursor_x(self.shown())

    def action_cursor(self, by: int) -> None:
        """Move the cursor along the first line; about one column a step."""
        made = self.shown()
        count = len(made[0].points) if made else 0
        if not count:
            return
        step = max(count // max(self.content_size.width, 1), 1) * (1 if by > 0 else -1) if abs(by) < 9999 else by
        now = self.cursor if self.cursor is not None else count - 1
        self.cursor = min(max(now + step, 0), count - 1)
        self.redraw()

    def action_log_y(self) -> None:
        """Switch the log scale."""
        self.log_y = not self.log_y
        self.redraw()

    def action_smooth(self) -> None:
        """Next strength of smoothing."""
        self.strength = (self.strength + 1) % len(self.SMOOTHING)
        self.redraw()

    def action_zoom(self) -> None:
        """All or the last fifth."""
        self.tail = 0.2 if self.tail == 1.0 else 1.0
        self.cursor = None
        self.redraw()

    def action_x_axis(self) -> None:
        """Steps, epochs or time."""
        if not self.log_x:
            self.x_unit = self.X_AXES[(self.X_AXES.index(self.x_unit) + 1) % len(self.X_AXES)]
            self.cursor = None
            self.redraw()

    def on_focus(self) -> None:
        """Show the cursor's value line."""
        self.redraw()

    def on_blur(self) -> None:
        """Back to the last values."""
        self.cursor = None
        self.redraw()

    def grid(self) -> tuple[list[str], list[list[str]]]:
        """All points as a table: x and one column a line."""
        made = self.source(self)
        rows: dict[float, list[str]] = {}
        for i, one in enumerate(made):
            for x, y in one.points:
                rows.setdefault(x, [""] * len(made))[i] = repr(y)
        return [self.x_unit if not self.log_x else "lr", *(one.name for one in made)], [[repr(x), *cells] for x, cells in sorted(rows.items())]


def _at(points: Any, x: float) -> float | None:
    found = min(points, key=lambda p: abs(p[0] - x), default=None)
    return found[1] if found else None


def _last(points: Any) -> float | None:
    return next((y for _, y in reversed(points) if math.isfinite(y)), None)
