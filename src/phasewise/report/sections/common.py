"""Helpers all sections share."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from phasewise.records.findings import Finding
from phasewise.records.results import ModelResult, Score
from phasewise.report.blocks import Block, Cell, Estimate, Paragraph, Section, Table, number, text
from phasewise.report.story import Evidence
from phasewise.report.texts import say


def missing(section_id: str, title: str, why: str = "") -> Section:
    """A section without evidence, with the reason."""
    return Section(id=section_id, title=title, missing=why or say("missing", section_id))


def findings_told(findings: Iterable[Finding]) -> list[Paragraph]:
    """One paragraph a finding, in their order; what needs an answer stands out."""
    return [text(f"{f.severity}: {f.title}. {f.seen}", tone="warn" if f.severity in ("block", "warn") else "plain") for f in findings]


def when(seconds: float | None) -> str:
    """UTC time to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC") if seconds is not None else "not known"


def score(item: Score | None) -> Cell:
    """A score with its interval."""
    return Estimate(value=item.value, low=item.low, high=item.high) if item is not None else "not measured"


def stale(evidence: Evidence) -> list[Block]:
    """A warning when an input changed after the evidence was recorded."""
    if not evidence.stale:
        return []
    return [text(say("intro", "stale", names=", ".join(evidence.stale)), tone="warn")]


def models_table(models: list[ModelResult], caption: str = "") -> Table:
    """Models with scores, cost and size, in the order given."""
    rows = tuple(
        (m.name, m.family, score(m.train), score(m.validation), number(m.seconds, unit="s"), number(m.parameters),
         number(m.size_mb, unit="MB"), number(m.latency_ms, unit="ms"))
        for m in models
    )
    return Table(columns=("model", "family", "train", "validation [95 %]", "fit time", "parameters", "size", "latency per row"), rows=rows, caption=caption)


def pairs(rows: list[tuple[str, Cell]], caption: str = "") -> Table:
    """A two-column table of facts."""
    return Table(columns=("what", "value"), rows=tuple((a, b) for a, b in rows), caption=caption)


def slug(value: str) -> str:
    """A file name made of letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:40] or "figure"


def failed_reading(evidence: list[Evidence]) -> list[Paragraph]:
    """Evidence this version cannot read is said, never dropped."""
    return [text(f"Evidence {e.run} ({e.job}): {e.unreadable}.", tone="warn") for e in evidence if e.unreadable]
