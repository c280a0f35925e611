"""Themes: meaning never hangs on colour alone, so a theme may be anything; the default is safe in 256 colours.

Every colour of the dark and light themes is a slot of the 256-colour palette, so SSH without COLORTERM looks the same.
"""

from dataclasses import dataclass

from textual.theme import BUILTIN_THEMES, Theme


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The few colours a theme is made of; named by meaning."""

    background: str
    bar: str
    raised: str
    text: str
    muted: str
    line: str
    accent: str
    on_accent: str
    good: str
    warn: str
    bad: str
    second: str
    dark: bool = True
    ansi: bool = False


DARK = Palette(
    background="#121212", bar="#1c1c1c", raised="#303030", text="#dadada", muted="#8a8a8a", line="#3a3a3a",
    accent="#5fafd7", on_accent="#121212", good="#87af5f", warn="#d7af5f", bad="#d7875f", second="#af87d7",
)
DIM = Palette(
    background="#1c1c1c", bar="#262626", raised="#3a3a3a", text="#d0d0d0", muted="#949494", line="#444444",
    accent="#87afd7", on_accent="#1c1c1c", good="#87af87", warn="#d7af87", bad="#d78787", second="#afafd7",
)
LIGHT = Palette(
    background="#ffffff", bar="#eeeeee", raised="#d7d7d7", text="#262626", muted="#626262", line="#c6c6c6",
    accent="#005faf", on_accent="#ffffff", good="#005f00", warn="#875f00", bad="#af0000", second="#5f00af", dark=False,
)
COLOUR_BLIND = Palette(  # Okabe and Ito's eight colours, moved to the nearest palette slots
    background="#121212", bar="#1c1c1c", raised="#303030", text="#dadada", muted="#9e9e9e", line="#3a3a3a",
    accent="#5fafd7", on_accent="#121212", good="#00afff", warn="#d7af00", bad="#ff8700", second="#d787af",
)
CONTRAST = Palette(
    background="#000000", bar="#000000", raised="#444444", text="#ffffff", muted="#d0d0d0", line="#ffffff",
    accent="#ffff00", on_accent="#000000", good="#00ff00", warn="#ffff00", bad="#ff8787", second="#00ffff",
)
MONO = Palette(
    background="#000000", bar="#000000", raised="#444444", text="#e4e4e4", muted="#a8a8a8", line="#626262",
    accent="#ffffff", on_accent="#000000", good="#ffffff", warn="#ffffff", bad="#ffffff", second="#d0d0d0",
)
ANSI = Palette(
    background="ansi_default", bar="ansi_default", raised="ansi_bright_black", text="ansi_default",
    muted="ansi_bright_black", line="ansi_bright_black", accent="ansi_cyan", on_accent="ansi_black", good="ansi_green",
    warn="ansi_yellow", bad="ansi_red", second="ansi_magenta", ansi=True,
)

PALETTES: dict[str, Palette] = {
    "default": DARK, "dark": DIM, "light": LIGHT, "ansi": ANSI, "colour-blind": COLOUR_BLIND,
    "high-contrast": CONTRAST, "mono": MONO,
}


def variables(p: Palette) -> dict[str, str]:
    """Our own style variables plus the few of Textual's that the used widgets read."""
    return {
        "bar": p.bar, "raised": p.raised, "ink": p.text, "muted": p.muted, "muted-raised": p.text if p.muted == p.raised else p.muted, "line": p.line, "key": p.accent,
        "on-key": p.on_accent, "good": p.good, "warn": p.warn, "bad": p.bad, "second": p.second,
        "scrollbar": p.line, "scrollbar-hover": p.muted, "scrollbar-active": p.accent,
        "scrollbar-background": p.background, "scrollbar-background-hover": p.background,
        "scrollbar-background-active": p.background, "scrollbar-corner-color": p.background,
        "input-cursor-background": p.text, "input-cursor-foreground": p.background, "input-cursor-text-style": "none",
        "input-selection-background": p.raised, "footer-background": p.bar, "border": p.accent, "border-blurred": p.line,
        "block-cursor-background": p.accent, "block-cursor-foreground": p.on_accent,
    }


def theme(name: str) -> Theme:
    """A Textual theme of our palette `name`."""
    p = PALETTES[name]
    extra = dict(BUILTIN_THEMES["ansi-dark"].variables) if p.ansi else {}
    return Theme(
        name=f"phasewise-{name}", primary=p.accent, secondary=p.second, warning=p.warn, error=p.bad, success=p.good,
        accent=p.accent, foreground=p.text, background=p.background, surface=p.background, panel=p.bar, dark=p.dark,
        ansi=p.ansi, variables=extra | variables(p),
    )
