"""Train: can it fit the training set?"""

from typing import Any

from textual.content import Content

from phasewise.tui.pages.base import Page, Questions
from phasewise.tui.pages.finder import Finder
from phasewise.tui.pages.live import Loss, MetricChart, Rate, Watch
from phasewise.tui.say import line


class Planned(Rate):
    """The learning rate; before a training the one its schedule plans."""

    def stored(self, name: str) -> list[Any]:
        """What the schedule plans, where no run has shown more."""
        from phasewise.tui.charts.plot import Line

        found = super().stored(name)
        if found or name != "rate" or self.desk.result("split") is None:
            return found
        return [Line(name="planned", points=self.desk.session.planned_rates(), tone="key", letter="")]

    def _stored_figures(self) -> Content:
        if self.desk.result("fit") is not None or self.desk.result("split") is None:
            return super()._stored_figures()
        schedule, rate, epochs = (self.desk.answer(f"train.{n}") for n in ("schedule", "lr", "epochs"))
        return line(("planned  ", "muted"), (str(schedule or "constant").replace("_", " "), "bold"), (f"  from {rate:.2g}" if rate else "", "muted"), (f" over {epochs} epochs" if epochs else "", "muted"))


class TrainPage(Page):
    """Questions, LR finder, and the charts of the run on 3 to 6."""

    PHASE = "train"
    VIEWS = (Questions, Finder, Loss, MetricChart, Planned, Watch)

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
