"""Train: can it fit the training set?"""

from phasewise.tui.pages.base import Page, Questions
from phasewise.tui.pages.finder import Finder
from phasewise.tui.pages.live import Loss, MetricChart, Rate, Watch


class TrainPage(Page):
    """Questions, LR finder, and the charts of the run on 3 to 6."""

    PHASE = "train"
    VIEWS = (Questions, Finder, Loss, MetricChart, Rate, Watch)

    def opening(self) -> int:
        """The loss while or after training, the finder once it ran, else the questions."""
        if self.desk.running("train") is not None:
            return self.live_view()
        if self.desk.result("fit") is not None:
            return 2
        return 1 if self.desk.result("find_lr") is not None else 0

    def live_view(self) -> int:
        """The finder while it runs, the loss chart else."""
        run = self.desk.running("train")
        return 1 if run is not None and run.job == "find_lr" else 2


PAGE = TrainPage
