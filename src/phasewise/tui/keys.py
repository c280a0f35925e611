"""Every binding of the app in one table: id, keys, action, words; the screens, `?`, the palette and `phasewise keys` read it.

None is on a key that tmux, screen or zellij take by default, and vital ones use only keys every terminal sends.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.binding import Binding


@dataclass(frozen=True)
class Key:
    """One binding: `id` is what the user's settings remap."""

    id: str
    keys: str
    action: str
    title: str
    group: str
    where: str = "main"
    """`main`: the project's screen, `app`: everywhere, `live`: while a run is shown, `list`: tables, `chart`: charts."""


KEYS: tuple[Key, ...] = (
    Key("help", "f1", "why", "Why is this asked?", "Help", "main"),
    Key("phases", "f2", "phases", "Go to a phase", "Move", "main"),
    Key("jump", "f3", "jump", "Jump to a place on the page", "Move", "main"),
    Key("palette", "f4,colon", "command_palette", "All commands", "Help", "app"),
    Key("keys", "question_mark", "keys", "All keys", "Help", "app"),
    Key("express", "f5", "express", "Run through a phase with recommended answers", "Run", "main"),
    Key("primary", "n,f10", "primary", "Do the next step", "Run", "main"),
    Key("back", "b", "back", "Previous phase", "Move", "main"),
    Key("phase.previous", "left_square_bracket", "phase(-1)", "Previous phase", "Move", "main"),
    Key("phase.next", "right_square_bracket", "phase(1)", "Next phase", "Move", "main"),
    Key("view.1", "1", "view(0)", "First view of the page", "Move", "main"),
    Key("view.2", "2", "view(1)", "Second view", "Move", "main"),
    Key("view.3", "3", "view(2)", "Third view", "Move", "main"),
    Key("view.4", "4", "view(3)", "Fourth view", "Move", "main"),
    Key("view.5", "5", "view(4)", "Fifth view", "Move", "main"),
    Key("view.6", "6", "view(5)", "Sixth view", "Move", "main"),
    Key("pane.phases", "7", "pane('rail')", "Show or hide the phases", "Panes", "main"),
    Key("pane.coach", "8", "pane('coach')", "Show or hide the coach", "Panes", "main"),
    Key("pane.log", "9", "pane('drawer')", "Show or hide the log", "Panes", "main"),
    Key("review", "v", "review", "Review all answers", "Help", "main"),
    Key("runs", "o", "runs", "All runs", "Run", "main"),
    Key("gate", "d", "gate", "What opens the next door", "Run", "main"),
    Key("reopen", "R", "reopen", "Reopen this phase with a reason", "Run", "main"),
    Key("skip", "S", "skip", "Skip this phase with a reason", "Run", "main"),
    Key("copy", "y", "copy", "Copy the table or chart", "Export", "main"),
    Key("export", "E", "export", "Export the table or chart", "Export", "main"),
    Key("screenshot", "f8", "screenshot_file", "Save a picture of the screen", "Export", "main"),
    Key("glossary", "f7", "glossary", "Glossary", "Help", "main"),
    Key("theme", "t", "next_theme", "Next theme", "Help", "main"),
    Key("run.pause", "p", "pause", "Pause or resume the run", "Run", "main"),
    Key("run.stop", "s", "stop", "Stop the run after this epoch", "Run", "main"),
    Key("run.stop_now", "X", "stop_now", "Stop the run now", "Run", "main"),
    Key("run.lr", "r", "run_lr", "Change the learning rate of the run", "Run", "main"),
    Key("enter", "enter", "enter_page", "Go into the page", "Move", "main"),
    Key("leave", "escape", "leave_field", "Leave the field", "Move", "main"),
    Key("quit", "q", "leave_app", "Quit", "Help", "app"),
)
"""Bindings by id; `where` says where they hold."""


def bindings(*where: str) -> list["Binding"]:
    """Textual bindings of some places, with ids so that a keymap can replace them."""
    from textual.binding import Binding

    return [Binding(k.keys, k.action, k.title, show=False, id=k.id) for k in KEYS if k.where in where]


def spelled(keys: str) -> str:
    """Keys as printed: `f4,colon` as `F4 or :`."""
    words = {"colon": ":", "question_mark": "?", "left_square_bracket": "[", "right_square_bracket": "]", "escape": "Esc"}
    return " or ".join(words.get(k.strip(), k.strip().upper() if k.strip().startswith("f") and k.strip()[1:].isdigit() else k.strip()) for k in keys.split(","))


def listing(mapped: dict[str, str] | None = None) -> list[tuple[str, str, str, str]]:
    """(group, id, keys, title) of every binding, with the user's own keys in place."""
    mapped = mapped or {}
    return [(k.group, k.id, spelled(mapped.get(k.id, k.keys)), k.title) for k in KEYS]


def check(mapped: dict[str, Any]) -> list[str]:
    """What is wrong with a user's key table: unknown ids (with the nearest) and keys given twice."""
    import difflib

    known = {k.id: k for k in KEYS}
    out = []
    for id_ in mapped:
        if id_ not in known:
            near = difflib.get_close_matches(id_, known, n=1)
            out.append(f"unknown key id {id_!r}" + (f", did you mean {near[0]!r}?" if near else ""))
    taken: dict[str, str] = {}
    for k in KEYS:
        for one in str(mapped.get(k.id, k.keys)).split(","):
            other = taken.setdefault(one.strip(), k.id)
            if other != k.id:
                out.append(f"key {one.strip()!r} is given to {other!r} and to {k.id!r}")
    return out
