"""Approach: which solved problem is this like?"""

from phasewise.tui.pages.base import Page, Questions


class ApproachPage(Page):
    """One form."""

    PHASE = "approach"
    VIEWS = (Questions,)


PAGE = ApproachPage
