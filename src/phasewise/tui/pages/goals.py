"""Goals: what success looks like, in numbers."""

from phasewise.tui.pages.base import Page, Questions


class GoalsPage(Page):
    """One form."""

    PHASE = "goals"
    VIEWS = (Questions,)


PAGE = GoalsPage
