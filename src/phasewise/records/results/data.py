"""Results of profile, split and checks."""

from typing import Any, Literal

from pydantic import Field

from phasewise.records.base import OpenRecord, no_items
from phasewise.records.findings import CheckRun, Finding


class FileIdentity(OpenRecord):
    """Which file exactly: name, bytes, SHA-256, rows."""

    name: str
    size: int
    sha256: str
    rows: int = 0


class Proposal(OpenRecord):
    """A recommended value with the reason a person can judge."""

    value: str
    reason: str
    confidence: float = 1.0


class Bin(OpenRecord):
    """One bar of a small distribution: label and count."""

    label: str
    count: int


class ColumnSummary(OpenRecord):
    """One column at a glance; texts are already safe."""

    name: str
    role: str
    dtype: str
    rows: int
    missing: int
    distinct: int
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    std: float | None = None
    quantiles: list[float] = Field(default_factory=no_items)
    """5, 25, 50, 75, 95 %."""
    bars: list[Bin] = Field(default_factory=no_items)
    """Ten-bin histogram or the most frequent values."""
    reason: str = ""
    """Why this role was proposed."""


class ProfileResult(OpenRecord):
    """What the file holds; computed before the split, shown as a preview and a data card."""

    files: list[FileIdentity]
    kind: str
    rows: int
    columns: list[ColumnSummary]
    targets: list[Proposal] = Field(default_factory=no_items)
    target: str = ""
    task: str = ""
    classes: list[Bin] = Field(default_factory=no_items)
    """Class counts of the target (classification)."""
    preview: list[list[str]] = Field(default_factory=no_items)
    """First rows as safe text, columns in order; pictures have their file name after the last column."""
    notes: list[str] = Field(default_factory=no_items)
    policy: Proposal | None = None
    """Split policy recommended from the claim, group and time columns."""
    group_columns: list[str] = Field(default_factory=no_items)
    time_columns: list[str] = Field(default_factory=no_items)
    reading: dict[str, str] = Field(default_factory=dict)
    """Delimiter, encoding, quoting as found."""
    facts: dict[str, float | str] = Field(default_factory=dict)


class PartSummary(OpenRecord):
    """One part of the split, in counts only."""

    rows: int
    clusters: int = 0
    classes: dict[str, int] = Field(default_factory=dict)
    low: str | None = None
    high: str | None = None
    """Time bounds, or quantiles of the target."""


class SplitResult(OpenRecord):
    """The split as counts; row indices of train and validation lie in `splits/`, test rows in `vault/`."""

    policy: str
    seed: int
    generation: int = 1
    parts: dict[str, PartSummary]
    """`train`, `validation`, `test` (and `dropped`)."""
    folds: int = 0
    digest: str
    manifest: str = ""
    """SHA-256 of the vault manifest."""
    findings: list[Finding] = Field(default_factory=no_items)
    half_width: float | None = None
    """Expected 95 % half width of the metric on the test part."""
    smallest_gain: float | None = None
    """The smallest gain that validation can show with 80 % power."""
    notes: list[str] = Field(default_factory=no_items)
    resplits: int = 0


class LabelDoubt(OpenRecord):
    """One row of the label-review queue (D18): a development row whose label a model that never saw it contradicts."""

    row: int
    """Row number in the source file, from 0 (people see it from 1)."""
    given: str
    """Class as it stands in the file; shown through `safe_text`."""
    suggested: str
    confidence: float
    """Out-of-fold probability of the suggested label."""
    margin: float
    """Out-of-fold probability of the given label minus that of the suggested one, in [-1, 0): the sort key."""
    part: str = ""
    """`train` or `validation`; empty where every row is in both by turns (folds)."""
    cells: dict[str, str] = Field(default_factory=dict)
    """The row's cells as safe text, or what identifies a picture."""
    thumbnail: list[Any] = Field(default_factory=no_items)
    """A picture in half blocks, see `tui.widgets.picture`."""


class ChecksResult(OpenRecord):
    """All findings with the coverage line: which checks ran, were skipped, and why."""

    findings: list[Finding]
    coverage: list[CheckRun]
    trust: Literal["yes", "with_reservations", "no"]
    trust_reason: str = ""
    rows: int
    rows_looked: int
    seconds: float = 0.0
    doubts: list[LabelDoubt] | None = None
    """The label-review queue, most doubtful first; None where labels were not looked at."""
    doubts_rows: int = 0
    """Rows whose labels were judged."""
    doubts_classes: list[str] = Field(default_factory=no_items)
    """The classes a row may be relabelled to."""
    doubts_why: str = ""
    """Why labels were not looked at."""
