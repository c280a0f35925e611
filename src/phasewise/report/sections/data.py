"""The data card, and every finding with what was done about it."""

from phasewise.records.findings import SEVERITY_ORDER
from phasewise.report.blocks import Block, Cell, Figure, Section, Table, number, text
from phasewise.report.charts import bars
from phasewise.report.sections.common import missing, pairs, stale
from phasewise.report.story import Story


def data_card(story: Story) -> Section:
    """Files, columns, target and what the person said about the source (D01)."""
    evidence = story.last("profile")
    if evidence is None:
        return missing("data", "Data card")
    data = evidence.result
    said = {k: story.answer("data", k) for k in ("source", "licence", "collected", "label_source", "confidence", "known_biases")}
    facts = [("kind", data.kind), ("rows", number(data.rows)), ("target", data.target), ("task", data.task)]
    facts += [(k.replace("_", " "), str(v) if v is not None else "not stated") for k, v in said.items()]
    facts += [(f"reading: {k}", str(v)) for k, v in data.reading.items()]
    blocks: list[Block] = [
        *stale(evidence), pairs(facts),
        Table(columns=("file", "bytes", "rows", "SHA-256"), rows=tuple((f.name, number(f.size), number(f.rows), f.sha256) for f in data.files)),
        Table(columns=("column", "role", "type", "missing", "distinct", "smallest", "largest", "mean", "sd"), caption="Columns", rows=tuple(
            (c.name, c.role, c.dtype, number(c.missing), number(c.distinct), _end(c.minimum), _end(c.maximum), _end(c.mean), _end(c.std))
            for c in data.columns)),
    ]
    if data.classes:
        blocks.append(Figure(name="classes", title="Rows per class", svg=bars("Rows per class", [(b.label, float(b.count)) for b in data.classes[:30]])))
    blocks += [text(note) for note in data.notes]
    return Section(id="data", title="Data card", blocks=tuple(blocks))


def _end(value: float | str | None) -> Cell:
    """A number, a text, or nothing where a column has no such thing."""
    return "" if value is None else value if isinstance(value, str) else number(value)


def findings(story: Story) -> Section:
    """Findings sorted by severity and harm, with the remedy chosen; checks that could not run are named."""
    evidence = story.last("checks")
    if evidence is None:
        return missing("findings", "Findings and remedies")
    data = evidence.result
    chosen = {**story.answer("data", "remedies", {}), **story.remedies}
    ordered = sorted(data.findings, key=lambda f: (SEVERITY_ORDER[f.severity], -f.harm))
    rows = tuple((f.severity, f.title, f.seen, _end(f.rows), chosen.get(f.id, "none"), f.id) for f in ordered)
    not_run = [c for c in data.coverage if c.state != "ran"]
    blocks: list[Block] = [
        *stale(evidence),
        text(f"Trust: {data.trust.replace('_', ' ')}. {data.trust_reason}", tone={"yes": "good", "no": "bad"}.get(data.trust, "warn")),
        text(f"{sum(c.state == 'ran' for c in data.coverage)} of {len(data.coverage)} checks ran on ", number(data.rows_looked), " of ", number(data.rows), " rows."),
        Table(columns=("severity", "finding", "seen", "rows", "remedy chosen", "id"), rows=rows),
    ]
    if (reviewed := _reviewed(story)):
        blocks.append(text(reviewed))
    if not_run:
        blocks.append(Table(columns=("check", "state", "why"), rows=tuple((c.check, c.state, c.why) for c in not_run), caption="Checks that did not run"))
    return Section(id="findings", title="Findings and remedies", blocks=tuple(blocks))


def _reviewed(story: Story) -> str:
    """What a person decided about doubtful labels, in one sentence."""
    held = [d for d in story.labels.values() if d != "undo"]
    counts = ", ".join(f"{held.count(d)} {word}" for d, word in (("accept", "accepted"), ("relabel", "relabelled"), ("drop", "dropped")) if d in held)
    return f"Labels reviewed by hand: {counts}. Corrections apply to training and validation rows only; the sealed test rows kept their labels." if held else ""
