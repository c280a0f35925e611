"""Opening the full-screen app."""

import gc
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from phasewise.cli.talk import say

if TYPE_CHECKING:
    from phasewise.tui.screens.start import StartModel


def start_model() -> "StartModel":
    """What the start screen offers: the demo, the templates, a project for a data file."""
    from phasewise.cli import templates
    from phasewise.tui.screens.start import StartModel

    return StartModel(demo=_demo, templates=[(t.name, f"{t.title}: {t.about}") for t in templates.every()], make=_from_template, create=_from_data)


def _demo() -> Path:
    from phasewise.cli import demo
    from phasewise.cli.places import PROJECT_FILE, data_dir

    folder = data_dir() / "demo" / f"{demo.DEFAULT}-demo"
    if not (folder / PROJECT_FILE).is_file():
        demo.create(folder, demo.DEFAULT)
    return folder.absolute()


def _from_template(name: str, folder: Path) -> Path:
    from phasewise.cli import templates
    from phasewise.workflow.session import Session

    with closing(Session.create(folder, name=folder.name)) as session:
        templates.instantiate(templates.find(name), session, with_data=True)
    return folder


def _from_data(data: Path, folder: Path) -> Path:
    from phasewise.cli.answering import inside
    from phasewise.workflow.session import Session

    with closing(Session.create(folder, name=folder.name)) as session:
        session.answers.update(inside(session, {"data": {"file": str(data.absolute())}}), source="flag")
    return folder


def open_app(folder: Path | None, *, tour: bool = False) -> int:
    """Run the app on a project, or on the start screen; what is worth knowing is printed when it ends."""
    gc.disable()  # a start makes no garbage and 200,000 objects that stay; the app turns the collector on when the first page stands
    from phasewise.tui.app import PhasewiseApp
    from phasewise.tui.settings import load
    from phasewise.tui.tour import Tour

    ended = PhasewiseApp(folder, settings=load(), start=start_model() if folder is None else None, tour=Tour() if tour else None).run()
    if ended is None:
        return 0
    if ended.text():
        say(ended.text())
    return ended.code
