"""Lines that name keys: a click on a named key presses it, so that whatever a line offers can be done with the mouse."""

import re

from textual.content import Content
from textual.style import Style

from phasewise.tui.say import say

NAMES = {"Enter": "enter", "Esc": "escape", "Backspace": "backspace", "Delete": "delete", "Space": "space", "/": "slash", "?": "question_mark"}
_PHRASES = re.compile(r"(,\s+|\s{2,})")
_KEY = re.compile(r"F\d{1,2}|[A-Za-z0-9?/]|Enter|Esc|Backspace|Delete|Space")


def key_of(word: str) -> str:
    """The key that a word of a line names, or an empty text."""
    if not _KEY.fullmatch(word):
        return ""
    return NAMES.get(word) or (word.lower() if len(word) > 1 else word)


def presses(content: Content, key: str) -> Content:
    """Text that presses a key when it is clicked."""
    return content.stylize(Style.from_meta({"@click": f"app.simulate_key({key!r})"}))


def keyed(text: str, tone: str = "muted") -> Content:
    """A line such as `Enter takes it, j k move  Esc closes`; phrases that begin with a key (or with `number or Enter`) press it."""
    return Content("").join(_phrase(piece, tone) for piece in _PHRASES.split(text) if piece)


def fitting(text: str, width: int) -> str:
    """As many whole phrases of a line as there is room for."""
    pieces = _PHRASES.split(text)
    while pieces and sum(map(len, pieces)) > width:
        pieces = pieces[:-2]
    return "".join(pieces)


def _phrase(text: str, tone: str) -> Content:
    words = text.split(" ")
    if 4 <= len(words) == 2 * len(set(words[::2])) and all(len(w) == 1 and key_of(w) for w in words[::2]) and not any(map(key_of, words[1::2])):  # `a accept l relabel`
        return Content(" ").join([presses(say(" ".join(words[i : i + 2]), tone), key_of(words[i])) for i in range(0, len(words), 2)])
    lead = words[: next((i for i, w in enumerate(words) if not key_of(w)), len(words))]
    if len(lead) > 1:  # `j k move`: each for itself
        rest = [say(" ".join(words[len(lead) :]), tone)] if len(lead) < len(words) else []
        return Content(" ").join([*(presses(say(w, tone), key_of(w)) for w in lead), *rest])
    if not lead and words[1:2] != ["or"] and words[1:2] != ["and"]:
        return say(text, tone)
    key = next((key_of(w) for w in words[:3:2] if key_of(w)), "")
    return presses(say(text, tone), key) if key else say(text, tone)


