"""Approach: which solved problem is this like?"""

from phasewise.tui.desk import Desk
from phasewise.tui.pages.approach_pictures import Augmented
from phasewise.tui.pages.base import Page, Questions


class ApproachPage(Page):
    """One form; for pictures also what its answers about symmetries make of them."""

    PHASE = "approach"
    VIEWS = (Questions,)

    def __init__(self, desk: Desk) -> None:
        if desk.answer("data.kind") == "images":
            self.VIEWS = (*self.VIEWS, Augmented)  # type: ignore[misc]
        super().__init__(desk)


PAGE = ApproachPage
