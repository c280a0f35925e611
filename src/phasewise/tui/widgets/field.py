"""One question on a page: text, where the value comes from, editor, hint or error."""

from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from phasewise.records.text import safe_text
from phasewise.tui.numbers import short
from phasewise.tui.say import line, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.chooser import Chooser
from phasewise.tui.widgets.editors import PickMany, PickOne, Toggle
from phasewise.tui.widgets.entries import Entry, ListEntry, NumberEntry, PathEntry

SOURCES = {"typed": "your answer", "flag": "from a flag", "file": "from the file", "recommended": "recommended", "default": "default"}
RADIO_MOST = 5


class Field(Vertical):
    """A question with its editor; tells the form through the editor's `Edited`."""

    def __init__(self, question: Any, *, ascii_only: bool = False) -> None:
        super().__init__(classes="field", id=f"field-{question.name}")
        self.question = question
        self.ascii_only = ascii_only
        self.error = ""
        self.editor: Any = make_editor(question, ascii_only)
        self.head = Block(self._head, classes="field-head")
        self.note = Block(self._note, classes="field-note")

    def compose(self) -> ComposeResult:
        """Head, editor, note."""
        yield self.head
        yield self.editor
        yield self.note

    def update(self, question: Any) -> None:
        """Show a newer state of the same question; what is being typed stays."""
        before, self.question = self.question, question
        self.display = question.visible
        if question.choices != before.choices and hasattr(self.editor, "choices") and not isinstance(self.editor, Toggle):
            self.editor.choices = question.choices
        if not self.error:
            self.editor.set_value(question.value)
        self.editor.disabled = bool(question.locked)
        self.head.redraw()
        self.note.redraw()

    def say_error(self, message: str) -> None:
        """Show what is wrong (empty: nothing is)."""
        self.error = message
        self.set_class(bool(message), "-wrong")
        self.note.redraw()

    def _head(self, width: int) -> Content:
        tag = SOURCES.get(self.question.source, self.question.source)
        tone = {"typed": "key", "flag": "key", "file": "key"}.get(self.question.source, "muted")
        room = max(width - len(tag) - 2, 10)
        text = safe_text(self.question.text, 400)
        if len(text) > room:
            return say(text, "bold")
        return line((text, "bold"), " " * (width - len(text) - len(tag)), (tag, tone))

    def _note(self, width: int) -> Content:
        if self.error:
            return line((f"{'X' if self.ascii_only else chr(0x2717)} {self.error}", "bad"))
        tag = f"({SOURCES.get(self.question.source, self.question.source)})" if len(self.question.text) > width - 16 else ""
        parts = [p for p in (tag, self.question.locked, bounds_text(self.question), self.question.hint, self._advice()) if p]
        return say("  ".join(parts), "muted") if parts else Content("")

    def _advice(self) -> str:
        advice = self.question.recommendation
        if advice is None:
            return ""
        if self.question.source == "recommended":
            return advice.reason
        if advice.value == self.question.value:
            return "as recommended"
        return f"recommended: {spell(advice.value, self.question)}, {advice.reason}"


def spell(value: Any, question: Any) -> str:
    """A value as a person reads it: labels of choices, short numbers."""
    labels = dict(question.choices or [])
    if isinstance(value, list):
        return ", ".join(str(labels.get(v, v)) for v in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return short(value)
    return str(labels.get(value, value))


def bounds_text(question: Any) -> str:
    """`1 to 64 epochs`, `at least 0`, or only the unit."""
    low, high = question.low, question.high
    unit = f" {question.unit}" if question.unit else ""
    if low is not None and high is not None:
        return f"{short(low)} to {short(high)}{unit}."
    if low is not None:
        return f"{'Above' if question.low_open else 'At least'} {short(low)}{unit}."
    if high is not None:
        return f"{'Below' if question.high_open else 'At most'} {short(high)}{unit}."
    return f"In{unit}." if unit else ""


def make_editor(q: Any, ascii_only: bool) -> Widget:
    """The editor of a question by its type and the number of its choices."""
    kind, choices = str(q.type), list(q.choices or [])
    empty = "" if q.value is not None else "not answered"
    if kind == "bool":
        return Toggle(q.value, ascii_only=ascii_only) if isinstance(q.value, bool) else PickOne([(True, "yes"), (False, "no")], q.value, ascii_only=ascii_only)
    if kind == "choices":
        return PickMany(choices, q.value, ascii_only=ascii_only)
    if kind == "map":
        from phasewise.tui.widgets.roles import RolesEditor

        return RolesEditor(q.value)
    if kind in ("path", "paths"):
        return PathEntry(q.value, many=kind == "paths", placeholder="path to a file, F6 to browse")
    if kind == "column" or (kind == "choice" and (len(choices) > RADIO_MOST or not choices)):
        return Chooser(choices, q.value, title=q.text, ascii_only=ascii_only)
    if kind == "choice":
        return PickOne(choices, q.value, ascii_only=ascii_only)
    if kind in ("int", "float"):
        return NumberEntry(q.value, whole=kind == "int", bounds=(q.low, q.high), placeholder=empty)
    return ListEntry(q.value, placeholder=empty) if kind == "list" else Entry(q.value, placeholder=empty)
