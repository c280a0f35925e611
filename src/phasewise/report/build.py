"""From a project's journal to the report's files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasewise.report import html, markdown
from phasewise.report.blocks import Figure, Section
from phasewise.report.cards import datasheet, model_card
from phasewise.report.sections import ORDER
from phasewise.report.story import Story, fold


@dataclass(frozen=True, kw_only=True)
class Report:
    """A built report: sections in order, renderable as Markdown and as one HTML file."""

    title: str
    sections: tuple[Section, ...]
    story: Story

    def markdown(self) -> str:
        """The report as Markdown; charts are linked as `figures/<name>.svg`."""
        return markdown.render(self.title, self.sections)

    def html(self) -> str:
        """The report as one file that needs nothing else."""
        return html.render(self.title, self.sections)

    def section(self, section_id: str) -> Section:
        """A section by id; KeyError when there is none."""
        for item in self.sections:
            if item.id == section_id:
                return item
        raise KeyError(section_id)


def build(project: Any) -> Report:
    """The report of a project, from `project.journal.entries()` alone.

    Raises nothing for missing evidence: a section without evidence says why it is empty.
    """
    story = fold(project.journal.entries(), name=str(getattr(project, "name", "") or ""))
    sections = tuple(make(story) for make in ORDER)
    cards = (model_card(story), datasheet(story))
    at = next(i for i, s in enumerate(sections) if s.id == "overrides")
    return Report(title=f"{story.name or 'Project'}: report", sections=sections[:at] + cards + sections[at:], story=story)


def _figures(sections: tuple[Section, ...]) -> dict[str, str]:
    out = {}
    for item in sections:
        out.update({b.name: b.svg for b in item.blocks if isinstance(b, Figure) and b.svg})
        out.update(_figures(item.children))
    return out


def _replace(path: Path, text: str) -> None:
    """Old or new content, never half of it."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def write(project: Any, out_dir: Path | str, *, replace: Callable[[Path, str], None] = _replace) -> list[Path]:
    """Write report.md, report.html, MODEL_CARD.md, DATASHEET.md and figures; returns the written paths, report first."""
    out = Path(out_dir)
    report = build(project)
    figures = _figures(report.sections)
    (out / "figures" if figures else out).mkdir(parents=True, exist_ok=True)
    card = report.section("model-card")
    files = {
        "report.md": report.markdown(),
        "report.html": report.html(),
        "MODEL_CARD.md": markdown.render(f"Model card: {report.story.name}", card.children),
        "DATASHEET.md": markdown.render(f"Datasheet: {report.story.name}", report.section("datasheet").children),
        **{f"figures/{name}.svg": svg for name, svg in figures.items()},
    }
    for name, content in files.items():
        replace(out / name, content)
    return [out / name for name in files]
