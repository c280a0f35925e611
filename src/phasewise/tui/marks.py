"""Marks: a glyph and a word for every state, so that colour only ever repeats what is already said."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """How a state looks: glyph, its ASCII stand-in, word and tone."""

    glyph: str
    ascii: str
    word: str
    tone: str


PHASE: dict[str, Mark] = {
    "done": Mark("\u2713", "*", "done", "good"),
    "ready": Mark("\u25cb", "o", "ready", "ink"),
    "running": Mark("\u25b6", ">", "running", "key"),
    "stale": Mark("~", "~", "stale", "warn"),
    "locked": Mark("\u00b7", ".", "locked", "muted"),
    "skipped": Mark("\u2013", "-", "skipped", "muted"),
}
SEVERITY: dict[str, Mark] = {
    "block": Mark("\u2717", "X", "block", "bad"),
    "warn": Mark("!", "!", "warn", "warn"),
    "info": Mark("i", "i", "info", "key"),
    "pass": Mark("\u2713", "*", "pass", "good"),
    "fail": Mark("\u2717", "X", "fail", "bad"),
}
RUN: dict[str, Mark] = {
    "queued": Mark("\u2026", ".", "queued", "muted"),
    "running": Mark("\u25b6", ">", "running", "key"),
    "paused": Mark("\u2016", "=", "paused", "warn"),
    "finished": Mark("\u2713", "*", "finished", "good"),
    "failed": Mark("\u2717", "X", "failed", "bad"),
    "stopped": Mark("\u25a0", "#", "stopped", "muted"),
    "lost": Mark("?", "?", "lost", "bad"),
}


def glyph(mark: Mark, ascii_only: bool) -> str:
    """The glyph the terminal can show."""
    return mark.ascii if ascii_only else mark.glyph
