"""Pictures as the augmentation shows them to the network: five by five, before anything is trained (R10, R11)."""

from collections.abc import Sequence
from typing import Any

from textual.app import ComposeResult
from textual.content import Content

from phasewise.tui import keys
from phasewise.tui.pages.base import View
from phasewise.tui.pages.shared import stale_note, verdict
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.picture import picture

GAP = 2
LEAST = 6


def shrunk(cells: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """A thumbnail of at most `width` cells, every so manieth cell and row of it taken."""
    wide = len(cells[0]) if cells else 0
    if wide <= width or not wide:
        return [list(row) for row in cells]
    high = max(1, round(len(cells) * width / wide))
    return [[cells[r * len(cells) // high][c * wide // width] for c in range(width)] for r in range(high)]


def row_of(cells: Sequence[Any], width: int, *, ascii_only: bool) -> Content:
    """Thumbnails side by side in `width` columns."""
    each = max(LEAST, (width - GAP * (len(cells) - 1)) // max(len(cells), 1))
    blocks = [picture(shrunk(cell, each), ascii_only=ascii_only) for cell in cells]
    return lines([Content(" " * GAP).join(parts) for parts in zip(*blocks, strict=False)])


class Augmented(View):
    """The grid, the policy in words, and what a network that saw no augmentation makes of it."""

    TITLE = "Augmented"
    HINT = "a draw"
    PLACE = "augmented"
    BINDINGS = keys.bindings(PLACE)

    def compose(self) -> ComposeResult:
        """Words, then pictures."""
        self.head = Block(classes="banner")
        self.grid = Block(self._grid, classes="section")
        self.grid.can_focus = True
        yield self.head
        yield self.grid

    def load(self) -> None:
        evidence = self.desk.evidence("preview")
        found = evidence.result if evidence else None
        if found is None:
            self.head.show(say("a draws five training pictures, each as it is and in four versions of the augmentation, and asks a network that saw none whether they are still recognised.", "muted"))
        else:
            strong = bool(found.strength.get("too_strong"))
            mark, word = ("warn", "may be too strong") if strong else ("pass", "keeps the content") if found.strength else ("info", "not judged by a network")
            self.head.set_class(strong, "-warn")
            self.head.show(lines([r for r in (
                line(("augmentation  ", "muted"), ("; ".join(found.said) or "none", "ink")), verdict(mark, word, found.advice, ascii_only=self.ascii_only),
                say(f"First column: as it is. A training shows {found.versions} versions of each.", "muted") if found.pictures else Content(""), stale_note(evidence),
            ) if r.plain]))
        self.grid.redraw()

    def _grid(self, width: int) -> Content:
        found = self.desk.result("preview")
        if found is None:
            return Content("")
        parts: list[Content] = []
        for one in found.pictures:
            parts += [say(one["label"], "muted"), row_of(one["cells"], width, ascii_only=self.ascii_only), Content("")]
        return lines(parts)

    def action_draw(self) -> None:
        """Draw the grid for the answers as they are."""
        from phasewise.workflow import previewing

        self.begin(previewing.job)

    def has_data(self) -> bool:
        return self.desk.result("preview") is not None
