"""The quit dialog while a run goes on; leaving it running is the default."""

from typing import Any

from phasewise.tui.numbers import eta
from phasewise.tui.screens.choose import Choose


def quit_dialog(run: Any) -> Choose:
    """Leave it running, stop after the epoch, stop now, or cancel."""
    left = eta(run.eta_low, run.eta_high)
    text = f"{run.title or run.job} is going on" + (f", {left}." if left else ".")
    choices = [
        ("leave", "Leave it running and close (come back any time)"),
        ("stop_epoch", "Stop after this epoch, keep the best weights"),
        ("stop_now", "Stop now, keep the last checkpoint"),
        ("cancel", "Cancel"),
    ]
    return Choose("Quit?", choices, text=text, selected="leave")
