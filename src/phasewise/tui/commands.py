"""The palette: every command of the app, from the one table of keys, plus every phase, view, theme and question."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from phasewise.records.phases import DOORS, PHASES, TITLES
from phasewise.records.text import safe_text
from phasewise.tui.keys import KEYS, here, spelled
from phasewise.tui.settings import THEME_NAMES


@dataclass(frozen=True, kw_only=True)
class Command:
    """One line of the palette: `action` is run on `target`, or as it stands when that is None."""

    title: str
    help: str
    action: str
    target: Any = None
    alias: str = ""
    """Another name it is found by."""


def every(app: Any) -> Iterable[Command]:
    """Every command that can be run now: the shown view's first, then the frame's, themes, phases, views, questions."""
    on_project = getattr(app, "desk", None) is not None
    mapped = app.settings.keys
    for place in places(app):
        for title, spell, group, action in here(place.PLACE, mapped):
            yield Command(title=title, help=f"{spell}   {group}", action=action, target=place)
    for key in KEYS:
        if key.where == "app" or (key.where == "main" and on_project):
            scope = "app." if key.where == "app" else "screen."
            yield Command(title=key.title, help=f"{spelled(mapped.get(key.id, key.keys))}   {key.group}", action=scope + key.action)
    for name in THEME_NAMES:
        yield Command(title=f"Theme: {name}", help="Help", action=f"app.use_theme('{name}')")
    if on_project:
        for phase in PHASES:
            yield Command(title=f"Go to {TITLES[phase]}", help=DOORS[phase], action=f"screen.go_to('{phase}')")
        yield from views(app)
        yield from questions(app)


def views(app: Any) -> Iterable[Command]:
    """Every view of every page by its title; pages of a single view are reached by their phase."""
    from phasewise.tui.pages import page_class

    for phase in PHASES:
        offered = page_class(phase).offers(app.desk)
        for i, view in enumerate(offered if len(offered) > 1 else ()):
            yield Command(title=f"Go to {view.TITLE} ({TITLES[phase]})", help=f"{TITLES[phase]}, {i + 1}", alias=view.ALSO, action=f"screen.go_to_view('{phase}', {i})")


def questions(app: Any) -> Iterable[Command]:
    """Every question that is asked now, by its words."""
    for phase in PHASES:
        for q in app.desk.session.questions(phase):
            if q.visible:
                yield Command(title=f"{TITLES[phase]}: {safe_text(q.text)}", help=f"{phase}.{q.name}", alias=q.name.replace("_", " "), action=f"screen.question('{phase}.{q.name}')")


def places(app: Any) -> list[Any]:
    """What has commands of its own under the palette: the view, its chart, its table; the start screen where there is no project."""
    screen = next((s for s in reversed(app.screen_stack) if hasattr(s, "PLACE") or hasattr(s, "page")), None)
    if screen is None:
        return []
    if hasattr(screen, "PLACE"):
        return [screen]
    view = screen.page.view if screen.page is not None else None
    if view is None:
        return []
    found: dict[str, Any] = {view.PLACE: view} if view.PLACE else {}
    for widget in sorted((w for w in view.query("*") if getattr(w, "PLACE", "")), key=lambda w: w is not screen.focused):
        if all(w.display for w in widget.ancestors_with_self if hasattr(w, "display")):
            found.setdefault(widget.PLACE, widget)
    return list(found.values())


class Commands(Provider):
    """Fuzzy search over every command; all are listed before anything is typed."""

    async def discover(self) -> Hits:
        """Everything, in the order of the key table."""
        for command in every(self.app):
            yield DiscoveryHit(command.title, self._runner(command), help=command.help)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for command in every(self.app):
            score, other = matcher.match(command.title), matcher.match(command.alias) if command.alias else 0.0
            if max(score, other) > 0:
                yield Hit(max(score, other), matcher.highlight(command.title) if score else command.title, self._runner(command), help=command.help)

    def _runner(self, command: Command) -> Any:
        async def run() -> None:
            await self.app.run_action(command.action, default_namespace=command.target)

        return run
