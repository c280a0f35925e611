"""What all findings say together: stated against measured confidence (G04), shortcuts (G05 of the goals)."""

from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent
from phasewise.records.findings import Finding


@check("confidence", source="G04, D01", cost="free", on="summary")
def confidence(table: CheckTable, findings: list[Finding]) -> list[Finding]:
    """The trust the person stated beside what was measured: doubtful labels, contradictions, copies, empty cells."""
    stated = (table.options.get("source") or {}).get("confidence")
    if stated in (None, ""):
        raise Skip("no confidence was stated")
    by = {f.check: f for f in findings}
    noise = float(by["label-noise"].numbers.get("share", 0)) if "label-noise" in by else 0.0
    clash = float(by["conflicting-labels"].numbers.get("share", 0)) if "conflicting-labels" in by else 0.0
    copies = float(by["duplicate-rows"].numbers.get("share", 0)) if "duplicate-rows" in by else 0.0
    cells = max(1, table.rows * max(1, len(table.features)))
    empty = sum(table.facts.nulls[c] for c in table.features) / cells
    measured = 100 * (1 - noise) * (1 - clash / 2) * (1 - empty / 4)
    seen = f"Doubtful labels {percent(noise)}, contradicting rows {percent(clash)}, copies {percent(copies)}, empty cells {percent(empty)}."
    word = "lower than" if measured < float(stated) - 10 else "in line with"
    return [finding("confidence", "info", f"Measured confidence is {word} the stated {float(stated):.0f} %", seen, numbers={"stated": float(stated), "label_noise": noise, "conflicts": clash, "duplicates": copies, "missing": empty}, remedies=[remedy("note", recommended=True)])]
