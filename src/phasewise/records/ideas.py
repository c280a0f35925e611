"""An idea of the backlog: estimates, a locked prediction, an outcome (I01-I10)."""

from typing import Any, Literal

from pydantic import Field

from phasewise.records.base import Record, no_items

IdeaStatus = Literal["new", "ready", "running", "worked", "no_gain", "broken", "dropped"]


class Estimates(Record):
    """The four estimates of I03; hours, 1-5, metric points, probability."""

    hours: float | None = Field(None, gt=0)
    complexity: int | None = Field(None, ge=1, le=5)
    impact: float | None = None
    likelihood: float | None = Field(None, ge=0, le=1)


GUESSED = "the backlog's own estimate"


class Prediction(Record):
    """What is expected, stored before the run and locked (G07, I08): gain with an 80 % range and P(success)."""

    gain: float
    low: float
    high: float
    success: float = Field(0.15, ge=0, le=1)
    why: str = ""
    """`GUESSED` where nobody predicted and the backlog's estimate was locked instead."""
    locked_at: float | None = None
    digest: str = ""

    @property
    def guessed(self) -> bool:
        """Whether nobody said this: it is the backlog's estimate, never to be told as a person's."""
        return self.why == GUESSED


class Outcome(Record):
    """What the runs said: paired gain over seeds with its 95 % interval, and the decision."""

    gain: float
    low: float
    high: float
    seeds: int
    adopted: bool
    reason: str
    runs: list[str] = Field(default_factory=no_items)
    hours: float | None = None


class Idea(Record):
    """One line of the backlog."""

    id: str
    title: str
    category: str
    """Technique family: `regularise`, `architecture`, `optimise`, `data`, `features`, `ensemble`, `loss`, `other`."""
    source: str = ""
    """Requirement row or paper."""
    change: dict[str, Any] = Field(default_factory=dict)
    """Config diff against the incumbent, `{"dropout": 0.25}`; exactly one key for ablation-grade ideas (V10)."""
    status: IdeaStatus = "new"
    estimates: Estimates = Estimates()
    second: Estimates | None = None
    """A blind second opinion (I05)."""
    prediction: Prediction | None = None
    outcome: Outcome | None = None
    why: str = ""

    @property
    def predicted(self) -> Prediction | None:
        """What a person predicted, or None."""
        return None if self.prediction is None or self.prediction.guessed else self.prediction
