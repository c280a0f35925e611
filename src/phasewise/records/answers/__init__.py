"""The answer models of the ten phases; one declaration, five faces."""

from phasewise.records.answers.approach import ApproachAnswers
from phasewise.records.answers.ask import PhaseAnswers, ask, question_meta
from phasewise.records.answers.baseline import BaselineAnswers
from phasewise.records.answers.data import DataAnswers, Role
from phasewise.records.answers.goals import GoalsAnswers
from phasewise.records.answers.later import FieldAnswers, ShipAnswers, StrengthenAnswers, VerifyAnswers
from phasewise.records.answers.train import TrainAnswers
from phasewise.records.answers.tune import TuneAnswers

ANSWERS: dict[str, type[PhaseAnswers]] = {
    "goals": GoalsAnswers,
    "data": DataAnswers,
    "approach": ApproachAnswers,
    "baseline": BaselineAnswers,
    "train": TrainAnswers,
    "tune": TuneAnswers,
    "strengthen": StrengthenAnswers,
    "verify": VerifyAnswers,
    "field": FieldAnswers,
    "ship": ShipAnswers,
}

__all__ = [
    "ANSWERS", "ApproachAnswers", "BaselineAnswers", "DataAnswers", "FieldAnswers", "GoalsAnswers", "PhaseAnswers",
    "Role", "ShipAnswers", "StrengthenAnswers", "TrainAnswers", "TuneAnswers", "VerifyAnswers", "ask", "question_meta",
]
