"""Tune: does it generalise to validation?"""

from phasewise.tui.pages.base import Page, Questions
from phasewise.tui.pages.tune_ablation import Ablation
from phasewise.tui.pages.tune_diagnosis import Diagnosis
from phasewise.tui.pages.tune_errors import Errors
from phasewise.tui.pages.tune_ideas import Ideas
from phasewise.tui.pages.tune_live import Population


class TunePage(Page):
    """Questions, diagnosis, ideas, population, ablation, errors."""

    PHASE = "tune"
    VIEWS = (Questions, Diagnosis, Ideas, Population, Ablation, Errors)

    def opening(self) -> int:
        """The population while it runs, else the diagnosis."""
        if self.desk.running("tune") is not None:
            return 3
        return 1 if self.desk.result("fit") is not None else 0

    def live_view(self) -> int:
        """The population."""
        return 3


PAGE = TunePage
