"""Results of the vault's opening, field data, predictions and exports."""

from typing import Any, Literal

from pydantic import Field

from phasewise.records.base import OpenRecord
from phasewise.records.findings import Finding
from phasewise.records.results.common import ModelResult, Score


class PairedRow(OpenRecord):
    """Candidate minus another model on the same rows, positive = candidate better."""

    name: str
    value: float
    difference: float
    low: float
    high: float
    method: str = ""


class VerifyResult(OpenRecord):
    """One look at the sealed test set: aggregates only (checks.md 7.5)."""

    test: Score
    validation: Score
    corrected: float
    """Validation corrected for best-of-K luck (E04)."""
    expected: float | None = None
    """The sealed score that was expected before the look, as it was shown then."""
    foreseen: tuple[float, float] | None = None
    """Where validation said the test score would lie with 95 %: luck taken off, the noise of both parts allowed for; fixed before the look (E01)."""
    evaluations: int
    z: float | None
    verdict: Literal["confirmed", "undecided", "disagrees", "suspiciously_better", "refuted"]
    reason: str
    looks: int
    generation: int = 1
    level: float = 0.95
    others: dict[str, float] = Field(default_factory=dict)
    paired: list[PairedRow] = Field(default_factory=list)
    confusion: dict[str, Any] = Field(default_factory=dict)
    slices: list[dict[str, Any]] = Field(default_factory=list)
    calibration: dict[str, Any] = Field(default_factory=dict)
    claim: str = ""
    target: float | None = None
    power: float | None = None
    predicted: float | None = None
    freeze: str = ""
    rows: int = 0
    manifest: str = ""
    warning: str = ""
    """Leads the report from the second look on."""
    changes: list[str] = Field(default_factory=list)
    """What changed since the look before (7.7)."""
    model: str = ""
    """The frozen candidate that was opened."""
    shrunk: float | None = None
    """From the second look on: the metric of "the best of the opened models" corrected for having picked it on these rows (7.7)."""

    @property
    def told(self) -> float:
        """The score that was expected before the look (older results: validation less luck as measured then)."""
        return self.corrected if self.expected is None else self.expected


class RenewResult(OpenRecord):
    """The table of the next generation: where it lies, how many rows go where."""

    generation: int
    file: str
    """Relative to the project, like `parts_file`."""
    parts_file: str
    rows: dict[str, int]
    """`train`, `validation` (`old_test` of them are the demoted test rows) and `test`."""
    copies: int = 0
    """Cases left out because the project has a copy."""
    unlabelled: int = 0
    reason: str = ""
    source: str = ""


class DriftRow(OpenRecord):
    """One column's drift: adjusted p, effect size, and what changed."""

    column: str
    p: float
    q: float
    effect: float
    drifted: bool
    detail: str = ""


class FieldResult(OpenRecord):
    """New data through the frozen model."""

    name: str
    file: str
    rows: int
    score: Score | None = None
    findings: list[Finding] = Field(default_factory=list)
    drift: list[DriftRow] = Field(default_factory=list)
    domain_auc: float | None = None
    domain_low: float | None = None
    overlap: int = 0
    """Rows that were in training (excluded from the score)."""
    loop: str = ""
    """Which loop to take: `none`, `collect`, `new_sets`, `reweigh`, `rethink`."""
    loop_reason: str = ""
    prior: dict[str, float] = Field(default_factory=dict)
    do_not_trust: list[str] = Field(default_factory=list)
    predictions_file: str = ""
    examples: list[dict[str, Any]] = Field(default_factory=list)
    """New rows the model is least sure of, each with the training rows most like it (E05)."""


class FeedResult(OpenRecord):
    """A batch of new labelled rows and what it did to the model in service (X14)."""

    name: str
    file: str
    sha256: str = ""
    rows: int
    fresh: int
    """Labelled rows that are in no training or validation part."""
    trained: int
    """Fresh rows that joined the training pool; the others are held to judge."""
    held: int
    findings: list[Finding] = Field(default_factory=list)
    drift: list[DriftRow] = Field(default_factory=list)
    domain_auc: float | None = None
    incumbent: str = ""
    old: PairedRow
    """Candidate minus incumbent on the old validation rows; `value` is the candidate's score."""
    new: PairedRow
    """The same on the held rows of this file (and the held rows of no other)."""
    incumbent_old: Score
    incumbent_new: Score
    promoted: bool
    reason: str
    model: ModelResult | None = None
    notes: list[str] = Field(default_factory=list)


class PredictResult(OpenRecord):
    """Where the predictions lie and what was odd about the input."""

    rows: int
    output: str
    findings: list[Finding] = Field(default_factory=list)


class ExportedFile(OpenRecord):
    """One exported artefact with its parity check."""

    format: str
    path: str
    size: int
    parity: float | None = None
    """Largest absolute difference to the original on the parity rows."""
    rows: int = 0
    ok: bool = True
    note: str = ""


class ExportResult(OpenRecord):
    """What `ship` wrote."""

    files: list[ExportedFile]
    notes: list[str] = Field(default_factory=list)
