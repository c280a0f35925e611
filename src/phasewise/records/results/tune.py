"""Results of the idea loop, search, ablation, inspection and combination."""

from typing import Any, Literal

from pydantic import Field

from phasewise.records.base import OpenRecord, no_items
from phasewise.records.findings import CheckRun, Finding
from phasewise.records.results.common import ModelResult
from phasewise.records.results.train import Diagnosis


class IdeaResult(OpenRecord):
    """Paired outcome of one idea over seeds, in points of the metric, positive = better (B07)."""

    id: str
    title: str = ""
    change: dict[str, Any] = Field(default_factory=dict)
    values: list[float] = Field(default_factory=no_items)
    base: list[float] = Field(default_factory=no_items)
    gain: float
    low: float
    high: float
    bound: float | None = None
    """What the gain is at least, with 95 % (one-sided, at the level of its stage): what decides."""
    verdict: Literal["better", "worse", "noise", "broken"]
    note: str = ""
    hours: float = 0.0
    model: ModelResult | None = None


class TryIdeasResult(OpenRecord):
    """Incumbent and ideas side by side."""

    incumbent: ModelResult
    ideas: list[IdeaResult]
    seeds: list[int]
    """Seeds every idea was tried over; ideas that went on have more values than these."""
    more_seeds: list[int] = Field(default_factory=no_items)
    """Seeds of the second stage, where an idea had one."""
    evaluations: int = 0
    """How many validation evaluations this run adds to K."""
    plan: dict[str, Any] = Field(default_factory=dict)

    @property
    def trials(self) -> int:
        """Trials of the budget this took: one an idea, and one more for each that went on with more seeds."""
        return len(self.ideas) + sum(len(i.values) > len(self.seeds) for i in self.ideas)


class TrialResult(OpenRecord):
    """One trial of a search."""

    id: str
    config: dict[str, Any]
    """Flat diff against the start config."""
    value: float | None
    epochs: int
    state: Literal["finished", "halved", "diverged", "failed"]
    parameters: int | None = None


class SearchResult(OpenRecord):
    """A search with halving (T22)."""

    trials: list[TrialResult]
    best: ModelResult | None
    best_change: dict[str, Any] = Field(default_factory=dict)
    best_config: dict[str, Any] = Field(default_factory=dict)
    rung_correlation: float | None = None
    generations: list[int] = Field(default_factory=no_items)
    """Trials of each generation of a search that learned: the first at random, each other proposed from those before it."""
    evaluations: int = 0
    optimism: float | None = None
    """Expected best-of-K luck in points of the metric (E04)."""
    diagnosis: Diagnosis | None = None


class Component(OpenRecord):
    """One removal in an ablation."""

    id: str
    title: str
    drop: float
    low: float
    high: float
    p: float
    p_holm: float
    note: str = ""


class AblateResult(OpenRecord):
    """Leave-one-out and cumulative ablation (V10)."""

    full: ModelResult
    components: list[Component]
    path: list[dict[str, Any]] = Field(default_factory=no_items)
    interaction: float | None = None
    evaluations: int = 0
    prune: bool = False
    """Whether this was a prune round (I10)."""
    removed: list[str] = Field(default_factory=no_items)
    """Components of a prune round that went: taking all of them away costs nothing beyond noise."""
    pruned: ModelResult | None = None
    """The model without them, or None when nothing went."""
    note: str = ""


class SliceRow(OpenRecord):
    """One slice against the rest, with false-discovery control (V04)."""

    name: str
    rows: int
    value: float
    low: float
    high: float
    rest: float
    p: float
    q: float
    harm: float = 0.0
    """Share of rows times excess error: the ceiling gain."""
    significant: bool = False


class InspectResult(OpenRecord):
    """Automatic evaluation of one model (V14): the same JSON for the same model."""

    model: str
    metrics: dict[str, float] = Field(default_factory=dict)
    findings: list[Finding] = Field(default_factory=no_items)
    """Is the score what it seems: checks E01-E11, worst first."""
    coverage: list[CheckRun] = Field(default_factory=no_items)
    """Which of them ran, or why not."""
    slices: list[SliceRow] = Field(default_factory=no_items)
    gallery: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    """`worst`, `best`, `unsure`, `random`, `errors` (a random sample of the mistakes, to tag) -> rows with id, truth, prediction, loss, shown values."""
    confusion: dict[str, Any] = Field(default_factory=dict)
    """`labels`, `counts`."""
    calibration: dict[str, Any] = Field(default_factory=dict)
    """`bins`, `ece`, `temperature`, `ece_after`."""
    importance: list[dict[str, Any]] = Field(default_factory=no_items)
    pipeline: dict[str, Any] = Field(default_factory=dict)
    """`stages` (what each one loses), `error` (their sum), `unit`, `notes` (V09b)."""
    learning_curve: dict[str, Any] = Field(default_factory=dict)
    threshold: dict[str, Any] = Field(default_factory=dict)
    lesion: dict[str, Any] = Field(default_factory=dict)
    """`whole`, `chance`, `blocks` (each one out: value and drop), `together` (accuracy after k removals) of a picture network (X12)."""
    seconds: float = 0.0
    skipped: dict[str, str] = Field(default_factory=dict)
    """Part -> why it could not be made."""


class CombineResult(OpenRecord):
    """Ensembles against the best single model, fitted on one half of validation and judged on the other (X06)."""

    singles: list[ModelResult]
    ensembles: list[ModelResult]
    best: ModelResult
    gain: float
    low: float
    high: float
    weights: dict[str, float] = Field(default_factory=dict)
    disagreement: float | None = None
    notes: list[str] = Field(default_factory=no_items)


class PruneResult(OpenRecord):
    """Pruned against original and against the small network from scratch (X10, X11)."""

    original: ModelResult
    pruned: ModelResult
    scratch: ModelResult | None = None
    rounds: list[dict[str, Any]] = Field(default_factory=no_items)
    speed: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=no_items)
