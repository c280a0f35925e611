"""Overrides, runs, how to repeat it, and on what it ran."""

from phasewise.records.phases import PHASES
from phasewise.report.blocks import Block, Code, Section, Table, number, text
from phasewise.report.sections.common import missing, pairs, when
from phasewise.report.story import Story
from phasewise.report.texts import say


def overrides(story: Story) -> Section:
    """Every gate passed with a written reason, every reopening, every skipped phase."""
    rows = [("override", str(o.get("phase", "")), str(o.get("gate", "")), str(o.get("reason", "")) + (f" (after: {o['after']})" if o.get("after") else ""), when(o.get("t"))) for o in story.overrides]
    rows += [("reopened", str(o.get("phase", "")), "", str(o.get("reason", "")), when(o.get("t"))) for o in story.reopened]
    rows += [("skipped", phase, "", reason, "") for phase, reason in story.skipped.items()]
    rows += [("note", str(o.get("phase", "")), "", str(o.get("text", "")), when(o.get("t"))) for o in story.notes]
    if not rows:
        return Section(id="overrides", title="Overrides, reopenings and skipped phases", blocks=(text("None."),))
    return Section(id="overrides", title="Overrides, reopenings and skipped phases", blocks=(
        Table(columns=("what", "phase", "gate", "reason", "when"), rows=tuple(rows)),
    ))


def runs(story: Story) -> Section:
    """Every recorded run, in order, with its cost; nothing is left out (R22)."""
    if not story.evidence:
        return missing("runs", "All runs")
    rows = tuple(
        (e.run, e.job, e.phase, e.title, number(e.seconds, unit="s"), when(e.t), ", ".join(e.stale) or "fresh") for e in story.evidence
    )
    total = sum(e.seconds or 0.0 for e in story.evidence)
    return Section(id="runs", title="All runs", blocks=(
        Table(columns=("run", "job", "phase", "title", "time", "recorded", "state (changed since)"), rows=rows), text("Engine time in all: ", number(total, unit="s"), "."),
    ))


def reproduce(story: Story) -> Section:
    """The commands that repeat the project."""
    done = [p for p in PHASES if p in story.answers]
    lines = ["phasewise run --through " + (done[-1] if done else "ship") + " --answers phasewise.toml --yes"]
    if story.all("field") and story.answer("field", "files"):
        lines.append("phasewise check FIELD_DATA_FILE")
    blocks: list[Block] = [text(say("intro", "reproduce")), Code(lines=tuple(lines))]
    profile = story.last("profile")
    if profile is not None:
        blocks.append(Table(columns=("file needed", "SHA-256"), rows=tuple((f.name, f.sha256) for f in profile.result.files)))
    return Section(id="reproduce", title="Reproduce", blocks=tuple(blocks))


def environment(story: Story) -> Section:
    """Versions, device and threads of the runs; differences between runs are shown, not averaged."""
    seen: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for e in story.evidence:
        flat = dict(e.environment.get("versions", {})) | {k: v for k, v in e.environment.items() if k != "versions"}
        if flat:
            seen.setdefault(tuple(sorted((k, str(v)) for k, v in flat.items())), []).append(e.run)
    if not seen:
        return Section(id="environment", title="Environment", missing="the runs recorded no environment.")
    tables = tuple(pairs([(k, v) for k, v in env], caption=f"{len(names)} run(s): {', '.join(names[:12])}") for env, names in seen.items())
    return Section(id="environment", title="Environment", blocks=tables)
