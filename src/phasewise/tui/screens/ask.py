"""Ask for one line: a reason, a number, or a word typed to confirm something that cannot be undone."""

from collections.abc import Callable
from typing import Any

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from phasewise.tui.say import say
from phasewise.tui.screens.modal import Modal
from phasewise.tui.widgets.block import Block

Check = Callable[[str], tuple[Any, str]]


def some_text(text: str) -> tuple[Any, str]:
    """Any text that is not empty."""
    return (text.strip(), "") if text.strip() else (None, "write a few words")


def exactly(word: str) -> Check:
    """The word itself, nothing else."""
    return lambda text: (word, "") if text.strip() == word else (None, f"type {word} to go on, or press Esc")


class Ask(Modal):
    """Dismisses with the checked value, or None."""

    def __init__(self, title: str, text: str | Content, *, prompt: str, check: Check = some_text, value: str = "", foot: str = "Enter confirms, Esc closes") -> None:
        super().__init__(title, text, foot=foot)
        self.prompt, self.check, self.value = prompt, check, value

    def body(self) -> list[Widget]:
        """Prompt, line, and what is wrong with it."""
        self.wrong = Block(classes="modal-wrong")
        return [Block(lambda _w: say(self.prompt, "bold"), classes="modal-prompt"), Input(value=self.value, compact=True), self.wrong]

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        value, error = self.check(event.value)
        if error:
            self.wrong.show(lambda _w: say(error, "bad"))
        else:
            self.dismiss(value)
