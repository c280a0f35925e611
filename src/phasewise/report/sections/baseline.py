"""Baselines with the need-DL verdict, and the network check-up."""

from phasewise.report.blocks import Block, Figure, Section, Table, number, text
from phasewise.report.charts import intervals
from phasewise.report.sections.common import missing, models_table, stale
from phasewise.report.story import Story


def baselines(story: Story) -> Section:
    """Leaderboard and verdict (G01, G02)."""
    evidence = story.last("baselines")
    if evidence is None:
        return missing("baselines", "Baselines: is deep learning needed?", story.skipped.get("baseline", ""))
    data = evidence.result
    target = story.answer("goals", "target")
    rows = [(m.name, m.validation.value, m.validation.low, m.validation.high) for m in data.models]
    blocks: list[Block] = [
        *stale(evidence),
        text(f"Verdict: {data.need.verdict}. {data.need.reason}", tone="warn" if data.need.verdict == "no" else "plain"),
        models_table(data.models),
        Figure(name="baselines", title=f"Baselines, validation {story.metric}", svg=intervals("Baselines", rows, {"goal": float(target)} if target is not None else None)),
    ]
    if data.need.gap is not None:
        blocks.append(text("Gap to the goal in the direction of better: ", number(data.need.gap), "."))
    if data.skipped:
        blocks.append(Table(columns=("not run", "why"), rows=tuple(data.skipped.items())))
    blocks += [text(n) for n in data.notes]
    reason = story.answer("baseline", "go_on_reason")
    if reason:
        blocks.append(text(f"Written reason for going on with a network: {reason}", tone="warn"))
    return Section(id="baselines", title="Baselines: is deep learning needed?", blocks=tuple(blocks))


def checkup(story: Story) -> Section:
    """Verdicts of the network check-up; red rows cannot be hidden (V01)."""
    evidence = story.last("checkup")
    if evidence is None:
        return missing("checkup", "Network check-up", story.skipped.get("baseline", ""))
    data = evidence.result
    blocks: list[Block] = [
        *stale(evidence),
        Table(columns=("check", "verdict", "detail"), rows=tuple((v.title or v.id, v.verdict, v.detail) for v in data.verdicts)),
        text("Parameters of the smallest network: ", number(data.parameters), ". Subset size that already learns: ", number(data.subset), "."),
    ]
    if data.stages:
        rows = tuple((s.stage, s.state, number(s.checks), number(s.seconds)) for s in data.stages)
        blocks.append(Table(columns=("stage", "ended", "checks or runs", "seconds"), rows=rows, caption="Stages, cheapest first; each waits for the one before it"))
    if data.locked:
        blocks.append(text(f"Not run because an earlier stage failed: {', '.join(data.locked)}.", tone="warn"))
    if data.smallest is not None:
        blocks.append(models_table([data.smallest], "The smallest network"))
    return Section(id="checkup", title="Network check-up", blocks=tuple(blocks))
