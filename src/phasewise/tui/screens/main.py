"""The project's one screen: rail, title, page, result, actions, footer; panes at the sides when there is room."""

import asyncio
from collections.abc import Iterable
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import DescendantBlur, DescendantFocus
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from phasewise.records.phases import DOORS, PHASES, TITLES
from phasewise.tui import keys
from phasewise.tui.keyed import fitting, keyed
from phasewise.tui.marks import PHASE
from phasewise.tui.pages import page_class
from phasewise.tui.pages.base import Page, Questions
from phasewise.tui.say import say
from phasewise.tui.screens.doing import Doing
from phasewise.tui.screens.helping import Helping
from phasewise.tui.widgets.bars import ActionBar, FooterRow, Push, TitleRow, ViewStrip
from phasewise.tui.widgets.block import Block, Stack
from phasewise.tui.widgets.coach import Coach
from phasewise.tui.widgets.drawer import Drawer
from phasewise.tui.widgets.entries import Entry
from phasewise.tui.widgets.form import Form
from phasewise.tui.widgets.rail import PhasePicked, RailColumn, RailRow
from phasewise.tui.widgets.result import ResultRow, run_lines

FOOTER = [
    ("F1", "Help", "why"), ("F2", "Phases", "phases"), ("F3", "Jump", "jump"), ("F4", "Commands", "app.command_palette"),
    ("F5", "Express", "express"), ("?", "Keys", "app.keys"), ("q", "Quit", "app.leave_app"),
]


CALM = 10
"""Frames without news after which the screen looks only once a second."""


class MainScreen(Doing, Helping, Screen[None]):
    """One project. Pages are built on their first visit; the frame stands before the project is read."""

    BINDINGS = keys.bindings("main")
    AUTO_FOCUS = ""
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)  # who has the focus paints itself: no reason to paint the whole screen
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (80, "-normal"), (120, "-wide"), (150, "-broad")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (18, "-short"), (30, "-tall")]

    def __init__(self) -> None:
        super().__init__(classes=" ".join(self._sized(*self.app.size)))  # styled once: not as a screen of no size first
        self.phase = "goals"
        self.pages: dict[str, Page] = {}
        self.rail_row, self.rail_column = RailRow(), RailColumn()
        self.title_row = TitleRow()
        self.result = ResultRow()
        self.bar = ActionBar()
        self.coach = Coach()
        self.drawer = Drawer()
        self.auto: str = ""
        self.auto_seal = False
        self.calm = 0
        self.fast: Any = None
        self.slow: Any = None
        self.confirmed_as: dict[str, str] = {}
        self._moving = asyncio.Lock()

    def _sized(self, width: int, height: int) -> set[str]:
        """The classes of a window of this size, as every later size gives them."""
        return self._get_breakpoint_classes(width, self.HORIZONTAL_BREAKPOINTS) | self._get_breakpoint_classes(height, self.VERTICAL_BREAKPOINTS)

    def compose(self) -> ComposeResult:
        """The frame; no page yet."""
        yield self.rail_row
        yield self.title_row
        with Horizontal(id="middle"):
            yield self.rail_column
            with Vertical(id="centre"):
                yield Block(lambda _w: say("Opening the project ...", "muted"), id="opening")
                yield Stack(id="pages")
            yield self.coach
        yield self.drawer
        yield self.result
        yield self.bar
        yield FooterRow(FOOTER)
        yield Block(self._too_small, id="too-small")

    def _too_small(self, width: int) -> Content:
        return say(f"This window is {self.app.size.width}x{self.app.size.height}; Phasewise needs 60x18.", "bold")

    # opening ------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """The project is opened once the frame has been painted."""
        self.call_after_refresh(self.set_timer, 0.001, self.app.open_project)  # type: ignore[attr-defined]

    @property
    def desk(self) -> Any:
        """The session as the app sees it."""
        return self.app.desk  # type: ignore[attr-defined]

    async def open_project(self) -> None:
        """The session is there: show the phase to do next and follow runs that go on."""
        self.set_class(self.desk.read_only, "-read-only")
        attached = self.desk.attach()
        phase = self.desk.state().phase
        self.query_one("#opening").display = False
        await self.go(phase)
        if not self.desk.read_only and self.step.job is not None and self.step.job.kind == "profile":
            self.auto, self.auto_seal = self.phase, False
            await self.start(self.desk.session.next_job(self.phase))  # reading the file decides nothing; every recommendation rests on it
        self.fast = self.set_interval(1 / 5 if not self.app.settings.remote else 1 / 2, self.frame)  # type: ignore[attr-defined]
        self.slow = self.set_interval(1.0, self.frame, pause=True)
        self.set_interval(2.0, self.watch_lost)
        self.announce(attached)

    # moving -------------------------------------------------------------------------------------------------

    async def go(self, phase: str, view: int | None = None, *, focus: bool = True) -> None:
        """Show a phase's page; nothing is validated on the way."""
        async with self._moving:  # a key may come while a page is still being mounted
            with self.app.batch_update():  # laid out and painted once, when everything is there
                switcher = self.query_one("#pages", Stack)
                first = phase not in self.pages
                if first:
                    page = page_class(phase)(self.desk)
                    await switcher.mount(page)
                    self.pages[phase] = page
                self.phase = phase
                switcher.current = f"page-{phase}"
                page = self.pages[phase]
                if first or view is not None:
                    await page.show(view, focus=focus)
                else:
                    page.refresh_data()
                    if focus and page.view is not None:
                        page.view.focus_first()
                self.refresh_frame()

    @property
    def page(self) -> Page | None:
        """The page that is shown."""
        return self.pages.get(self.phase)

    def refresh_frame(self) -> None:
        """Rail, title, result and actions follow the project's state."""
        state = self.desk.state()
        view = self.desk.phase(self.phase)
        self.rail_row.states = {p.id: p.state for p in state.phases}
        self.rail_row.current = self.rail_column.current = self.phase
        self.rail_column.views = {p.id: p for p in state.phases}
        self.rail_row.redraw()
        mark = PHASE[view.state]
        row = self.title_row
        row.phase_title, row.state, row.tone = TITLES[self.phase], mark.word, mark.tone
        row.door = DOORS[self.phase]
        row.right = f"{self.desk.session.name}{' (read only)' if self.desk.read_only else ''}"
        row.redraw()
        self.refresh_actions()
        self.refresh_result()

    def refresh_actions(self) -> None:
        """The primary action and the keys of the shown view."""
        self.step = self.desk.primary(self.phase)
        self.label_primary()
        self.bar.primary.set_class(self.step.act == "none", "-off")
        page = self.page
        hint = page.view.hint() if page is not None and page.view is not None else ""
        self.bar.hint.show(lambda width: keyed(fitting(hint, width)))
        self.coach_for_page()

    def label_primary(self) -> None:
        """The primary action with the key that does it here: in a field that takes letters it is the function key."""
        if self.step.act == "none":
            self.bar.primary.relabel(f" {self.step.label} ")
            return
        own = self.app.settings.keys.get("primary", "n,f10").split(",")  # type: ignore[attr-defined]
        arrow = " >" if self.app.ascii_only else " \u203a"  # type: ignore[attr-defined]
        key = keys.spelled(own[-1] if isinstance(self.focused, Entry) else own[0])
        self.bar.primary.relabel(f" {self.step.label}{arrow} {key} ")

    def refresh_result(self) -> None:
        """The result row and the state of the run under the phases."""
        run = self.desk.running() or self.desk.board.runs.get(self.desk.board.current)
        self.result.show_state(self.desk, self.phase, run, self.step)
        self.rail_column.below = run_lines(run, self.app.ascii_only) if run else []  # type: ignore[attr-defined]
        self.rail_column.redraw()

    def refresh_pages(self) -> None:
        """The project changed: the shown page and the frame look again."""
        if self.page is not None:
            self.page.refresh_data()
        self.refresh_frame()

    @on(PhasePicked)
    async def _picked(self, event: PhasePicked) -> None:
        await self.go(event.phase)

    @on(ViewStrip.Picked)
    async def _view_picked(self, event: ViewStrip.Picked) -> None:
        await self.action_view(event.index)

    async def action_view(self, index: int) -> None:
        """Show a view of the page by number."""
        if self.page is not None:
            await self.page.show(index)
            self.refresh_actions()

    async def action_phase(self, by: int) -> None:
        """The phase before or after."""
        await self.go(PHASES[min(max(PHASES.index(self.phase) + by, 0), len(PHASES) - 1)])

    async def action_go_to(self, phase: str) -> None:
        """Go to a phase by id (palette)."""
        if phase in PHASES:
            await self.go(phase)

    async def action_go_to_view(self, phase: str, index: int) -> None:
        """Go to a view of a page (palette)."""
        if phase in PHASES:
            await self.go(phase, index)
            self.refresh_actions()

    async def action_back(self) -> None:
        """The phase before; never validates."""
        await self.action_phase(-1)

    def focus_next(self, selector: Any = "*") -> Any:
        """Tab from nowhere goes to the first question of the page."""
        page = self.page
        if self.focused is None and page is not None and isinstance(page.view, Questions) and page.view.form.focus_first(typing=True):
            return self.focused
        return super().focus_next(selector)

    def action_enter_page(self) -> None:
        """Enter with the focus nowhere goes where Tab would."""
        if self.focused is None:
            self.focus_next()

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _focus_moved(self) -> None:
        if self.desk is not None:
            self.call_after_refresh(self.follow_focus)

    def follow_focus(self) -> None:
        """The primary action's key and the coach fit what has the focus now."""
        self.label_primary()
        self.coach_for_page()

    def action_leave_field(self) -> None:
        """Take the focus out of a field; never quits."""
        self.set_focus(None)

    def action_pane(self, name: str) -> None:
        """Show or hide a pane."""
        shown = {"rail": self.rail_column, "coach": self.coach, "drawer": self.drawer}[name].display
        if name == "drawer":
            self.drawer.build()
        self.set_class(not shown, f"-with-{name}")
        self.set_class(bool(shown), f"-without-{name}")
        if name == "drawer" and not shown:
            self.drawer.follow(self.desk.board.runs.get(self.desk.board.current))

    # pages talk ---------------------------------------------------------------------------------------------

    @on(Form.Changed)
    def _answer_changed(self, event: Form.Changed) -> None:
        self.desk.touch()
        self.refresh_pages()

    @on(Form.Asked)
    @on(Coach.Shown)
    def _coached(self) -> None:
        if self.desk is not None:
            self.coach_for_page()

    @on(Push.Pressed)
    async def _pressed(self, event: Push.Pressed) -> None:
        if event.name == "back":
            await self.action_back()
        elif event.name == "review":
            self.action_review()
        else:
            await self.action_primary()

    # frames -------------------------------------------------------------------------------------------------

    async def frame(self) -> None:
        """One frame: take events in, redraw what is seen and dirty, go on with what was started."""
        before = self.desk.version
        touched = self.desk.poll()
        if touched:
            self.refresh_result()
            if self.page is not None:
                self.page.tick()
            self.drawer.follow(self.desk.board.runs.get(self.desk.board.current))
        elif self.page is not None:
            self.page.settle()
        if self.desk.version != before:
            self.ended(touched)
            self.refresh_pages()
            await self.go_on()
        self.pace(bool(touched) or self.desk.version != before)

    def pace(self, news: bool) -> None:
        """Five frames a second while something goes on, one while nothing does: an idle window costs next to nothing."""
        if self.slow is None:
            return  # the project is still being opened
        self.calm = 0 if news or self.desk.board.live() or self.desk.board.replaying or self.auto or self.desk.busy else self.calm + 1
        going, resting = (self.fast, self.slow) if self.calm < CALM else (self.slow, self.fast)
        resting.pause()
        going.resume()

    def wake(self) -> None:
        """A person did something: fast frames again, the first of them at once."""
        if self.calm >= CALM:
            self.pace(True)

    def watch_lost(self) -> None:
        """Say so when a run's process is gone."""
        for run in self.desk.check_lost():
            self.notify_lost(run)
            self.refresh_pages()

    def focus_targets(self) -> Iterable[Any]:
        """What jump mode offers: everything focusable that is seen."""
        return [w for w in self.focus_chain if w.region.area and self.screen.region.overlaps(w.region)]
