"""The form of a phase, made from the session's questions; at most twelve fields, the rest under Advanced."""

from typing import Any

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Click, DescendantFocus
from textual.message import Message

from phasewise.records.errors import PhasewiseError
from phasewise.tui.say import line
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.editors import Edited
from phasewise.tui.widgets.entries import Entry
from phasewise.tui.widgets.field import Field

MOST = 12


class AdvancedHead(Block, can_focus=True):
    """The line that opens and closes the advanced questions."""

    BINDINGS = [Binding("enter,space", "press", "Open or close", show=False, id="advanced.toggle")]
    HELP = "Enter shows or hides the advanced questions."

    class Pressed(Message):
        """Open or close."""

    def __init__(self) -> None:
        super().__init__(classes="advanced-head")
        self.count, self.open, self.decided = 0, False, 0

    def draw(self, width: int) -> Content:
        """Arrow, count, and how many were answered by hand."""
        arrow = ("v" if self.open else ">") if getattr(self.app, "ascii_only", False) else ("\u25be" if self.open else "\u25b8")
        mine = f"  {self.decided} answered by you" if self.decided else ""
        return line((f"{arrow} Advanced ({self.count})", "reverse" if self.has_focus else "bold muted"), (mine, "key"))

    def action_press(self) -> None:
        """Open or close."""
        self.post_message(self.Pressed())

    def on_focus(self) -> None:
        """Show the focus."""
        self.redraw()

    def on_blur(self) -> None:
        """Hide the focus."""
        self.redraw()

    def on_click(self, event: Click) -> None:
        """A click opens or closes."""
        self.action_press()


class Form(VerticalScroll, can_focus=False):
    """Questions of one phase. Values go to the session when a field is left; problems show at the field."""

    class Changed(Message):
        """An answer was set or unset."""

        def __init__(self, phase: str, name: str) -> None:
            super().__init__()
            self.phase, self.name = phase, name

    class Asked(Message):
        """A question got the focus: the coach shows why it is asked."""

        def __init__(self, question: Any) -> None:
            super().__init__()
            self.question = question

    def __init__(self, session: Any, phase: str, *, ascii_only: bool = False, skip: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> None:
        super().__init__(classes="form")
        self.session, self.phase, self.ascii_only, self.skip, self.only = session, phase, ascii_only, skip, only
        self.fields: dict[str, Field] = {}
        self.advanced = AdvancedHead()

    def compose(self) -> ComposeResult:
        """Basic questions, the head of the advanced ones; these are mounted when it is opened."""
        basic, rest = self._sorted()
        for q in basic:
            yield self._field(q)
        self.advanced.count = len(rest)
        self.advanced.display = bool(rest)
        yield self.advanced

    def _sorted(self) -> tuple[list[Any], list[Any]]:
        every = [q for q in self.session.questions(self.phase) if q.name not in self.skip and (not self.only or q.name in self.only)]
        basic = [q for q in every if not q.advanced]
        rest = [q for q in every if q.advanced]
        return basic[:MOST], basic[MOST:] + rest

    def _field(self, question: Any) -> Field:
        field = Field(question, ascii_only=self.ascii_only)
        field.display = question.visible
        field.editor.disabled = bool(question.locked or self.session.read_only)
        self.fields[question.name] = field
        return field

    def sync(self) -> None:
        """Take values, sources, recommendations and visibility from the session."""
        basic, rest = self._sorted()
        for q in basic + rest:
            if q.name in self.fields:
                self.fields[q.name].update(q)
        for q in rest:
            if q.name in self.fields:
                self.fields[q.name].display = self.advanced.open and q.visible
        self.advanced.count = sum(q.visible for q in rest)
        self.advanced.decided = sum(q.source in ("typed", "flag", "file") for q in rest)
        self.advanced.display = bool(rest)
        self.advanced.redraw()

    async def on_advanced_head_pressed(self) -> None:
        """Mount the advanced questions on first opening, hide or show them afterwards."""
        self.advanced.open = not self.advanced.open
        _, rest = self._sorted()
        new = [q for q in rest if q.name not in self.fields]
        if self.advanced.open and new:
            await self.mount_all([self._field(q) for q in new])
        for q in rest:
            if q.name in self.fields:
                self.fields[q.name].display = self.advanced.open and q.visible
        self.advanced.redraw()
        if self.advanced.open and rest:
            self.call_after_refresh(self.advanced.scroll_visible, top=True, animate=False)

    def on_edited(self, event: Edited) -> None:
        """Give the value to the session, or show why it is none."""
        event.stop()
        field = next((f for f in self.fields.values() if f.editor is event.editor), None)
        if field is None:
            return
        if event.error:
            field.say_error(event.error)
            return
        try:
            if event.value is None:
                self.session.answers.unset(self.phase, field.question.name)
            else:
                self.session.answers.set(self.phase, field.question.name, event.value)
        except PhasewiseError as e:
            field.say_error(" ".join(p for p in (e.cause or e.title, e.remedy) if p))
            return
        field.say_error("")
        self.post_message(self.Changed(self.phase, field.question.name))

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Tell the coach which question is looked at."""
        field = next((f for f in self.fields.values() if f.editor is event.widget), None)
        if field is not None:
            self.post_message(self.Asked(field.question))

    def focused_question(self) -> Any:
        """The question whose editor has the focus, or None."""
        return next((f.question for f in self.fields.values() if f.editor.has_focus), None)

    def first_error(self) -> str:
        """The first visible field that shows an error."""
        return next((n for n, f in self.fields.items() if f.error and f.display), "")

    async def reveal(self, name: str, message: str = "") -> bool:
        """Go to a field, opening Advanced when it is there; shows the message at it."""
        if name not in self.fields:
            _, rest = self._sorted()
            if not any(q.name == name for q in rest):
                return False
            self.advanced.open = False
            await self.on_advanced_head_pressed()
        field = self.fields[name]
        field.display = True
        if message:
            field.say_error(message)
        field.editor.focus()
        self.call_after_refresh(field.scroll_visible, animate=False)  # a page that was just mounted has no layout yet
        return True

    def focus_first(self, *, typing: bool = False) -> bool:
        """Put the focus on the first question, and say whether it went there; on one that swallows letters only when `typing` is meant."""
        field = next((f for f in self.fields.values() if f.display and not f.editor.disabled), None)
        if field is None or isinstance(field.editor, Entry) and not typing:
            return False
        field.editor.focus(scroll_visible=False)
        return True
