"""Self-contained HTML from blocks: jinja2 with autoescape, a policy that forbids scripts and every outside request."""

from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from phasewise.records.text import safe_text
from phasewise.report.blocks import (
    Block,
    Bullets,
    Cell,
    Code,
    Estimate,
    Figure,
    Number,
    Paragraph,
    Section,
    Table,
    cell_text,
)


def _kind(block: Block) -> str:
    return {Paragraph: "paragraph", Bullets: "bullets", Table: "table", Code: "code", Figure: "figure"}[type(block)]


def _cell(cell: Cell) -> Markup:
    """A cell as HTML: numbers carry their stored value, all text is escaped."""
    shown = safe_text(cell_text(cell), 2000)
    if isinstance(cell, Number) and cell.value is not None:
        return Markup('<data value="{}">{}</data>').format(repr(cell.value), shown)
    if isinstance(cell, Estimate):
        return Markup('<data value="{}" class="estimate">{}</data>').format(repr(cell.value), shown)
    return Markup("{}").format(shown)


def _svg(figure: Figure) -> Markup:
    """Our own SVG is the only markup passed through; `charts` escapes its labels."""
    return Markup(figure.svg)


def render(title: str, sections: tuple[Section, ...]) -> str:
    """The page: no script, no network, works from a file."""
    source = (files("phasewise.content") / "report" / "page.html.j2").read_text(encoding="utf-8")
    env = Environment(loader=DictLoader({"page": source}), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    env.filters.update(cell=_cell, safe_line=lambda s: safe_text(s, 2000), svg=_svg, block_kind=_kind)
    return env.get_template("page").render(title=title, sections=sections)
