"""Opening the full-screen app."""

from pathlib import Path

from phasewise.cli.talk import say


def open_app(folder: Path | None) -> int:
    """Run the app on a project, or on the start screen; what is worth knowing is printed when it ends."""
    from phasewise.tui.app import PhasewiseApp
    from phasewise.tui.settings import load

    ended = PhasewiseApp(folder, settings=load()).run()
    if ended is None:
        return 0
    if ended.text():
        say(ended.text())
    return ended.code
