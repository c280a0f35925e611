"""Ensembles, pruning and exports."""

from phasewise.report.blocks import Block, Estimate, Section, Table, number, text
from phasewise.report.sections.common import missing, models_table, stale
from phasewise.report.story import Story


def strengthen(story: Story) -> Section:
    """Ensembles judged on rows they were not fitted on (X06), pruning against its scratch control (X10)."""
    combined, pruned = story.all("combine"), story.all("prune")
    if not combined and not pruned:
        return missing("strengthen", "Ensembles and pruning", story.skipped.get("strengthen", ""))
    blocks: list[Block] = []
    for e in combined:
        d = e.result
        blocks += [*stale(e), models_table([*d.ensembles, *d.singles], f"Run {e.run}"),
                   text("Gain of ", d.best.name, " over the best single model: ", Estimate(value=d.gain, low=d.low, high=d.high), ".", tone="good" if d.low > 0 else "plain")]
        if d.weights:
            blocks.append(Table(columns=("member", "weight"), rows=tuple((k, number(v)) for k, v in d.weights.items())))
        blocks += [text(n) for n in d.notes]
    for e in pruned:
        d = e.result
        blocks += [*stale(e), models_table([d.original, d.pruned, *([d.scratch] if d.scratch else [])], f"Pruning, run {e.run}")]
        blocks += [text(n) for n in d.notes]
    return Section(id="strengthen", title="Ensembles and pruning", blocks=tuple(blocks))


def ship(story: Story) -> Section:
    """Exports with their parity checks (X13)."""
    found = story.all("export")
    if not found:
        return missing("ship", "Exports")
    rows = tuple(
        (f.format, f.path, number(f.size), number(f.parity), number(f.rows), "ok" if f.ok else "FAILED", f.note)
        for e in found for f in e.result.files
    )
    return Section(id="ship", title="Exports", blocks=(Table(columns=("format", "file", "bytes", "largest difference", "rows compared", "parity", "note"), rows=rows),))
