"""Data: is it fit for the goal?"""

from phasewise.tui.pages.base import Page, Questions
from phasewise.tui.pages.data_labels import Labels
from phasewise.tui.pages.data_split import Split
from phasewise.tui.pages.data_table import Columns, Preview
from phasewise.tui.pages.findings import Findings


class DataPage(Page):
    """Questions, the file, its columns, the split, the findings, the labels under review."""

    PHASE = "data"
    VIEWS = (Questions, Preview, Columns, Split, Findings, Labels)

    def opening(self) -> int:
        """Findings once there are some, the columns once the file was read, else the questions."""
        if self.desk.result("checks") is not None:
            return 4
        if self.desk.result("split") is not None:
            return 3
        return 2 if self.desk.result("profile") is not None else 0


PAGE = DataPage
