"""The result row: how far the run is, or what the phase found, or what is missing."""

from typing import Any

from textual.content import Content

from phasewise.tui.charts.bars import progress
from phasewise.tui.marks import RUN, glyph
from phasewise.tui.numbers import duration, eta, number
from phasewise.tui.say import because, line, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import fit


class ResultRow(Block):
    """One row (two when there is room)."""

    def __init__(self) -> None:
        super().__init__(id="result-row")
        self.content: Any = lambda _width: Content("")

    def show_state(self, desk: Any, phase: str, run: Any, step: Any) -> None:
        """What matters now: the run that goes on, a stale reason, the summary, or the reason of the step."""
        view = desk.phase(phase)
        ascii_only = getattr(self.app, "ascii_only", False)
        if run is not None and run.state in ("running", "paused", "queued", "lost"):
            self.show(lambda width: run_row(run, width, ascii_only))
        elif view.state == "stale":
            self.show(line(("stale ", "bold warn"), ("because " + because(view.stale_because), "ink")))
        elif step.message:
            self.show(line(("next  ", "muted"), step.message))
        elif view.summary:
            self.show(line(("result  " if view.state == "done" else "so far  ", "muted"), view.summary))
        else:
            self.show(Content(""))


def short_title(title: str, width: int) -> str:
    """A run's title within so many cells."""
    return title if len(title) <= width else fit(title, max(width, 12))


def run_row(run: Any, width: int, ascii_only: bool) -> Content:
    """Mark, title, bar, percent and the ETA range of a run."""
    mark = RUN[run.state]
    share = f"{100 * run.done / run.total:.0f} %" if run.total else ""
    left = eta(run.eta_low, run.eta_high) if run.state == "running" else ""
    title = short_title(run.title or run.job or run.id, width - len(share) - len(left) - len(mark.word) - 14)  # how far it is matters more than all its words
    room = max(width - len(title) - len(share) - len(left) - len(mark.word) - 8, 0)
    picture = progress(run.done, run.total, min(room, 40), ascii_only=ascii_only) if run.total and room > 4 else ""
    help_text = "its process is gone: n goes on from the last checkpoint" if run.state == "lost" else ""
    return line((f"{glyph(mark, ascii_only)} {mark.word} ", f"bold {mark.tone}"), (title, "ink"), "  ", (picture, "key"), " ", (share, "bold ink"), "  ", (left or help_text, "muted"))


def run_lines(run: Any, ascii_only: bool) -> list[Content]:
    """The run under the phase column."""
    mark = RUN[run.state]
    rows = [line((f" {glyph(mark, ascii_only)} {mark.word}", f"bold {mark.tone}")), say(f"   {short_title(run.title or run.job, 60)}", "ink")]
    if run.total and run.state in ("running", "paused"):
        rows.append(line(("   " + progress(run.done, run.total, 14, ascii_only=ascii_only), "key"), f" {100 * run.done / run.total:.0f} %"))
        rows.append(say(f"   {eta(run.eta_low, run.eta_high)}", "muted"))
    if run.epoch:
        rows.append(say(f"   epoch {run.epoch}, step {run.step:,}", "muted"))
    if run.memory_mb:
        rows.append(say(f"   {number(round(run.memory_mb))} MB", "muted"))
    if run.seconds:
        rows.append(say(f"   {duration(run.seconds)}", "muted"))
    return rows
