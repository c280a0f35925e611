"""Approach: which solved problem is this like?"""

from phasewise.tui.desk import Desk
from phasewise.tui.pages.approach_pictures import Augmented
from phasewise.tui.pages.base import Page, Questions, View


class ApproachPage(Page):
    """One form; for pictures also what its answers about symmetries make of them."""

    PHASE = "approach"
    VIEWS = (Questions,)

    @classmethod
    def offers(cls, desk: Desk) -> tuple[type[View], ...]:
        """The form, for pictures the augmented ones too."""
        return (*cls.VIEWS, Augmented) if desk.answer("data.kind") == "images" else cls.VIEWS


PAGE = ApproachPage
