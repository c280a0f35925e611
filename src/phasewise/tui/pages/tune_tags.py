"""Tags of errors and the pipeline's stages on the errors view: what each kind of mistake, and each stage, would bring if it were right (V09)."""

from typing import Any

from phasewise.records.errors import PhasewiseError
from phasewise.tui.charts.bars import bar
from phasewise.tui.numbers import number, plural
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.table import Column
from phasewise.workflow import tagging

BAR = 18


def tagged(view: Any, found: Any) -> Any:
    """The tag table of an inspection, or None where there is no project behind the page."""
    project = getattr(view.desk.session, "view", None)
    return tagging.table(project, found) if project is not None and hasattr(project, "facts") else None


def of_row(view: Any, found: Any, row: int) -> list[str]:
    """The tags of one row."""
    project = getattr(view.desk.session, "view", None)
    return tagging.tags(project, found.model).get(row, []) if project is not None and hasattr(project, "facts") else []


def tag_columns() -> list[Column]:
    """Columns of the tag table."""
    return [Column(title="tag", least=14), Column(title="rows", width=5, right=True), Column(title="share", width=6, right=True), Column(title="ceiling gain", width=12, right=True), Column(title="", width=BAR, drop=1), Column(title="95 % interval", flex=2, least=16)]


def tag_rows(found: Any, *, ascii_only: bool) -> list[list[Any]]:
    """Rows of the tag table."""
    top = max((r.gain for r in found.rows), default=1.0) or 1.0
    return [[(r.tag, "bold ink"), str(r.rows), f"{r.share:.0%}", (number(r.gain, 3), "key"), (bar(r.gain, top, BAR, ascii_only=ascii_only), "key"), (f"[{number(r.low, 3)}, {number(r.high, 3)}]", "muted")] for r in found.rows]


def tag_note(found: Any) -> Any:
    """What the table rests on."""
    if found is None or not found.rows:
        return say("No error is tagged. Go to the gallery (c), choose a case and press a: name what went wrong.", "muted")
    of = f" of a random sample of {found.sample}" if found.sample else ""
    return say(f"{plural(found.looked, 'error')} looked at{of}; at most {number(found.error, 3)} {found.metric} can be gained. A gain is the tag's share times that.", "muted")


def stage_columns(unit: str) -> list[Column]:
    """Columns of the pipeline table."""
    return [Column(title="stage replaced by the truth", least=16), Column(title=f"gain ({unit})", width=18, right=True), Column(title="", width=BAR, drop=1), Column(title="95 % interval", least=16, drop=2), Column(title="measured on", flex=2, drop=3)]


def stage_rows(found: dict[str, Any], *, ascii_only: bool) -> list[list[Any]]:
    """Rows of the pipeline table."""
    top = max((abs(s["gain"]) for s in found.get("stages", [])), default=1.0) or 1.0
    return [[(s["stage"], "bold ink"), number(s["gain"], 3), (bar(max(s["gain"], 0.0), top, BAR, ascii_only=ascii_only), "key"), (f"[{number(s['low'], 3)}, {number(s['high'], 3)}]", "muted"), (s.get("note", ""), "muted")] for s in found.get("stages", [])]


def ask(view: Any, found: Any, row: int, last: str) -> None:
    """Ask for a tag of a case; the same tag again takes it away."""
    from phasewise.tui.screens.ask import Ask

    own, used = of_row(view, found, row), tagging.known(view.desk.session.view)
    text = lines([say("What went wrong here? One or a few words, the same words for the same kind of error."), say(f"In use: {', '.join(used[:8])}" if used else "No tag is in use yet.", "muted"), say(f"This case: {', '.join(own)}; write one of them again to take it away." if own else "", "muted")])
    view.app.push_screen(Ask(f"Tag row {row}", text, prompt="Tag", check=_checked, value=last), lambda tag: tag and put(view, found, row, tag))


def _checked(text: str) -> tuple[Any, str]:
    try:
        return tagging.named(text), ""
    except PhasewiseError as error:
        return None, error.title


def put(view: Any, found: Any, row: int, tag: str) -> None:
    """Tag a case, or take the tag away when it is there."""
    on = tag not in of_row(view, found, row)
    try:
        tagging.put(view.desk.session, found, row, tag, on=on)
    except PhasewiseError as error:
        view.screen.fail(error)
        return
    view.last_tag = tag
    view.notify(f"Row {row}: {tag}" if on else f"Row {row}: {tag} taken away", markup=False)
    view.desk.touch()
    view.screen.refresh_pages()


def case(row: dict[str, Any], own: list[str]) -> Any:
    """The values of a case and its tags."""
    return line(("tags  " if own else "", "muted"), (", ".join(own) + "   " if own else "", "bold key"), ("shown ", "muted"), ", ".join(map(str, row.get("shown", []))))
