"""Goal and approach: what the person decided, and where each decision came from."""

from typing import Any

from phasewise.report.blocks import Cell, Section, Table, number
from phasewise.report.sections.common import missing
from phasewise.report.story import Story


def shown(value: Any) -> Cell:
    """An answer as a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(f"{k}: {v}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def answers_table(story: Story, phase: str) -> Table:
    """Confirmed answers that say something, with their source."""
    values, sources = story.answers[phase], story.sources.get(phase, {})
    rows = tuple((name, shown(v), sources.get(name, "")) for name, v in values.items() if v not in (None, "", [], {}))
    return Table(columns=("question", "answer", "source"), rows=rows)


def goal(story: Story) -> Section:
    """Metric, target, limits, budget, expected range (G01-G07, L08)."""
    if "goals" not in story.answers:
        return missing("goal", "Goal")
    return Section(id="goal", title="Goal", blocks=(answers_table(story, "goals"),))


def approach(story: Story) -> Section:
    """Recipe, loss and first architecture (A01-A16)."""
    if "approach" not in story.answers:
        return missing("approach", "Approach", story.skipped.get("approach", ""))
    return Section(id="approach", title="Approach", blocks=(answers_table(story, "approach"),))
