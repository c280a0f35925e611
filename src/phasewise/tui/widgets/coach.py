"""The coach: why this is asked, where the default comes from, what to do next."""

import shlex
from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message

from phasewise.tui.say import line, lines, prose, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.field import SOURCES, bounds_text, spell


class Coach(VerticalScroll, can_focus=False):
    """The right pane; shows a question's reason or a page's advice."""

    class Shown(Message):
        """The pane came into sight: what it should say was not kept while nobody saw it."""

    def __init__(self) -> None:
        super().__init__(id="coach")
        self.block = Block(id="coach-text")
        self.question: Any = None
        self.text = Content("")

    def compose(self) -> ComposeResult:
        """One column of text."""
        yield self.block

    def show_question(self, question: Any) -> None:
        """Why a question is asked and where its value comes from; the same state of it twice changes nothing."""
        if question is not self.question:
            self.question = question
            self._show(question_text(question))

    def show_text(self, title: str, text: str | Content) -> None:
        """Any other advice."""
        self.question = None
        body = text if isinstance(text, Content) else prose(text)
        self._show(lines([say(title, "bold key"), Content(""), body]))

    def _show(self, text: Content) -> None:
        if not text.is_same(self.text):
            self.text = text
            self.block.show(text)
            self.scroll_home(animate=False)

    def on_show(self) -> None:
        """The screen says what stands here now."""
        self.post_message(self.Shown())


def flag(q: Any) -> str:
    """The flag that gives the present answer on a command line; dots where there is none yet."""
    if not q.flag.endswith("="):
        return str(q.flag)
    from phasewise.workflow.commands import spell

    head, _, name = q.flag.rpartition(" ")
    return f"{head} {name}..." if q.value in (None, []) else f"{head} {shlex.quote(name + spell(q.value))}"


def question_text(q: Any, *, title: bool = True) -> Content:
    """The long form of a question: text, hint, why, source, bounds, recommendation, flag."""
    rows: list[Content] = [say(q.text, "bold key"), Content("")] if title else []
    if q.hint:
        rows += [say(q.hint), Content("")]
    if q.why:
        rows += [prose(q.why), Content("")]
    if bounds_text(q):
        rows += [line(("allowed  ", "muted"), bounds_text(q))]
    value = "not answered" if q.value is None or q.value == [] else spell(q.value, q)
    rows += [line(("now      ", "muted"), (value, "bold"), (f"  {SOURCES.get(q.source, q.source)}", "muted"))]
    if q.recommendation is not None:
        rows += [line(("advice   ", "muted"), (spell(q.recommendation.value, q), "bold key")), line(("because  ", "muted"), q.recommendation.reason)]
    if q.flag:
        rows += [line(("flag     ", "muted"), flag(q))]
    if q.source_text:
        rows += [line(("source   ", "muted"), q.source_text)]
    if q.locked:
        rows += [Content(""), line(("fixed: " + str(q.locked), "warn"))]
    return lines(rows)
