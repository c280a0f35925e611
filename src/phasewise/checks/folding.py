"""Root causes swallow their consequences (checks.md 3.0), and the one line above all findings: can scores be trusted."""

from collections.abc import Sequence
from typing import Literal

from phasewise.records.findings import SEVERITY_ORDER, CheckRun, Finding

SWALLOWS: dict[str, tuple[str, ...]] = {
    "constant-column": ("near-constant", "missing-values", "id-column"),
    "id-column": ("high-cardinality", "target-leak", "time-trend", "unexpected-text", "numbers-as-text", "text-variants", "codes-as-numbers", "group-column", "extreme-values", "dates-as-text"),
    "empty-column": ("missing-values", "constant-column", "near-constant"),
    "mixed-types": ("numbers-as-text", "placeholders", "high-cardinality", "id-column", "text-variants", "odd-cells"),
    "numbers-as-text": ("high-cardinality", "id-column", "text-variants", "odd-cells", "placeholders"),
    "dates-as-text": ("high-cardinality", "id-column", "text-variants", "odd-cells"),
    "sentinel-values": ("extreme-values", "unit-mix", "impossible-values", "repeated-value"),
    "impossible-values": ("extreme-values",),
    "unit-mix": ("extreme-values",),
    "target-leak": ("post-outcome-name", "high-cardinality", "codes-as-numbers"),
    "missingness-leak": ("missing-values", "post-outcome-name", "empty-column"),
    "group-column": ("high-cardinality", "codes-as-numbers"),
    "duplicate-columns": (),
}
"""Check -> checks on the same column that it explains."""
PAIRS: dict[str, tuple[str, ...]] = {"duplicate-columns": ("correlated-columns",)}
"""Checks on column pairs: explained when the pair is a subset of the cause's columns."""
WHOLE: dict[str, tuple[str, ...]] = {
    "target-leak": ("suspiciously-perfect", "partial-leak"),
    "missingness-leak": ("suspiciously-perfect", "partial-leak"),
    "text-leak": ("suspiciously-perfect", "partial-leak"),
    "target-formula": ("suspiciously-perfect", "partial-leak"),
    "pair-leak": ("suspiciously-perfect", "partial-leak"),
    "group-column": ("tight-clusters",),
    "near-duplicates": ("tight-clusters",),
    "time-trend": ("row-neighbours",),
    "calendar-parts": ("row-neighbours", "time-trend"),
    "row-neighbours": ("tight-clusters",),
    "class-missing": ("rare-class",),
    "rare-class": ("amount",),
}
"""Checks on the whole table that a finding anywhere explains."""
EVALUATION = frozenset({
    "target-leak", "target-formula", "pair-leak", "text-leak", "missingness-leak", "partial-leak", "tight-clusters", "row-neighbours", "group-column", "groups-across-parts", "copies-across-parts", "near-copies-across-parts",
    "time-order", "time-trend", "calendar-parts", "class-missing", "suspiciously-perfect", "conflicting-labels", "duplicate-rows", "label-noise", "slice-noise",
})
"""Findings that change what a score means."""


def fold(findings: Sequence[Finding]) -> list[Finding]:
    """Findings with their consequences moved into `swallowed`; a consequence worse than its cause is kept."""
    gone: dict[str, str] = {}
    for cause in findings:
        for other in findings:
            if other.id == cause.id or other.id in gone or cause.id in gone or other.check == cause.check:
                continue
            if SEVERITY_ORDER[other.severity] < SEVERITY_ORDER[cause.severity]:
                continue
            same = bool(cause.columns) and bool(other.columns) and set(other.columns) <= set(cause.columns)
            if (
                (other.check in SWALLOWS.get(cause.check, ()) and same)
                or (other.check in PAIRS.get(cause.check, ()) and same)
                or other.check in WHOLE.get(cause.check, ())
            ):
                gone[other.id] = cause.id
    leaving = {c: f.id for f in reversed(findings) if f.check == "target-leak" and f.severity in ("warn", "block") for c in f.columns}
    # Columns that all have to go need no word about one another.
    gone |= {f.id: leaving[f.columns[0]] for f in findings if f.check in ("duplicate-columns", "correlated-columns") and len(f.columns) > 1 and set(f.columns) <= leaving.keys()}
    taken: dict[str, list[str]] = {}
    for consequence, cause in gone.items():
        taken.setdefault(cause, []).append(consequence)
    return [
        f.model_copy(update={"swallowed": sorted({*f.swallowed, *taken[f.id]})}) if f.id in taken else f
        for f in findings if f.id not in gone
    ]


def trust(findings: Sequence[Finding], coverage: Sequence[CheckRun]) -> tuple[Literal["yes", "with_reservations", "no"], str]:
    """Can a score from this data be trusted, and the finding that decides it."""
    blocks = [f for f in findings if f.severity == "block"]
    harmful = [f for f in blocks if f.check in EVALUATION]
    failed = [c.check for c in coverage if c.state == "failed"]
    unseen = f" Checks that could not run: {', '.join(failed)}." if failed else ""
    if harmful:
        return "no", f"{harmful[0].title}.{unseen}"
    doubts = blocks + [f for f in findings if f.severity == "warn" and f.check in EVALUATION]
    if doubts:
        return "with_reservations", f"{doubts[0].title}.{unseen}"
    if failed:
        return "with_reservations", unseen.strip()
    return "yes", "No check found a reason against it."
