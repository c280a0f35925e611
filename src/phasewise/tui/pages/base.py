"""What every page is made of: a strip of views, the shown one loaded from the desk, the rest when visited."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widget import Widget

from phasewise.records.errors import PhasewiseError
from phasewise.tui.desk import Desk
from phasewise.tui.widgets.bars import ViewStrip
from phasewise.tui.widgets.block import Stack
from phasewise.tui.widgets.form import Form
from phasewise.tui.widgets.table import Table


class View(VerticalScroll, can_focus=False):
    """One view of a page. `load` shows what the desk knows; `tick` is called a few times a second while it is seen."""

    TITLE: ClassVar[str] = ""
    PLACE: ClassVar[str] = ""
    """Where its own keys stand in the table of keys; an empty text when it has none."""
    ALSO: ClassVar[str] = ""
    """Other words the palette finds it by."""
    HINT: ClassVar[str] = ""
    """Keys of this view, shown in the action bar."""

    def __init__(self, desk: Desk, phase: str) -> None:
        super().__init__(classes="view")
        self.desk, self.phase = desk, phase
        self.version = -1

    @property
    def ascii_only(self) -> bool:
        """Whether only ASCII glyphs may be drawn."""
        return bool(getattr(self.app, "ascii_only", False))

    def load(self) -> None:
        """Show the present state of the project."""

    def hint(self) -> str:
        """The keys that do something here now."""
        return self.HINT

    def tick(self) -> None:
        """A frame of live work."""

    def settle(self) -> None:
        """A frame without news: what was left over from the last one."""

    def has_data(self) -> bool:
        """Whether there is something to see."""
        return True

    def begin(self, make: Callable[[Any], Any]) -> None:
        """Start the job that `make(session)` gives, or show why there is none."""

        async def start() -> None:
            try:
                job = make(self.desk.session)
            except PhasewiseError as error:
                self.screen.fail(error)  # type: ignore[attr-defined]
                return
            await self.screen.start(job)  # type: ignore[attr-defined]

        self.run_worker(start(), exclusive=True)

    def focus_first(self) -> None:
        """Put the focus where the keys of this view work."""
        for widget in self.query(Table):
            if widget.display:
                widget.focus(scroll_visible=False)
                return
        for widget in self.query("*"):
            if widget.focusable:
                widget.focus(scroll_visible=False)
                return


class Questions(View):
    """The form of a phase."""

    TITLE = "Questions"
    HINT = "F1 why"
    SKIP: ClassVar[tuple[str, ...]] = ()

    def compose(self) -> ComposeResult:
        """The form fills the view."""
        self.form = Form(self.desk.session, self.phase, ascii_only=self.ascii_only, skip=self.SKIP)
        yield self.form

    def load(self) -> None:
        self.form.sync()

    def focus_first(self) -> None:
        """A question that is chosen gets the focus; one that is typed waits for Tab, so that the page's keys work on arrival."""
        if not self.form.focus_first():
            self.screen.set_focus(None)


@dataclass(frozen=True)
class Spot:
    """Where a page opens: the view for a state of the phase."""

    index: int = 0


class Page(Vertical):
    """A phase's page: its views; the first is the form unless the page says otherwise."""

    PHASE: ClassVar[str] = ""
    VIEWS: ClassVar[tuple[type[View], ...]] = (Questions,)
    virtual_size: Reactive[Size] = Reactive(Size(0, 0))  # a page never scrolls: its views do

    def __init__(self, desk: Desk) -> None:
        super().__init__(id=f"page-{self.PHASE}", classes="page")
        self.desk = desk
        self.VIEWS = self.offers(desk)  # type: ignore[misc]
        self.views: dict[int, View] = {}
        self.current = 0
        self.strip = ViewStrip([v.TITLE for v in self.VIEWS])
        self.switcher = Stack(classes="views")

    @classmethod
    def offers(cls, desk: Desk) -> tuple[type[View], ...]:
        """The views of this page on this project."""
        return cls.VIEWS

    def compose(self) -> ComposeResult:
        """Strip and switcher; a page with one view has no strip."""
        self.strip.display = len(self.VIEWS) > 1
        yield self.strip
        yield self.switcher

    def opening(self) -> int:
        """The view to open with."""
        return 0

    async def show(self, index: int | None = None, *, focus: bool = True) -> None:
        """Show a view, building it on the first visit."""
        index = self.opening() if index is None else index
        if not 0 <= index < len(self.VIEWS):
            return
        self.current = index
        if index not in self.views:
            view = self.VIEWS[index](self.desk, self.PHASE)
            view.id = f"view-{self.PHASE}-{index}"
            self.views[index] = view
            await self.switcher.mount(view)
        self.switcher.current = f"view-{self.PHASE}-{index}"
        self.strip.current = index
        self.refresh_data()
        if focus:
            self.views[index].focus_first()

    async def show_named(self, title: str) -> None:
        """Show the view with a title, where this page has one."""
        await self.show(next((i for i, v in enumerate(self.VIEWS) if v.TITLE == title), self.current))

    @property
    def view(self) -> View | None:
        """The view that is shown."""
        return self.views.get(self.current)

    def refresh_data(self) -> None:
        """Load the shown view if the project changed since it was last loaded."""
        view = self.view
        if view is not None and view.version != self.desk.version and view.is_mounted:
            view.version = self.desk.version
            view.load()
        self.strip.redraw()

    def tick(self) -> None:
        """A frame for the shown view."""
        if self.view is not None and self.view.is_mounted:
            self.view.tick()

    def settle(self) -> None:
        """A frame without news."""
        if self.view is not None and self.view.is_mounted:
            self.view.settle()

    @property
    def form(self) -> Form | None:
        """The form of this page when it was built."""
        return next((v.form for v in self.views.values() if isinstance(v, Questions) and v.is_mounted), None)

    def question_view(self) -> int:
        """The index of the form's view, or -1."""
        return next((i for i, v in enumerate(self.VIEWS) if issubclass(v, Questions)), -1)

    def live_view(self) -> int:
        """The view that shows a running job of this phase, or -1."""
        return -1


def exportable(view: Widget) -> list[Any]:
    """The tables and charts of a view that are seen, the focused one first."""
    found = [w for w in view.query("*") if hasattr(w, "grid") and w.display]
    return sorted(found, key=lambda w: not w.has_focus)


Draw = Callable[[int], Any]
