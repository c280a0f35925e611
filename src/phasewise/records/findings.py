"""A finding: what a check saw, how bad it is, and what one key can do about it."""

from typing import Any, Literal

from pydantic import Field

from phasewise.records.base import Record, canonical_json, no_items

Severity = Literal["block", "warn", "info", "pass"]
SEVERITY_ORDER: dict[str, int] = {"block": 0, "warn": 1, "info": 2, "pass": 3}


class Remedy(Record):
    """One action that answers a finding: a one-key press in the app, `--remedy FINDING=ACTION` headless."""

    action: str
    """Kebab-case verb, for example `drop-column`, `drop-rows`, `keep-together`, `as-category`, `accept`."""
    title: str
    effect: str = ""
    """What will be different afterwards, in one sentence."""
    recommended: bool = False
    args: dict[str, Any] = Field(default_factory=dict)

    @property
    def spelled(self) -> str:
        """How a view stores this remedy: `action`, or `action?{json}` with what the check learned."""
        return self.action + (f"?{canonical_json(self.args).decode()}" if self.args else "")


class Finding(Record):
    """The result of one check on one place; `id` is `<check-id>` or `<check-id>:<column>`, stable across runs."""

    id: str
    check: str
    """Stable kebab-case id of the check (checks.md row in `source`)."""
    severity: Severity
    title: str
    seen: str = ""
    """The numbers seen, as a sentence."""
    why: str = ""
    why_fine: str = ""
    """Why this may be fine."""
    columns: list[str] = Field(default_factory=no_items)
    rows: int | None = None
    """How many rows are touched."""
    examples: list[str] = Field(default_factory=no_items)
    """At most five example rows, values or files, already safe text."""
    thumbnails: list[Any] = Field(default_factory=no_items)
    """Small pictures of the first examples, where examples are pictures: rows of (upper colour, lower colour) cells."""
    harm: float = 0.0
    """Measured or estimated effect on the score (points of the metric), the sort key within a severity."""
    numbers: dict[str, Any] = Field(default_factory=dict)
    remedies: list[Remedy] = Field(default_factory=no_items)
    source: str = ""
    swallowed: list[str] = Field(default_factory=no_items)
    """Ids of findings that are consequences of this one (root-cause folding)."""

    def recommended(self) -> Remedy | None:
        """The remedy `--yes` takes, or none."""
        return next((r for r in self.remedies if r.recommended), None)


class CheckRun(Record):
    """One line of the coverage list: which check ran, on how many rows, or why it did not."""

    check: str
    state: Literal["ran", "skipped", "failed"]
    why: str = ""
    rows: int = 0
    of_rows: int = 0
    seconds: float = 0.0
