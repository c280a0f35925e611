"""Editors of one answer: toggle, pick one, pick many; each is a single widget and reports `Edited`."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.message import Message

from phasewise.records.text import safe_text
from phasewise.tui.say import say
from phasewise.tui.widgets.block import Block


@dataclass
class Edited(Message):
    """The person gave a value (None: take the recommendation again) or something that is none (`error`)."""

    editor: Any
    value: Any
    error: str = ""

    @property
    def control(self) -> Any:
        return self.editor


class Options(Block, can_focus=True):
    """Options in one flowing row; left and right move, up and down go to the next field. What a press does is the child's."""

    MARKS: ClassVar[tuple[tuple[str, str], tuple[str, str]]]
    """Marks of a choice that is off and of one that is on, each in ASCII and drawn."""

    BINDINGS = [
        Binding("left", "step(-1)", "Previous option", show=False, id="pick.left"),
        Binding("right", "step(1)", "Next option", show=False, id="pick.right"),
        Binding("space", "press", "Choose", show=False, id="pick.press"),
        Binding("enter", "press", "Choose", show=False, id="pick.enter"),
        Binding("delete,backspace", "reset", "Recommended again", show=False, id="pick.reset"),
    ]

    def __init__(self, choices: list[tuple[Any, str]], *, ascii_only: bool = False) -> None:
        super().__init__(classes="editor")
        self.choices = choices
        self.at = 0
        self.ascii_only = ascii_only
        self._spots: list[tuple[int, int, int, int]] = []

    @abstractmethod
    def chosen(self, value: Any) -> bool:
        """Whether a choice is on."""

    def box(self, on: bool) -> str:
        """The mark before a choice."""
        plain, drawn = self.MARKS[on]
        return plain if self.ascii_only else drawn

    def draw(self, width: int) -> Content:
        """Choices side by side, broken between choices only."""
        rows: list[list[Content]] = [[]]
        x = 0
        self._spots = []
        for i, (value, label) in enumerate(self.choices):
            on = self.chosen(value)
            text = f"{self.box(on)} {safe_text(label, 72)}"
            if x and x + len(text) + 3 > width:
                rows.append([])
                x = 0
            tone = "reverse" if self.has_focus and i == self.at else "bold key" if on else "ink"
            rows[-1] += [say(text, tone), Content("   ")]
            self._spots.append((len(rows) - 1, x, x + len(text), i))
            x += len(text) + 3
        return Content("\n").join(Content("").join(r) for r in rows)

    def action_step(self, by: int) -> None:
        """Move between the options."""
        if self.choices:
            self.at = (self.at + by) % len(self.choices)
            self.moved()
            self.redraw()

    def moved(self) -> None:
        """The mark moved to another option."""

    @abstractmethod
    def action_press(self) -> None:
        """Choose the marked option."""

    def action_reset(self) -> None:
        """Take the recommendation again."""
        self.post_message(Edited(self, None))

    def on_focus(self) -> None:
        """Show the mark."""
        self.redraw()

    def on_blur(self) -> None:
        """Hide the mark."""
        self.redraw()

    def on_click(self, event: Click) -> None:
        """A click chooses."""
        for row, start, end, i in self._spots:
            if event.y == row and start <= event.x < end:
                self.at = i
                self.action_press()


class PickOne(Options):
    """A radio set of at most five choices; moving chooses."""

    MARKS = (("( )", "\u25cb"), ("(*)", "\u25c9"))
    HELP = "Left and right choose; Delete takes the recommendation again."

    def __init__(self, choices: list[tuple[Any, str]], value: Any, *, ascii_only: bool = False) -> None:
        super().__init__(choices, ascii_only=ascii_only)
        self.value = value
        self.set_value(value)

    def set_value(self, value: Any) -> None:
        """Show a value without reporting it."""
        self.value = value
        self.at = next((i for i, (v, _) in enumerate(self.choices) if v == value), 0)
        if self.is_mounted:
            self.redraw()

    def chosen(self, value: Any) -> bool:
        return value == self.value

    def moved(self) -> None:
        self.action_press()

    def action_press(self) -> None:
        self.value = self.choices[self.at][0]
        self.redraw()
        self.post_message(Edited(self, self.value))


class PickMany(Options):
    """Check boxes in a flowing row; space switches."""

    MARKS = (("[ ]", "\u25a1"), ("[x]", "\u25a0"))
    HELP = "Left and right move, Space switches; Delete takes the recommendation again."

    def __init__(self, choices: list[tuple[Any, str]], value: Any, *, ascii_only: bool = False) -> None:
        super().__init__(choices, ascii_only=ascii_only)
        self.value = list(value or [])

    def set_value(self, value: Any) -> None:
        """Show a value without reporting it."""
        self.value = list(value or [])
        if self.is_mounted:
            self.redraw()

    def chosen(self, value: Any) -> bool:
        return value in self.value

    def action_press(self) -> None:
        one = self.choices[self.at][0]
        on = [v for v, _ in self.choices if (v in self.value) != (v == one)]
        self.value = on
        self.redraw()
        self.post_message(Edited(self, on))


class Toggle(PickMany):
    """One check box that says yes or no."""

    HELP = "Space switches; Delete takes the recommendation again."

    def __init__(self, value: bool, *, ascii_only: bool = False) -> None:
        super().__init__([(True, "yes" if value else "no")], [True] if value else [], ascii_only=ascii_only)

    def set_value(self, value: Any) -> None:
        self.choices = [(True, "yes" if value else "no")]
        super().set_value([True] if value else [])

    def action_press(self) -> None:
        value = not self.value
        self.set_value(value)
        self.post_message(Edited(self, value))
