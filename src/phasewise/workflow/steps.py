"""A step: one job of a phase with everything its result depends on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def always(_: Any) -> bool:
    """A step that every project takes."""
    return True


@dataclass(frozen=True, kw_only=True)
class Step:
    """One job of a phase. Its evidence is current while answers, files and upstream evidence named here are unchanged."""

    slot: str
    phase: str
    title: str
    build: Callable[[Any], Any]
    """View -> job record without `inputs`."""
    answers: tuple[str, ...] = ()
    """`phase.field` keys the result depends on."""
    evidence: tuple[str, ...] = ()
    """Slots upstream."""
    files: tuple[str, ...] = ()
    """Answer keys that name files the job reads."""
    code: tuple[str, ...] = ()
    """Answer keys that name a person's own code, where there is any: another hash makes the evidence stale (B08)."""
    extra: Callable[[Any], dict[str, str]] | None = None
    """Further fingerprints, for example of the frozen candidate."""
    wanted: Callable[[Any], bool] = always
    """Whether this project needs the step."""
    settle: Callable[[Any, Any], dict[str, Any]] | None = None
    """Job and result -> answer values that the job itself found (a proposed target); they replace the asked ones in the evidence."""
