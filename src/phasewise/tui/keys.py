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
    """`app`: everywhere, `main`: the project's screen, `start`: the start screen, `chart` and `list`: charts and tables, else a view of a page."""


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
    Key("run.checkpoint", "K", "checkpoint", "Save a checkpoint of the run", "Run", "main"),
    Key("run.lr", "r", "run_lr", "Change the learning rate of the run", "Run", "main"),
    Key("enter", "enter", "enter_page", "Go into the page", "Move", "main"),
    Key("leave", "escape", "leave_field", "Leave the field", "Move", "main"),
    Key("quit", "q", "leave_app", "Quit", "Help", "app"),
    Key("start.new", "n", "new", "New project from a data file", "Start", "start"),
    Key("start.open", "o", "open", "Open a project folder", "Start", "start"),
    Key("start.demo", "d", "demo", "Open the demo project", "Start", "start"),
    Key("start.templates", "t", "templates", "New project from a template", "Start", "start"),
    Key("chart.left", "left,h", "cursor(-1)", "Chart: cursor left", "Charts", "chart"),
    Key("chart.right", "right", "cursor(1)", "Chart: cursor right", "Charts", "chart"),
    Key("chart.first", "home", "cursor(-9999)", "Chart: first point", "Charts", "chart"),
    Key("chart.last", "end", "cursor(9999)", "Chart: last point", "Charts", "chart"),
    Key("chart.log", "l", "log_y", "Chart: log scale", "Charts", "chart"),
    Key("chart.smooth", "m", "smooth", "Chart: smoothing", "Charts", "chart"),
    Key("chart.zoom", "z", "zoom", "Chart: zoom to a fifth", "Charts", "chart"),
    Key("chart.cut", "c", "cut", "Chart: cut far points off", "Charts", "chart"),
    Key("chart.x", "x", "x_axis", "Chart: steps, epochs or time", "Charts", "chart"),
    Key("list.down", "down,j", "move(1)", "Table: down", "Tables", "list"),
    Key("list.up", "up,k", "move(-1)", "Table: up", "Tables", "list"),
    Key("list.first", "g,home", "edge(-1)", "Table: first row", "Tables", "list"),
    Key("list.last", "G,end", "edge(1)", "Table: last row", "Tables", "list"),
    Key("list.pagedown", "pagedown", "page(1)", "Table: page down", "Tables", "list"),
    Key("list.pageup", "pageup", "page(-1)", "Table: page up", "Tables", "list"),
    Key("list.left", "left,h", "side(-1)", "Table: earlier columns", "Tables", "list"),
    Key("list.right", "right,l", "side(1)", "Table: later columns", "Tables", "list"),
    Key("list.choose", "enter", "choose", "Table: open the row", "Tables", "list"),
    Key("live.pin", "P", "pin", "Pin this run for comparison", "Train", "live"),
    Key("finder.take", "t", "take", "Take the rate under the cursor", "Train", "finder"),
    Key("augmented.draw", "a", "draw", "Draw augmented pictures", "Approach", "augmented"),
    Key("finding.advised", "a", "advised", "Take the recommended remedy", "Data", "findings"),
    Key("finding.passes", "i", "passes", "Show or hide passed checks", "Data", "findings"),
    Key("baseline.reason", "w", "go_on_reason", "Go on although no network is needed", "Baseline", "leaderboard"),
    Key("checkup.minimal", "m", "minimal", "Undo one simplification per run and name the suspect", "Baseline", "checkup"),
    Key("idea.predict", "e", "predict", "Predict the gain of the idea", "Tune", "ideas"),
    Key("idea.add", "a", "add", "Add an idea", "Tune", "ideas"),
    Key("idea.try", "T", "try_it", "Try the idea now", "Tune", "ideas"),
    Key("idea.drop", "D", "drop", "Drop the idea", "Tune", "ideas"),
    Key("idea.estimate", "m", "estimate", "Estimate the idea: time, complexity, impact, likelihood", "Tune", "ideas"),
    Key("idea.second", "M", "second", "A second opinion on the idea", "Tune", "ideas"),
    Key("idea.go_on", "B", "go_on", "More budget: go on after the loop stopped, with a reason", "Tune", "ideas"),
    Key("idea.noise", "z", "noise", "Is your gain noise?", "Tune", "ideas"),
    Key("errors.part", "c", "part", "Slices, gallery, tags, confusion, calibration, importance, pipeline, data, lesion", "Tune", "errors"),
    Key("errors.tag", "a", "tag", "Tag the error of this case", "Tune", "errors"),
    Key("errors.tag_again", "A", "tag_again", "The last tag for this case too", "Tune", "errors"),
    Key("errors.curve", "L", "curve", "Learning curve: train on parts of the rows", "Tune", "errors"),
    Key("ablation.run", "T", "ablate", "Take every part away, one at a time", "Tune", "ablation"),
    Key("ablation.prune", "P", "prune", "Take adopted ideas away that no longer pay", "Tune", "ablation"),
    Key("field.feed", "a", "feed", "Feed a file of new labelled rows", "Field", "feed"),
    Key("field.back", "B", "put_back", "Put the version before back into service", "Field", "feed"),
)
"""Bindings by id; `where` says where they hold."""
EVERYWHERE = ("app", "main")
"""Places that hold together: a key may be given once there. The others lie on top of them, one at a time."""


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
    """What is wrong with a user's key table: unknown ids (with the nearest), keys that are no text, keys given twice in a place."""
    import difflib

    known = {k.id: k for k in KEYS}
    out = []
    for id_, value in mapped.items():
        if id_ not in known:
            near = difflib.get_close_matches(id_, known, n=1)
            out.append(f"unknown key id {id_!r}" + (f", did you mean {near[0]!r}?" if near else ""))
        elif not isinstance(value, str) or not value.strip():
            out.append(f"the keys of {id_!r} must be a text such as \"f5\" or \"n,f10\"")
    taken: dict[tuple[str, str], str] = {}
    for k in KEYS:
        place = "everywhere" if k.where in EVERYWHERE else k.where
        for one in str(mapped.get(k.id, k.keys)).split(","):
            other = taken.setdefault((place, one.strip()), k.id)
            if other != k.id and (k.id in mapped or other in mapped):
                out.append(f"key {one.strip()!r} is given to {other!r} and to {k.id!r}")
    return out


def here(where: str, mapped: dict[str, str] | None = None) -> list[tuple[str, str, str, str]]:
    """(title, keys, group, action) of every binding of a place."""
    mapped = mapped or {}
    return [(k.title, spelled(mapped.get(k.id, k.keys)), k.group, k.action) for k in KEYS if k.where == where]
