"""What every phase is made of; a new phase is one file and one line in the registry."""

from collections.abc import Sequence
from typing import Any

from phasewise.workflow.steps import Step
from phasewise.workflow.words import GateItem, Problem, Recommendation


class Phase:
    """One phase: its steps, recommendations, gate and summary. Stateless; everything is read from the view."""

    id: str = ""
    advice_from: tuple[str, ...] = ()
    """Slots the recommendations are computed from: an accepted recommendation holds while these are the same."""
    required: tuple[str, ...] = ()
    """Fields without which the phase cannot be confirmed."""

    def steps(self) -> Sequence[Step]:
        """The phase's jobs in order."""
        return ()

    def recommend(self, view: Any) -> dict[str, Recommendation]:
        """Recommended values with reasons, as far as evidence allows; own answers are read by `view.explicit` only."""
        return {}

    def problems(self, view: Any) -> list[Problem]:
        """What is wrong with the effective answers beyond types and bounds."""
        return []

    def choices(self, view: Any, name: str) -> list[tuple[str, str]] | None:
        """Value and label of each choice of a list this phase supplies, or None when it does not know the list."""
        return None

    def next_job(self, view: Any) -> Any:
        """The next job that has no current evidence, or None when the phase has what it needs."""
        for step in self.steps():
            if step.wanted(view) and view.current(step.slot) is None:
                return step.build(view)
        return None

    def gate(self, view: Any) -> list[GateItem]:
        """The conditions of the next door."""
        return []

    def not_needed(self, view: Any) -> str:
        """Why this project does not take the phase, or an empty text."""
        return ""

    def locked_fields(self, view: Any) -> dict[str, str]:
        """Fields that may no longer be changed, with the reason."""
        return {}

    def summary(self, view: Any) -> str:
        """What the phase found, in one line."""
        return ""

    def stale(self, view: Any) -> list[str]:
        """Why evidence this phase once had no longer counts."""
        out: list[str] = []
        for step in self.steps():
            if step.wanted(view):
                found = view.evidence(step.slot)
                if found is not None and found.stale:
                    out += found.stale_because
        return list(dict.fromkeys(out))

    def started(self, view: Any) -> bool:
        """Whether any evidence of this phase exists, stale or not."""
        return any(view.facts.evidence.latest(step.slot) is not None for step in self.steps())
