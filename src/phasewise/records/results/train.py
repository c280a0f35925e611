"""Results of LR finder, fit and ladder."""

from typing import Any, Literal

from pydantic import Field

from phasewise.records.base import OpenRecord, no_items
from phasewise.records.results.common import ModelResult


class Suggestion(OpenRecord):
    """One LR suggestion by name (`phasewise`, `valley`, `slide`, `steep`, `minimum`)."""

    name: str
    lr: float | None
    note: str = ""


class FinderResult(OpenRecord):
    """The LR-finder curve with band and suggestions (T01-T03)."""

    lrs: list[float]
    losses: list[float]
    """Median over sweeps, raw."""
    smooth: list[float]
    low: list[float] = Field(default_factory=no_items)
    high: list[float] = Field(default_factory=no_items)
    sweeps: int = 1
    suggestions: list[Suggestion]
    chosen: float | None
    cycle: list[float] = Field(default_factory=no_items)
    """Lowest and highest rate of a cyclic schedule (T16); empty where the curve gives none."""
    skip_start: int = 0
    skip_end: int = 0
    stopped: str = ""
    optimizer: str = ""
    notes: list[str] = Field(default_factory=no_items)
    """What else was measured at the chosen rate (V15)."""


class PreviewResult(OpenRecord):
    """Augmented pictures to look at, and whether a frozen network still recognises them (R10, R11)."""

    policy: dict[str, Any] = Field(default_factory=dict)
    said: list[str] = Field(default_factory=no_items)
    """The policy in words."""
    pictures: list[dict[str, Any]] = Field(default_factory=no_items)
    """Per row of the grid: `row`, `label`, `cells` (thumbnails: the plain picture, then its versions)."""
    versions: int = 0
    """Different versions of every picture a training sees: one an epoch (R10)."""
    strength: dict[str, Any] = Field(default_factory=dict)
    """`clean`, `augmented`, `ratio` with `low` and `high`, `limit`, `too_strong`, `parts` (ratio of each part alone), `judge`; empty where nothing could judge."""
    advice: str = ""


class Diagnosis(OpenRecord):
    """Bias, variance or optimisation failure, with numbers (V07, V08, V13)."""

    verdict: Literal["high_bias", "high_variance", "both", "optimisation_failure", "healthy"]
    reason: str
    train_error: float | None = None
    validation_error: float | None = None
    goal_error: float | None = None
    bias: float | None = None
    variance: float | None = None
    se: float | None = None
    overfitting: bool = False
    trivial_error: float | None = None


class FitResult(OpenRecord):
    """One config fitted: best model, all members, decimated curves, what the watch saw."""

    model: ModelResult
    members: list[ModelResult] = Field(default_factory=no_items)
    curves: dict[str, list[list[float]]] = Field(default_factory=dict)
    """Series name -> [[x, y], ...], at most 200 points each; full series in the run's events."""
    diagnosis: Diagnosis | None = None
    plan: dict[str, Any] = Field(default_factory=dict)
    steps: int = 0
    epochs: int = 0
    stopped: str = ""
    watch: list[dict[str, Any]] = Field(default_factory=no_items)
    """Bound violations: layer, quantity, step, value, bound."""
    fallbacks: list[str] = Field(default_factory=no_items)
    throughput: float | None = None
    """Rows per second."""
    notes: list[str] = Field(default_factory=no_items)
    """Advice, for example another optimiser (T05)."""


class RungResult(OpenRecord):
    """One rung of a ladder: before and after."""

    id: str
    title: str
    before: float
    after: float
    kept: bool
    change: dict[str, Any] = Field(default_factory=dict)
    note: str = ""


class LadderResult(OpenRecord):
    """Step-3 ladder (L03)."""

    rungs: list[RungResult]
    reached: bool
    model: ModelResult | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    advice: str = ""


class UndoneRow(OpenRecord):
    """One run of the minimal-model ladder: the metric over seeds before and after one simplification was undone."""

    id: str
    title: str
    before: list[float]
    after: list[float]
    loss: float
    """What undoing it cost, in points of the metric; positive = worse."""
    noise: float
    worse: bool


class MinimalResult(OpenRecord):
    """Minimal-model ladder (B06): where it stopped, if it did."""

    start: list[float]
    """The metric of the simplest network, per seed."""
    steps: list[UndoneRow]
    left: list[str] = Field(default_factory=no_items)
    """Simplifications that were not undone because the ladder stopped before them."""
    suspect: str = ""
    advice: str = ""
    evaluations: int = 0
