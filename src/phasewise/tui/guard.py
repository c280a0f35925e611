"""The last gate before the terminal: no control character in any cell, whatever widget drew it (reliability.md 2.3).

`safe_text` cleans text where it enters; this is the second layer, at the one place through which Textual turns
cells into terminal sequences. It touches a library internal, so `installed` lets the app check itself at start.
"""

from typing import Any

from textual.strip import Strip

_SUBSTITUTES: dict[int, int | str] = {code: 0x2400 + code for code in range(0x20)}
_SUBSTITUTES[0x7F] = 0x2421
_SUBSTITUTES.update(dict.fromkeys(range(0x80, 0xA0), 0xFFFD))
_SUBSTITUTES.update(dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C], 0xFFFD))
_SUBSTITUTES.update(dict.fromkeys([0x2028, 0x2029, 0xFEFF], 0xFFFD))

_MARK = "_phasewise_guard"
_ASCII: dict[int, str] = {
    **dict.fromkeys(map(ord, "\u2500\u2501\u2504\u254c\u2594\u2581"), "-"), **dict.fromkeys(map(ord, "\u2502\u2503\u258e\u258f\u258a\u2588\u2590\u258c"), "|"),
    **dict.fromkeys(map(ord, "\u250c\u2510\u2514\u2518\u251c\u2524\u252c\u2534\u253c\u256d\u256e\u2570\u256f"), "+"),
    ord("\u2026"): ".", ord("\u2013"): "-", ord("\u00b7"): ".", ord("\u25cf"): "o", ord("\u203a"): ">", ord("\u00b1"): "~",
}
"""Stand-ins for frames and rules where the terminal shows ASCII only."""


def clean(text: str) -> str:
    """Text with every C0, DEL, C1 and bidi control replaced by a visible symbol of the same width."""
    return text if text.isprintable() else text.translate(_SUBSTITUTES)


def plain(text: str) -> str:
    """Only ASCII, of the same width in cells: frames by their stand-ins, everything else as question marks."""
    if text.isascii() and text.isprintable():
        return text
    from rich.cells import cell_len

    return "".join(c if c.isascii() and c.isprintable() else "?" * cell_len(c) for c in clean(text).translate(_ASCII))


def install(*, ascii_only: bool = False) -> None:
    """Guard `Strip.render_style` and the unstyled branch of `Strip.render`; calling it again only sets `ascii_only`."""
    Strip._phasewise_clean = staticmethod(plain if ascii_only else clean)  # type: ignore[attr-defined]
    if installed():
        return
    original_style = Strip.__dict__["render_style"].__func__
    original_render = Strip.render

    def render_style(cls: type[Strip], style: Any, text: str, color_system: Any) -> str:
        return original_style(cls, style, cls._phasewise_clean(text), color_system)  # type: ignore[attr-defined]

    def render(self: Strip, console: Any) -> str:
        if any(style is None for _, style, _ in self._segments):
            safe = [s._replace(text=self._phasewise_clean(s.text)) if s.style is None else s for s in self._segments]  # type: ignore[attr-defined]
            return original_render(Strip(safe, self.cell_length), console)
        return original_render(self, console)

    Strip.render_style = classmethod(render_style)  # type: ignore[method-assign, assignment]
    Strip.render = render  # type: ignore[method-assign]
    setattr(Strip, _MARK, True)


def installed() -> bool:
    """Whether the guard is in place and works: a strip with an escape sequence renders none."""
    if not getattr(Strip, _MARK, False):
        return False
    from rich.console import Console
    from rich.segment import Segment
    from rich.style import Style

    console = Console(color_system="truecolor", force_terminal=True, width=10)
    plain = Strip([Segment("\x1b]0;x\x07")]).render(console)
    styled = Strip([Segment("\x9b2J", Style(bold=True))]).render(console)
    return "\x1b" not in plain and "\x07" not in plain and "\x9b" not in styled
