"""The sections of the report in reading order; each is a function from the story to a section."""

from phasewise.report.sections.appendix import environment, overrides, reproduce, runs
from phasewise.report.sections.baseline import baselines, checkup
from phasewise.report.sections.data import data_card, findings
from phasewise.report.sections.goal import approach, goal
from phasewise.report.sections.headline import headline
from phasewise.report.sections.ideas import ablations, ideas, search
from phasewise.report.sections.split import split
from phasewise.report.sections.strengthen import ship, strengthen
from phasewise.report.sections.train import diagnosis, ladder, training
from phasewise.report.sections.verify import field, slices, verify

ORDER = (
    headline, goal, data_card, findings, split, approach, baselines, checkup, training, ladder, diagnosis, ideas, search,
    ablations, slices, strengthen, verify, field, ship, overrides, runs, reproduce, environment,
)

__all__ = ["ORDER"]
