"""The ten phases, one file each; a new phase is one file and one line here."""

from phasewise.workflow.phases.approach import Approach
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.phases.baseline import Baseline
from phasewise.workflow.phases.data import Data
from phasewise.workflow.phases.field import Field
from phasewise.workflow.phases.goals import Goals
from phasewise.workflow.phases.ship import Ship
from phasewise.workflow.phases.strengthen import Strengthen
from phasewise.workflow.phases.train import Train
from phasewise.workflow.phases.tune import TUNE, Tune
from phasewise.workflow.phases.verify import Verify
from phasewise.workflow.steps import Step

REGISTRY: dict[str, Phase] = {
    p.id: p for p in (Goals(), Data(), Approach(), Baseline(), Train(), Tune(), Strengthen(), Verify(), Field(), Ship())
}

STEPS: dict[str, Step] = {s.slot: s for phase in REGISTRY.values() for s in (*phase.steps(), *((TUNE,) if phase.id == "tune" else ()))}
"""Every step by its slot: the build rules that staleness is derived from."""
