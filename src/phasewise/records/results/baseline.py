"""Results of baselines and check-up."""

from typing import Any, Literal

from pydantic import Field

from phasewise.records.base import OpenRecord, no_items
from phasewise.records.results.common import ModelResult


class NeedVerdict(OpenRecord):
    """Is deep learning needed? `no` closes the door to networks unless a reason is written (G01)."""

    verdict: Literal["no", "maybe", "yes"]
    reason: str
    best: str = ""
    """Model reference of the best baseline."""
    gap: float | None = None
    """Goal minus best baseline in the direction of better."""
    numbers: dict[str, float | str | None] = Field(default_factory=dict)


class BaselinesResult(OpenRecord):
    """Leaderboard, best first."""

    models: list[ModelResult]
    need: NeedVerdict
    skipped: dict[str, str] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=no_items)
    luck_correlation: float | None = None
    """How much of their luck on the validation rows the models share (E04); None with fewer than three."""


class CheckVerdict(OpenRecord):
    """One line of the network check-up."""

    id: str
    verdict: Literal["pass", "warn", "fail"]
    title: str = ""
    detail: str = ""
    numbers: dict[str, Any] = Field(default_factory=dict)
    seconds: float = 0.0


class StageTime(OpenRecord):
    """One stage of the check-up: how many checks or runs it was, what it cost, and how it ended (B08)."""

    stage: str
    checks: int
    seconds: float
    state: Literal["green", "red", "open"] = "green"


class CheckupResult(OpenRecord):
    """Verdicts cheapest first; `locked` names stages not run because an earlier one failed (B08)."""

    verdicts: list[CheckVerdict]
    shapes: list[dict[str, Any]] = Field(default_factory=no_items)
    """Trace table: module, input shape, output shape, parameters, dtype (B04)."""
    parameters: int = 0
    subset: int | None = None
    locked: list[str] = Field(default_factory=no_items)
    stages: list[StageTime] = Field(default_factory=no_items)
    """Time and colour of every stage that ran, cheapest first; later stages wait for earlier ones."""
    smallest: ModelResult | None = None
