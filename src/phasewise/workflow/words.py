"""Small records the workflow hands to faces."""

from dataclasses import dataclass
from typing import Any, Literal

Source = Literal["typed", "flag", "file", "recommended", "default"]
"""Where an effective value comes from, strongest first."""


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """A recommended value with the reason a person can judge."""

    value: Any
    reason: str


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that keeps a phase from being confirmed."""

    phase: str
    field: str
    message: str
    remedy: str = ""

    @property
    def key(self) -> str:
        """`phase.field`, as flags and the answers file spell it."""
        return f"{self.phase}.{self.field}"


@dataclass(frozen=True, kw_only=True)
class GateItem:
    """One condition for the next door; `ok` counts an override as passed."""

    id: str
    ok: bool
    text: str
    overridable: bool = True
    overridden: str = ""
    """The written reason, when somebody overrode it."""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class PhaseView:
    """One phase as derived from answers and evidence."""

    id: str
    state: Literal["locked", "ready", "running", "done", "stale", "skipped"]
    summary: str = ""
    stale_because: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    why_locked: str = ""


@dataclass(frozen=True, kw_only=True)
class ProjectState:
    """All phases and the one to do next."""

    phase: str
    phases: tuple[PhaseView, ...]

    def __getitem__(self, phase: str) -> PhaseView:
        return next(p for p in self.phases if p.id == phase)
