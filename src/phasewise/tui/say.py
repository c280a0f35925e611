"""Styled text without markup: every piece is cleaned, styles are names of the theme's variables."""

import re
from collections.abc import Iterable

from textual.content import Content

from phasewise.records.text import safe_text

TONES = ("ink", "muted", "good", "warn", "bad", "key", "second", "line")


def style(tone: str) -> str:
    """The style string of a tone: words such as `bold` pass through, tones become theme variables."""
    return " ".join(f"${word}" if word in TONES else word for word in tone.split())


def say(text: object, tone: str = "", limit: int = 400) -> Content:
    """One piece of untrusted text in a tone."""
    return Content.styled(safe_text(text, limit), style(tone)) if tone else Content(safe_text(text, limit))


def line(*parts: tuple[object, str] | str | Content) -> Content:
    """Pieces side by side: strings are plain, pairs are (text, tone)."""
    made = [p if isinstance(p, Content) else say(p) if isinstance(p, str) else say(p[0], p[1]) for p in parts]
    return Content("").join(made) if made else Content("")


def lines(rows: Iterable[Content | str]) -> Content:
    """Rows under each other."""
    return Content("\n").join([r if isinstance(r, Content) else say(r) for r in rows])


def because(reasons: Iterable[str]) -> str:
    """Why something is stale, each answer named by its question: `goals.target is now 0.9` is said with the words the page asks with."""
    from phasewise import content
    from phasewise.records.answers import ANSWERS

    def asked(found: re.Match[str]) -> str:
        phase, name = found[1], found[2]
        known = phase in ANSWERS and name in ANSWERS[phase].model_fields
        return f"the answer to \u201c{content.question(found[0]).question}\u201d" if known else found[0]

    return "; ".join(re.sub(r"^([a-z]+)\.([a-z_]+)\b", asked, reason) for reason in reasons)


def prose(text: str, tone: str = "") -> Content:
    """A paragraph text from content files: newlines kept, `**bold**` and `` `code` `` shown, headings bold, tables in columns."""
    out: list[Content] = []
    for raw in tables(text.strip().splitlines()):
        heading = raw.lstrip().startswith("#")
        out.append(say(raw.lstrip("# ").strip(), "bold key") if heading else _inline(raw, tone))
    return lines(out)


def tables(rows: list[str]) -> list[str]:
    """Lines of Markdown with its tables set in columns; escaped brackets become themselves."""
    out: list[str] = []
    block: list[list[str]] = []
    for raw in [*rows, ""]:
        if raw.startswith("|") and raw.rstrip().endswith("|"):
            block.append([_plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", raw.strip()[1:-1])])
            continue
        if block:
            body = [r for r in block if not all(set(cell) <= set(":- ") for cell in r)]
            widths = [max((len(r[i]) for r in body if i < len(r)), default=0) for i in range(max(map(len, block)))]
            out += ["  " + "  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=False)).rstrip() for r in body]
            block = []
        out.append(_plain(raw))
    return out[:-1]


def _plain(text: str) -> str:
    return re.sub(r"\\([\[\]|*_`<>#])", r"\1", text)


def _inline(raw: str, tone: str) -> Content:
    pieces: list[Content] = []
    for i, part in enumerate(raw.replace("`", "**").split("**")):
        if part:
            pieces.append(say(part, f"bold {tone}".strip() if i % 2 else tone))
    return Content("").join(pieces) if pieces else Content("")
