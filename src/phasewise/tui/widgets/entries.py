"""Editors with a text line: numbers with bounds, texts, paths with completion."""

from pathlib import Path
from typing import Any

from textual.binding import Binding
from textual.suggester import Suggester
from textual.widgets import Input

from phasewise.tui.numbers import short
from phasewise.tui.widgets.editors import Edited


def parse_number(text: str, whole: bool, bounds: tuple[float | None, float | None]) -> tuple[float | int | None, str]:
    """A number from text, or why it is none, with what is allowed; `20 %` and `1,000` are understood."""
    raw = text.strip().replace("_", "").replace(" ", "")
    if not raw:
        return None, ""
    scale = 0.01 if raw.endswith("%") else 1.0
    raw = raw.rstrip("%")
    if raw.count(",") and all(len(part) == 3 for part in raw.split(",")[1:]):
        raw = raw.replace(",", "")
    try:
        value: float | int = float(raw) * scale
    except ValueError:
        return None, "not a number: write for example " + ("20" if whole else "0.5")
    if value != value or value in (float("inf"), float("-inf")):
        return None, "must be a finite number"
    if whole:
        if value != int(value):
            return None, f"must be a whole number, for example {round(value)}"
        value = int(value)
    low, high = bounds
    if low is not None and value < low:
        return None, f"too small: at least {short(low)}"
    if high is not None and value > high:
        return None, f"too large: at most {short(high)}"
    return value, ""


class Entry(Input):
    """A one-row text line; leaving it or Enter gives the value, Enter and arrows also go to the next field."""

    BINDINGS = [
        Binding("up", "screen.focus_previous", "Previous field", show=False, id="entry.up"),
        Binding("down", "screen.focus_next", "Next field", show=False, id="entry.down"),
    ]
    HELP = "Type a value; Enter goes on, an empty line takes the recommendation again."

    def __init__(self, value: Any = None, *, placeholder: str = "", suggester: Suggester | None = None) -> None:
        super().__init__(value=self.spell(value), placeholder=placeholder, compact=True, suggester=suggester, select_on_focus=False, classes="editor")
        self._given = self.value

    def spell(self, value: Any) -> str:
        """A value as it is typed."""
        if isinstance(value, list):
            return "; ".join(str(v) for v in value)
        return "" if value is None else str(value)

    def set_value(self, value: Any) -> None:
        """Show a value without reporting it; what is being typed is never overwritten."""
        text = self.spell(value)
        if not self.has_focus and text != self.value:
            self._given = text
            self.value = text

    def read(self, text: str) -> tuple[Any, str]:
        """Value and error of a text."""
        return (text.strip() or None), ""

    def give(self, *, always: bool = False) -> None:
        """Report the value if it changed since the last report."""
        if always or self.value != self._given:
            self._given = self.value
            value, error = self.read(self.value)
            self.post_message(Edited(self, value, error))

    def on_blur(self) -> None:
        """Leaving the field gives the value."""
        self.give()

    async def action_submit(self) -> None:
        """Enter gives the value and goes on."""
        self.give()
        self.screen.focus_next()


class NumberEntry(Entry):
    """A number with bounds; values without meaning never leave the field."""

    HELP = "Type a number; an empty line takes the recommendation again."

    def __init__(self, value: Any, *, whole: bool, bounds: tuple[float | None, float | None] = (None, None), placeholder: str = "") -> None:
        self.whole, self.bounds = whole, bounds
        super().__init__(value, placeholder=placeholder)

    def spell(self, value: Any) -> str:
        return f"{value:.6g}" if isinstance(value, float) else super().spell(value)

    def read(self, text: str) -> tuple[Any, str]:
        return parse_number(text, self.whole, self.bounds)


class ListEntry(Entry):
    """Several texts separated by semicolons."""

    HELP = "Several values are separated by semicolons."

    def read(self, text: str) -> tuple[Any, str]:
        return [part.strip() for part in text.split(";") if part.strip()] or None, ""


class PathSuggester(Suggester):
    """Completes the last part of a path from the disk."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first entry that starts with what was typed, folders with a slash; None when there is none."""
        if not value or value.endswith(";"):
            return None
        typed = Path(value).expanduser()
        folder, start = (typed, "") if value.endswith("/") else (typed.parent, typed.name)
        try:
            names = sorted(p for i, p in enumerate(folder.iterdir()) if i < 2000 and p.name.startswith(start) and (start.startswith(".") or not p.name.startswith(".")))
            return value[: len(value) - len(start)] + names[0].name + ("/" if names[0].is_dir() else "") if names else None
        except OSError:
            return None


class PathEntry(Entry):
    """A path with completion (right arrow) and a picker (F6)."""

    HELP = "Right arrow completes the path, F6 opens the file picker."
    BINDINGS = [Binding("f6", "browse", "Browse", show=False, id="entry.browse")]

    def __init__(self, value: Any, *, many: bool = False, placeholder: str = "") -> None:
        self.many = many
        super().__init__(value, placeholder=placeholder, suggester=PathSuggester())

    def read(self, text: str) -> tuple[Any, str]:
        paths = [p.strip().strip("'\"") for p in text.split(";") if p.strip()]
        missing = [p for p in paths if not Path(p).expanduser().exists()]
        if missing:
            return None, f"no such file: {missing[0]}"
        if not paths:
            return None, ""
        return (paths if self.many else paths[0]), ""

    def action_browse(self) -> None:
        """Open the file picker where the typed path is."""
        from phasewise.tui.screens.files import FilePicker

        start = Path(self.value or ".").expanduser()

        def take(path: Path | None) -> None:
            if path is not None:
                self.value = f"{self.value}; {path}" if self.many and self.value else str(path)
                self.give(always=True)

        self.app.push_screen(FilePicker(start if start.is_dir() else start.parent), take)
