"""A line chart that is redrawn only when it is dirty, with cursor, log scale, smoothing, zoom; exact values on request."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from phasewise.tui import keys
from phasewise.tui.charts.decimate import cut, outliers_above, smooth
from phasewise.tui.numbers import duration, number
from phasewise.tui.say import line, lines, say

Source = Callable[["Chart"], list[Any]]
FEW = 30
"""Lines of one value a step are smoothed from this many points on."""


class Chart(Widget, can_focus=True):
    """Lines from `source(chart)`; `version()` says whether they changed since the last drawing."""

    PLACE = "chart"
    BINDINGS = keys.bindings(PLACE)
    HELP = "Left and right (or a click) move the cursor, l log scale, m smoothing, z a fifth (around the cursor, else the end), c cuts outliers, x steps, epochs or time, y copies, E exports."
    SMOOTHING = (0.0, 0.6, 0.9, 0.98)
    X_AXES = ("step", "epoch", "time")

    def __init__(self, title: str, source: Source, *, version: Callable[[], Any] | None = None, log_x: bool = False, y_guide: float | None = None, top: Callable[[Any], float | None] | None = None, id: str | None = None, classes: str | None = None, empty: str = "No points yet.") -> None:
        """`top` names the ceiling of a line's points where the chart is cut from the start (a curve that diverges)."""
        super().__init__(id=id, classes=f"chart {classes or ''}", markup=False)
        self.title_text, self.source, self.version, self.log_x, self.y_guide, self.empty = title, source, version, log_x, y_guide, empty
        self.top = top or outliers_above
        self.cutting = top is not None
        self.log_y = False
        self.strength: int | None = None
        """Place in SMOOTHING; None: as suits the lines (0.9 for one value a step, else none)."""
        self.tail = 1.0
        self.middle: float | None = None
        """What the zoom is around; None: the end."""
        self.x_unit = "step"
        self.cursor: float | None = None
        """The cursor's x: it stays at its step while points arrive."""
        self.guides: dict[float, str] = {}
        self.drawn = 0
        self._above: float | None = None
        self._whole: list[Any] = []
        """The lines before the ceiling cut them: what the cursor and the values tell."""
        self._axis: tuple[int, float, float] | None = None
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

    # what is drawn ------------------------------------------------------------------------------------------

    def shown(self) -> list[Any]:
        """The lines as drawn: cut to the zoom, smoothed, cut at the ceiling; raw values of smoothed lines come first, faint."""
        made = self._zoomed(self.source(self))
        noisy = any(one.noisy for one in made)
        strength = self.SMOOTHING[self._level(made)]
        raw, out = [], []
        for one in made:
            if one.dots or not strength or one.noisy != noisy or (noisy and len(one.points) < FEW):
                out.append(one)  # where one line has a value a step, those of epochs are left alone
                continue
            out.append(replace(one, points=smooth(one.points, strength)))
            if one.noisy and one.tone != "muted":
                raw.append(replace(one, tone="muted", faint=True, letter=""))
        self._whole = out
        out = self._cut(out)
        return [*_near(raw, out), *out]

    def _level(self, made: list[Any]) -> int:
        return self.strength if self.strength is not None else 2 if any(one.noisy for one in made) else 0

    def _zoomed(self, made: list[Any]) -> list[Any]:
        points = self._lead(made)
        if self.tail >= 1.0 or not points:
            return made
        begin, end = points[0][0], points[-1][0]
        half = (end - begin) * self.tail / 2
        at = end - half if self.middle is None else min(max(self.middle, begin + half), end - half)
        return [replace(one, points=[p for p in one.points if at - half <= p[0] <= at + half]) for one in made]

    def _cut(self, made: list[Any]) -> list[Any]:
        judged = made if self.top is outliers_above else made[:1]  # a rule of its own looks at the first line
        tops = [t for one in judged if self.cutting and not one.dots for t in (self.top(one.points),) if t is not None]
        self._above = max(tops) if tops and any(p[1] > max(tops) for one in made for p in one.points) else None
        if self._above is None:
            return made
        return [replace(one, points=cut(one.points, self._above)) for one in made]

    def render(self) -> Content:
        """Title, picture, and one line of exact values."""
        key = (self.content_size, self.cursor, self.app.theme)
        if self._cache and self._cache[0] == key:
            return self._cache[1]
        content = self._draw(self.content_size.width, self.content_size.height)
        self._cache = (key, content)
        return content

    def _draw(self, width: int, height: int) -> Content:
        from phasewise.tui.charts.plot import Frame, draw, gutter

        made = self.shown()
        head = self._head(made, width)
        finite = [p for one in made for p in one.points if math.isfinite(p[1])]
        if not finite:
            return lines([*head, Content(""), say(f"  {self.empty}", "muted")])
        at = self._cursor_x()
        settings = getattr(self.app, "settings", None)
        markers = settings.markers if settings else "braille"
        frame = Frame(width=width, height=max(height - len(head), 4), markers=markers, log_x=self.log_x, log_y=self.log_y, guides=self.guides, cursor=at, y_guide=self.y_guide)
        self.drawn += 1
        rows = draw(made, frame)
        xs = [p[0] for p in finite if p[0] > 0 or not self.log_x]
        self._axis = (gutter(rows), min(xs), max(xs)) if rows and xs else None
        return lines([*head, *(line(*row) for row in rows)])

    def _head(self, made: list[Any], width: int) -> list[Content]:
        """The title, each line with its value (at the cursor, else the last), and how it is drawn; in as many rows as it takes, three at most."""
        at = self._cursor_x()
        raw = {one.name: one.points for one in made if one.faint}
        chunks = [line((self.title_text, "bold ink"))]
        for one in (m for m in self._whole if not m.faint):
            value = _at(one.points, at) if at is not None else _last(one.points)
            rough = f" raw {number(_at(self._raw(one.name), at))}" if at is not None and one.name in raw else ""
            chunks.append(line((f"{one.letter} {one.name} ".lstrip(), one.tone), (number(value), "bold ink"), (rough, "muted")))
        level = self._level(made)
        flags = [w for w, on in (
            (f"at {self._spelled(at)}" if at is not None else "", at is not None), ("log", self.log_y),
            (f"smooth {self.SMOOTHING[level]}{', dots: raw' if raw else ''}", raw or self.strength),
            (f"cut above {number(self._above)}", self._above is not None), ("a fifth", self.tail < 1), (f"by {self.x_unit}", self.x_unit != "step"),
        ) if on]
        chunks += [say(flag, "muted") for flag in flags]
        rows = [chunks[0]]
        for chunk in chunks[1:]:
            if rows[-1].cell_length + 2 + chunk.cell_length <= width or len(rows) == 3:
                rows[-1] = Content("  ").join([rows[-1], chunk])
            else:
                rows.append(Content("  ").join([Content(""), chunk]))
        return [row.truncate(max(width, 1), ellipsis=True) for row in rows]

    def _raw(self, name: str) -> Any:
        return next((one.points for one in self.source(self) if one.name == name), [])

    def _spelled(self, x: float) -> str:
        if self.log_x:
            return f"LR {number(x)}"
        return duration(x) if self.x_unit == "time" else f"{self.x_unit} {number(round(x, 2))}"

    # the cursor ---------------------------------------------------------------------------------------------

    @staticmethod
    def _lead(made: list[Any]) -> Any:
        return next((one.points for one in made if not one.faint and one.points), [])

    def _cursor_x(self) -> float | None:
        points = self._lead(self._whole)
        if self.cursor is None or not points:
            return None
        return min(points, key=lambda p: abs(p[0] - self.cursor))[0]

    def at_cursor(self) -> float | None:
        """The x of the point under the cursor; None while there is no cursor."""
        self.shown()
        return self._cursor_x()

    def action_cursor(self, by: int) -> None:
        """Move the cursor along the first line; about one column a step."""
        self.shown()
        xs = sorted({p[0] for p in self._lead(self._whole) if math.isfinite(p[1])})
        if not xs:
            return
        step = max(len(xs) // max(self.content_size.width, 1), 1) * (1 if by > 0 else -1) if abs(by) < 9999 else by * len(xs)
        now = len(xs) - 1 if self.cursor is None else min(range(len(xs)), key=lambda i: abs(xs[i] - (self.cursor or 0.0)))
        self.cursor = xs[min(max(now + step, 0), len(xs) - 1)]
        self.redraw()

    def on_click(self, event: Click) -> None:
        """A click puts the cursor where the mouse is."""
        if self._axis is None:
            return
        left, low, high = self._axis
        share = min(max((event.x - left) / max(self.content_size.width - 1 - left, 1), 0.0), 1.0)
        self.cursor = low * (high / low) ** share if self.log_x else low + share * (high - low)
        self.redraw()

    # how it is drawn ----------------------------------------------------------------------------------------

    def action_log_y(self) -> None:
        """Switch the log scale."""
        self.log_y = not self.log_y
        self.redraw()

    def action_smooth(self) -> None:
        """Next strength of smoothing."""
        self.strength = (self._level(self.source(self)) + 1) % len(self.SMOOTHING)
        self.redraw()

    def action_zoom(self) -> None:
        """All, or a fifth: around the cursor where there is one, else the last."""
        self.middle = self.at_cursor() if self.tail == 1.0 else None
        self.tail = 0.2 if self.tail == 1.0 else 1.0
        self.redraw()

    def action_cut(self) -> None:
        """Cut far points off, or show everything."""
        self.cutting = not self.cutting
        self.redraw()

    def action_x_axis(self) -> None:
        """Steps, epochs or time."""
        if not self.log_x:
            self.x_unit = self.X_AXES[(self.X_AXES.index(self.x_unit) + 1) % len(self.X_AXES)]
            self.cursor = self.middle = None
            self.redraw()

    def on_blur(self) -> None:
        """Back to the last values."""
        if self.cursor is not None:
            self.cursor = None
            self.redraw()

    def grid(self) -> tuple[list[str], list[list[str]]]:
        """All points as a table, neither smoothed nor cut: x and one column a line."""
        made = self.source(self)
        rows: dict[float, list[str]] = {}
        for i, one in enumerate(made):
            for x, y in one.points:
                rows.setdefault(x, [""] * len(made))[i] = repr(y)
        return [self.x_unit if not self.log_x else "lr", *(one.name for one in made)], [[repr(x), *cells] for x, cells in sorted(rows.items())]


def _near(raw: list[Any], drawn: list[Any]) -> list[Any]:
    """The raw values that lie near the drawn lines: one far value must not flatten the picture."""
    ys = [p[1] for one in drawn for p in one.points if math.isfinite(p[1])]
    if not raw or not ys:
        return []
    low, high = min(ys), max(ys)
    room = 0.3 * (high - low) or abs(high) or 1.0
    return [replace(one, points=[p for p in one.points if low - room <= p[1] <= high + room]) for one in raw]


def _at(points: Any, x: float) -> float | None:
    found = min(points, key=lambda p: abs(p[0] - x), default=None)
    return found[1] if found else None


def _last(points: Any) -> float | None:
    return next((y for _, y in reversed(points) if math.isfinite(y)), None)
