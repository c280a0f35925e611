"""The phases: one row when narrow, a column with words and the run's state when there is room."""

from textual.content import Content
from textual.events import Click
from textual.message import Message

from phasewise.records.phases import PHASES, TITLES
from phasewise.tui.marks import PHASE, glyph
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block


class PhasePicked(Message):
    """A phase was clicked."""

    def __init__(self, phase: str) -> None:
        super().__init__()
        self.phase = phase


class RailRow(Block):
    """All ten phases in one row: mark and word, the current one reversed; four letters each below 80 columns."""

    def __init__(self) -> None:
        super().__init__(id="rail-row")
        self.states: dict[str, str] = {}
        self.current = "goals"
        self._ends: list[int] = []

    def draw(self, width: int) -> Content:
        """Marks and words; words shorten until the row fits."""
        ascii_only = getattr(self.app, "ascii_only", False)
        for cut in (99, 8, 6, 4, 3):
            words = [TITLES[p][:cut] for p in PHASES]
            if sum(len(w) + 2 for w in words) - 1 <= width:
                break
        parts: list[Content] = []
        x = 0
        self._ends = []
        for phase, word in zip(PHASES, words, strict=True):
            mark = PHASE[self.states.get(phase, "locked")]
            here = phase == self.current
            text = f"{glyph(mark, ascii_only)}{word}"
            parts.append(say(text, "bold reverse key" if here else mark.tone))
            parts.append(Content(" "))
            x += len(text) + 1
            self._ends.append(x)
        return Content("").join(parts[:-1])

    def on_click(self, event: Click) -> None:
        """A click on a phase goes there."""
        for phase, end in zip(PHASES, self._ends, strict=False):
            if event.x < end:
                self.post_message(PhasePicked(phase))
                return


class RailColumn(Block):
    """The phases under each other with number, state word and what stale means."""

    def __init__(self) -> None:
        super().__init__(id="rail-column")
        self.views: dict[str, object] = {}
        self.current = "goals"
        self.below: list[Content] = []
        self._rows: list[str] = []

    def draw(self, width: int) -> Content:
        """One row a phase, then the run's state."""
        ascii_only = getattr(self.app, "ascii_only", False)
        rows: list[Content] = [Content("")]
        self._rows = [""]
        for i, phase in enumerate(PHASES):
            view = self.views.get(phase)
            mark = PHASE[getattr(view, "state", "locked")]
            here = phase == self.current
            lead = f" {glyph(mark, ascii_only)} {i + 1:>2} {TITLES[phase]}"
            room = " " * max(width - len(lead) - len(mark.word) - 1, 1)
            if here:
                rows.append(say(f"{lead}{room}{mark.word} ", "bold reverse key"))
            else:
                rows.append(line((lead, mark.tone), room, (mark.word, "muted"), " "))
            self._rows.append(phase)
        return lines([*rows, Content(""), *self.below])

    def on_click(self, event: Click) -> None:
        """A click on a phase goes there."""
        if event.y < len(self._rows) and self._rows[event.y]:
            self.post_message(PhasePicked(self._rows[event.y]))
