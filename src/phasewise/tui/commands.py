"""The palette: every command of the app, from the one table of keys, plus every phase, theme and question."""

from collections.abc import Iterable
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from phasewise.records.phases import DOORS, PHASES, TITLES
from phasewise.tui.keys import KEYS, spelled
from phasewise.tui.settings import THEME_NAMES


def every(app: Any) -> Iterable[tuple[str, str, str]]:
    """(title, help, action) of every command that can be run now."""
    on_project = getattr(app, "desk", None) is not None
    mapped = app.settings.keys
    for key in KEYS:
        if key.where == "app" or (key.where == "main" and on_project):
            scope = "app." if key.where == "app" else "screen."
            yield key.title, f"{spelled(mapped.get(key.id, key.keys))}   {key.group}", scope + key.action
    for name in THEME_NAMES:
        yield f"Theme: {name}", "Help", f"app.use_theme('{name}')"
    if on_project:
        for phase in PHASES:
            yield f"Go to {TITLES[phase]}", DOORS[phase], f"screen.go_to('{phase}')"


class Commands(Provider):
    """Fuzzy search over every command; all are listed before anything is typed."""

    async def discover(self) -> Hits:
        """Everything, in the order of the key table."""
        for title, help_text, action in every(self.app):
            yield DiscoveryHit(title, self._runner(action), help=help_text)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for title, help_text, action in every(self.app):
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), self._runner(action), help=help_text)

    def _runner(self, action: str) -> Any:
        async def run() -> None:
            await self.app.run_action(action)

        return run
