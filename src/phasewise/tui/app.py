"""The Textual app: paints a frame at once, then opens the project; decides nothing itself."""

import gc
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.events import AppFocus, Event, Key, MouseDown, Paste

from phasewise.tui import guard, keys
from phasewise.tui.exit import ExitInfo
from phasewise.tui.settings import THEME_NAMES, Settings

Opener = Callable[[Path], Any]
FLOOR = 2
"""Screens that stay: the app's empty one, and the start or main screen on it."""


class PhasewiseApp(App[ExitInfo]):
    """One window. `folder` None shows the start screen; `opener` makes a session of a folder."""

    TITLE = "Phasewise"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    CSS_PATH = [Path(__file__).parent / "styles" / f"{name}.tcss" for name in ("frame", "pages", "modal")]
    BINDINGS = [*keys.bindings("app"), Binding("ctrl+c", "interrupt", "Quit", show=False, priority=True, id="interrupt")]

    def __init__(self, folder: Path | None = None, *, settings: Settings | None = None, opener: Opener | None = None, session: Any = None, start: Any = None, tour: Any = None) -> None:
        self.settings = settings or Settings()
        guard.install(ascii_only=self.settings.ascii)
        super().__init__()
        self.folder, self.opener, self.session, self.start, self.tour = folder, opener or open_session, session, start, tour
        self.desk: Any = None
        self.interrupted = False
        self.begin_theme(self.settings.theme)
        self.crash: list[str] = []

    @property
    def ascii_only(self) -> bool:
        """Whether only ASCII glyphs may be drawn."""
        return self.settings.ascii

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our style variables, for themes that are not ours."""
        from phasewise.tui.themes import DARK, variables

        return variables(DARK)

    def on_mount(self) -> None:
        """Keys, first screen; the project is opened after the first paint."""
        if not self.settings.motion:
            self.animation_level = "none"
        if self.settings.keys:
            self.set_keymap(dict(self.settings.keys))
        if self.session is not None or self.folder is not None:
            from phasewise.tui.screens.main import MainScreen

            self.push_screen(MainScreen())
        else:
            from phasewise.tui.screens.start import StartScreen

            self.push_screen(StartScreen(self.start))
            self.call_after_refresh(settle_memory)

    def pop_screen(self) -> AwaitComplete:
        """Closes the top screen, but never the start or main screen: keys typed ahead may ask a screen twice to go, the palette's too."""
        return super().pop_screen() if len(self.screen_stack) > FLOOR else AwaitComplete()

    async def open_project(self) -> None:
        """Open the session and hand it to the main screen; a project that cannot be opened ends the app with its error."""
        from phasewise.records.errors import PhasewiseError
        from phasewise.tui.desk import Desk

        try:
            if self.session is None:
                self.session = self.opener(self.folder) if self.folder is not None else None
            self.desk = Desk(self.session)
            await self.screen.open_project()  # type: ignore[attr-defined]
            self.call_after_refresh(settle_memory)
            if self.tour is not None:
                self.run_worker(self.tour.run(self), exit_on_error=True)
        except PhasewiseError as error:
            self.exit(ExitInfo(code=error.exit_code, folder=str(self.folder or ""), lines=error.lines()))

    async def on_event(self, event: Event) -> None:
        """What a person does wakes a window that rests; any key ends the tour, and does nothing else."""
        if isinstance(event, Key | MouseDown | Paste | AppFocus):
            for screen in self.screen_stack:
                if hasattr(screen, "wake"):
                    screen.wake()
        if self.tour is not None and not self.tour.over and isinstance(event, Key):
            self.tour.stop()
            self.notify("The tour is over; the project is yours.", markup=False)
            return
        await super().on_event(event)

    def begin_theme(self, name: str) -> None:
        """The first theme, in force before any style is parsed, so that nothing is parsed twice."""
        from phasewise.tui.themes import theme

        self.register_theme(theme(name))
        self.set_reactive(PhasewiseApp.theme, f"phasewise-{name}")
        self.styled_with = self.get_css_variables()
        self.stylesheet.set_variables(self.styled_with)

    def refresh_css(self, animate: bool = True) -> None:
        """Parse the styles again only when their variables changed."""
        variables = self.get_css_variables()
        if variables == self.styled_with:
            self.stylesheet.update(self, animate=animate)
            return
        self.styled_with = variables
        super().refresh_css(animate)

    def use_theme(self, name: str) -> None:
        """Switch to one of our themes."""
        from phasewise.tui.themes import theme

        full = f"phasewise-{name}"
        if full not in self.available_themes:
            self.register_theme(theme(name))
        self.theme = full

    def action_use_theme(self, name: str) -> None:
        """Switch the theme from the palette."""
        if name in THEME_NAMES:
            self.use_theme(name)

    def next_theme(self) -> None:
        """The theme after the present one."""
        now = self.theme.removeprefix("phasewise-")
        self.use_theme(THEME_NAMES[(THEME_NAMES.index(now) + 1) % len(THEME_NAMES)] if now in THEME_NAMES else "default")

    @property
    def COMMANDS(self) -> set[Any]:  # type: ignore[override]  # noqa: N802
        """The palette's providers, imported when it opens."""
        from phasewise.tui.commands import Commands

        return {Commands}

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """The screen as an SVG picture that needs no network and looks alike in every viewer."""
        from phasewise.tui.export import portable

        return portable(super().export_screenshot(title=title, simplify=simplify))

    def action_keys(self) -> None:
        """All keys."""
        from phasewise.tui.screens.keys import KeysScreen

        self.push_screen(KeysScreen(self.settings))

    async def action_interrupt(self) -> None:
        """Ctrl+C copies a selection when there is one, else asks like `q`; a second press quits."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
            self.notify("Copied.", markup=False, timeout=2)
            return
        if self.interrupted:
            self.leave(130)
            return
        self.interrupted = True
        self.set_timer(3.0, self._forget_interrupt)
        if len(self.screen_stack) <= 2:
            self.action_leave_app()

    def _forget_interrupt(self) -> None:
        self.interrupted = False

    def action_leave_app(self) -> None:
        """Quit; asks when a run goes on."""
        run = self.desk.running() if self.desk is not None else None
        if run is None:
            self.leave()
            return
        from phasewise.tui.screens.quit import quit_dialog

        self.push_screen(quit_dialog(run), self._quit_chosen)

    def _quit_chosen(self, choice: Any) -> None:
        run = self.desk.running()
        if choice in ("stop_epoch", "stop_now") and run is not None:
            self.desk.post(run.id, choice)
        if choice in ("leave", "stop_epoch", "stop_now"):
            self.leave(stopping=choice if choice != "leave" else "")

    def leave(self, code: int = 0, *, stopping: str = "") -> None:
        """End the app with what is worth printing."""
        from phasewise.tui.farewell import farewell, remember_project

        info = farewell(self.desk, self.folder, code, stopping) if self.desk is not None else ExitInfo(code=code)
        if self.desk is not None and self.folder is not None:
            remember_project(self.desk, self.folder)
        if self.session is not None and hasattr(self.session, "close"):
            self.session.close()
        self.exit(info)

    def _handle_exception(self, error: Exception) -> None:
        """An unhandled error: remember a short account, keep locals off the screen, restore the terminal."""
        from phasewise.tui.farewell import crash_log

        if not self.crash:
            self.crash = crash_log(error, self.folder)
            self._exception = error
            self._exception_event.set()
        self.exit(ExitInfo(code=1, folder=str(self.folder or ""), lines=self.crash, command=f"phasewise {shlex.quote(str(self.folder))}" if self.folder else "phasewise"))


def settle_memory() -> None:
    """What the start made stays: the collector need not look at it again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def open_session(folder: Path) -> Any:
    """The session of a project folder; imported only now, after the first paint."""
    from phasewise.workflow.session import Session

    return Session.open(folder)


def run(folder: Path | None = None, *, settings: Settings | None = None, session: Any = None, start: Any = None) -> ExitInfo:
    """Run the app in this terminal until it ends; the entry for the command line.

    `folder` None shows the start screen (`start`: a `StartModel`). Raises `UsageError` for broken user settings before
    anything is drawn. Never raises otherwise: an unhandled error comes back as `ExitInfo(code=1)` with its log path.
    """
    from phasewise.tui import settings as settings_module

    app = PhasewiseApp(folder, settings=settings or settings_module.load(), session=session, start=start)
    info = app.run()
    if info is None:
        info = ExitInfo(code=app.return_code or 0)
    return info
