"""The start screen: new, open, demo, templates, and the projects used lately."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen

from phasewise.records.errors import PhasewiseError
from phasewise.records.phases import TITLES
from phasewise.records.text import safe_text
from phasewise.tui import keys, recent
from phasewise.tui.keyed import presses
from phasewise.tui.marks import PHASE, glyph
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.bars import FooterRow
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Column, Table


@dataclass(frozen=True, kw_only=True)
class StartModel:
    """What the start screen can do; the command line fills it in."""

    demo: Callable[[], Path] | None = None
    """Makes the demo project, returns its folder."""
    templates: list[tuple[str, str]] = field(default_factory=list)
    """Template id and title."""
    make: Callable[[str, Path], Path] | None = None
    """Makes a project of a template in a folder."""
    create: Callable[[Path, Path], Path] | None = None
    """Makes a project folder for a data file; None: the session does it."""
    projects: list[recent.Recent] | None = None


FOOTER = [("n", "New", "screen.new"), ("o", "Open", "screen.open"), ("d", "Demo", "screen.demo"), ("t", "Templates", "screen.templates"), ("F4", "Commands", "app.command_palette"), ("?", "Keys", "app.keys"), ("q", "Quit", "app.leave_app")]


COMMON = frozenset({"train", "training", "data", "dataset", "table", "export", "input"})
"""File names that say nothing; the folder's name does (titanic/train.csv)."""


def project_name(data: Path) -> str:
    """A name for a project from its data file's, without characters a folder should not have."""
    stem, folder = (re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") for name in (data.name.split(".")[0], data.resolve().parent.name))
    return (folder if stem.lower() in COMMON and folder else stem) or "project"


class StartScreen(Screen[None]):
    """Where a person without a project in this folder begins."""

    PLACE = "start"
    BINDINGS = keys.bindings(PLACE)
    AUTO_FOCUS = "Table"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (80, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (18, "-short"), (30, "-tall")]

    def __init__(self, model: StartModel | None = None) -> None:
        super().__init__()
        self.model = model or StartModel()
        self.projects = recent.load() if self.model.projects is None else self.model.projects

    def compose(self) -> ComposeResult:
        """Words, actions, resume table, footer."""
        with Vertical(id="start-box"):
            yield Block(self._words, id="start-words")
            self.table = Table(
                [Column(title="project", least=10), Column(title="phase", width=10), Column(title="state", width=10), Column(title="best", drop=3, least=10), Column(title="last used", width=12, drop=1), Column(title="folder", flex=2, drop=2)],
                title="projects", empty="No project yet: press n and choose a data file.",
            )
            yield self.table
        hidden = {"screen.demo"} if self.model.demo is None else set()
        hidden |= {"screen.templates"} if not self.model.templates else set()
        yield FooterRow([k for k in FOOTER if k[2] not in hidden])
        yield Block(lambda _w: say(f"This window is {self.app.size.width}x{self.app.size.height}; Phasewise needs 60x18.", "bold"), id="too-small")

    def on_mount(self) -> None:
        """Fill the resume table."""
        ascii_only = getattr(self.app, "ascii_only", False)
        rows = []
        for r in self.projects:
            mark = PHASE.get(r.state, PHASE["ready"])
            rows.append([(r.name, "bold"), TITLES.get(r.phase, r.phase), (f"{glyph(mark, ascii_only)} {mark.word}", mark.tone), (r.best, "muted"), (recent.ago(r.t), "muted"), (r.path, "muted")])
        self.table.fill(rows)

    def _words(self, width: int) -> Content:
        rows = [
            line(("Phasewise", "bold key"), ("   from your data to how well it works, with the proof", "muted")), say(""),
            presses(line(("  n  ", "bold key"), "New project from a data file", ("   CSV or Parquet, also compressed", "muted")), "n"),
            presses(line(("  o  ", "bold key"), "Open a project folder"), "o"),
        ]
        if self.model.demo:
            rows.append(presses(line(("  d  ", "bold key"), "Demo project", ("   data that comes with scikit-learn, no download", "muted")), "d"))
        if self.model.templates:
            rows.append(presses(line(("  t  ", "bold key"), "New project from a template"), "t"))
        return lines([*rows, say(""), say("Resume", "bold")])

    @on(Table.Chosen)
    async def _resume(self, event: Table.Chosen) -> None:
        await self.begin(Path(self.projects[event.row].path))

    async def begin(self, folder: Path) -> None:
        """Open a project folder on the main screen."""
        from phasewise.tui.screens.main import MainScreen

        self.app.folder = folder  # type: ignore[attr-defined]
        await self.app.switch_screen(MainScreen())

    async def attempt(self, make: Callable[[], Path]) -> None:
        """Make a project and open it; an error is shown here."""
        try:
            folder = make()
        except PhasewiseError as e:
            self.notify("\n".join(p for p in (e.cause, e.remedy) if p), title=e.title, severity="error", timeout=12, markup=False)
            return
        await self.begin(folder)

    def action_new(self) -> None:
        """Choose a data file, then make a project beside it."""
        from phasewise.tui.screens.files import FilePicker

        async def take(path: Path | None) -> None:
            if path is not None:
                await self.attempt(lambda: self._create(path))

        self.app.push_screen(FilePicker(Path.cwd()), take)

    def _create(self, data: Path) -> Path:
        stem = project_name(data)
        folder = next(p for i in range(1000) if not (p := Path.cwd() / f"{stem}-project{f'-{i}' if i else ''}").exists())
        if self.model.create is not None:
            return self.model.create(data, folder)
        from phasewise.workflow.session import Session

        Session.create(folder, answers={"data": {"file": str(data)}}, name=stem).close()
        return folder

    def action_open(self) -> None:
        """Choose a project folder."""
        from phasewise.tui.screens.files import PROJECT, FilePicker

        async def take(path: Path | None) -> None:
            if path is not None and not (path / PROJECT).is_file():
                self.notify(f"There is no {PROJECT} in it. Choose the folder of a project, or n for a new one.", title=f"{safe_text(path.name, 60)} is no project", severity="error", timeout=8, markup=False)
            elif path is not None:
                await self.begin(path)

        self.app.push_screen(FilePicker(Path.cwd(), folders=True), take)

    async def action_demo(self) -> None:
        """Make and open the demo project."""
        if self.model.demo is not None:
            await self.attempt(self.model.demo)

    def action_templates(self) -> None:
        """Choose a template, then make a project of it."""
        from phasewise.tui.screens.choose import Choose

        async def take(name: Any) -> None:
            make = self.model.make
            if name and make is not None:
                folder = next(p for i in range(1000) if not (p := Path.cwd() / f"{name}{f'-{i}' if i else ''}").exists())
                await self.attempt(lambda: make(name, folder))

        if self.model.templates:
            self.app.push_screen(Choose("New project from a template", list(self.model.templates)), take)
