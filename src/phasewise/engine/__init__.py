"""The engine: populations of networks trained side by side. A library: tensors and specs in, results out."""

from phasewise.engine.data import Dataset, InputInfo
from phasewise.engine.finder_population import find_lr
from phasewise.engine.fit import fit
from phasewise.engine.member import Control, Halving, Hooks, Member, MemberResult, PopulationResult

__all__ = ["Control", "Dataset", "Halving", "Hooks", "InputInfo", "Member", "MemberResult", "PopulationResult", "find_lr", "fit"]
