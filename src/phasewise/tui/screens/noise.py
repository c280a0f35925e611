"""Your gain is noise: what the rows, the seeds and the number of tries allow to be seen, and every idea's interval against zero."""

from typing import Any

from textual.content import Content

from phasewise.tui.charts.bars import interval
from phasewise.tui.numbers import number, signed
from phasewise.tui.say import line, lines, say
from phasewise.tui.screens.viewer import Viewer

BAR = 21
VERDICTS = {"better": ("gain", "good"), "noise": ("noise", "muted"), "worse": ("worse", "bad"), "broken": ("did not train", "bad")}


def noise_screen(desk: Any, *, ascii_only: bool = False) -> Viewer:
    """The account of this project as a screen."""
    from phasewise.workflow import noise

    found = desk.session.noise()
    return Viewer("Is your gain noise?", lambda width: account(found, noise.told(found, number), width, ascii_only))


def account(found: Any, told: list[tuple[str, str]], width: int, ascii_only: bool) -> Content:
    """Sentences, then a row per idea: gain, its 95 % interval drawn against zero, the word."""
    rows = [say(sentence, tone) for tone, sentence in told]
    known = [t for t in found.tried if t.verdict != "broken"]
    if known:
        top = max(max(abs(t.low), abs(t.high)) for t in known) or 1.0
        name = max(width - BAR - 34, 12)
        rows += [say(""), line((f"{'idea':<{name}} ", "muted"), (f"{'gain':>9}  ", "muted"), (f"{'worse    0   better':^{BAR}}", "muted"))]
    for t in found.tried:
        word, tone = VERDICTS[t.verdict]
        if t.verdict == "broken":
            rows.append(line((f"{t.title[:40]} ", "ink"), (word, tone)))
            continue
        rows.append(line((f"{t.title[:name]:<{name}} ", "ink"), (f"{signed(t.gain):>9}  ", "bold"), (interval(t.low, t.gain, t.high, -top, top, BAR, ascii_only=ascii_only), tone), (f"  {word}", tone)))
    rows += [say(""), say("A gain is adopted when the lower end of its one-sided 95 % interval over paired seeds is above zero; a promising one may get more seeds, and both looks together are held to 5 %. More seeds make smaller gains visible; more rows make them true of new rows.", "muted")]
    return lines(rows)
