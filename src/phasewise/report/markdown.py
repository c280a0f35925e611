"""Markdown from blocks; every text is made safe and escaped, so that a hostile name stays text."""

import re

from phasewise.records.text import safe_text
from phasewise.report.blocks import Block, Bullets, Cell, Code, Figure, Paragraph, Section, Table, cell_text

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$!])")
_MARK = {"good": "**Good:** ", "warn": "**Note:** ", "bad": "**Warning:** "}


def escape(value: str, limit: int = 2000) -> str:
    """Text that Markdown shows as it is, on one line."""
    plain = _SPECIAL.sub(r"\\\1", safe_text(value, limit).replace("&", "&amp;"))
    return re.sub(r"^(\s*)([-+]|\d+[.)])(\s)", r"\1\\\2\3", plain)


def _cell(cell: Cell) -> str:
    return escape(cell_text(cell)) or " "


def _block(block: Block) -> list[str]:
    match block:
        case Paragraph(parts=parts, tone=tone):
            return [_MARK.get(tone, "") + "".join(escape(cell_text(p)) for p in parts)]
        case Bullets(items=items):
            return [f"- {escape(i)}" for i in items]
        case Table(columns=columns, rows=rows, caption=caption):
            head = ["| " + " | ".join(map(escape, columns)) + " |", "|" + "---|" * len(columns)]
            return ([f"*{escape(caption)}*", ""] if caption else []) + head + ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
        case Code(lines=lines):
            longest = max((len(m) for line in lines for m in re.findall(r"`+", line)), default=0)
            fence = "`" * max(3, longest + 1)
            return [fence, *(safe_text(line, 2000) for line in lines), fence]
        case Figure(name=name, title=title, svg=svg):
            return [f"![{escape(title)}](figures/{name}.svg)"] if svg else []


def section(item: Section, level: int = 2) -> list[str]:
    """One section as lines."""
    out = [f"{'#' * level} {escape(item.title)}", ""]
    if item.missing:
        out += [f"*Not available: {escape(item.missing)}*", ""]
    for block in item.blocks:
        out += [*_block(block), ""]
    for child in item.children:
        out += section(child, level + 1)
    return out


def render(title: str, sections: tuple[Section, ...]) -> str:
    """A whole document."""
    lines = [f"# {escape(title)}", ""]
    for item in sections:
        lines += section(item)
    return "\n".join(lines).rstrip() + "\n"
