"""Phase 6: does it generalise to validation?"""

from typing import Literal

from phasewise.records.answers.ask import PhaseAnswers, ask


class TuneAnswers(PhaseAnswers):
    """Diagnosis, backlog, ladders, random search, ablations, slices (R01-R23, I01-I11, V04-V10 V13)."""

    mode: Literal["autopilot", "by_hand"] = ask("autopilot", order=1)
    budget_trials: int | None = ask(None, ge=0, le=100_000, flag="--budget-trials", order=2)
    search: Literal["learned", "random", "sequential", "layers"] = ask("random", order=3)
    halving: bool = ask(True, order=4, advanced=True)
    seeds: int = ask(5, ge=3, le=64, order=5, advanced=True)
    more_seeds: int = ask(3, ge=0, le=64, order=6, advanced=True)
    ladder: Literal["cheapest_first", "step4", "overfitting"] = ask("cheapest_first", order=7, advanced=True)
    order: Literal["simplest_first", "score"] = ask("simplest_first", order=8, advanced=True)
    margin: float = ask(0.0, ge=0, order=9, advanced=True)
    expert_space: bool = ask(False, order=10, advanced=True)
    inspect: bool = ask(True, order=11, advanced=True)
