"""Scores and models, the pieces every result is made of."""

from typing import Any, Literal

from pydantic import Field

from phasewise.records.base import OpenRecord, no_items

ModelRef = str
"""`<run-id>/<name>`: the folder `runs/<run-id>/models/<name>/` (card.json + artefacts), loadable as a predictor."""


class Score(OpenRecord):
    """A metric value with its 95 % interval on `n` rows (or over folds)."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    method: str = ""
    """`wilson`, `delong`, `bootstrap`, `folds`, ..."""
    folds: list[float] = Field(default_factory=no_items)

    @property
    def se(self) -> float:
        """Standard error implied by the interval's half width."""
        return (self.high - self.low) / (2 * 1.959963984540054)


class Versus(OpenRecord):
    """One model minus another on the same validation rows, row by row paired; positive = better."""

    ref: ModelRef
    name: str
    gain: float
    low: float
    high: float
    method: str = ""


class ModelResult(OpenRecord):
    """One trained model: what it is, how well it does on train and validation, where it lies."""

    ref: ModelRef
    name: str
    family: str
    """`dummy`, `linear`, `knn`, `trees`, ..., or a network family, or `ensemble`."""
    source: Literal["baseline", "network", "ensemble"] = "network"
    train: Score | None = None
    validation: Score
    others: dict[str, float] = Field(default_factory=dict)
    """Other metrics of the task on validation."""
    seconds: float = 0.0
    parameters: int | None = None
    size_mb: float | None = None
    latency_ms: float | None = None
    seed: int = 0
    threshold: float | None = None
    """Decision threshold chosen on validation (binary)."""
    config: dict[str, Any] = Field(default_factory=dict)
    versus: Versus | None = None
    """Against the best baseline, where both kept their validation predictions."""
    digest: str = ""
    """SHA-256 over the model folder's files: the frozen candidate's hash."""
