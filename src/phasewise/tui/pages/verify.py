"""Verify: does it hold on the sealed test set?"""

from typing import Any

from textual.app import ComposeResult
from textual.content import Content

from phasewise.tui.charts.bars import interval
from phasewise.tui.names import called
from phasewise.tui.numbers import number, plural, signed
from phasewise.tui.pages.base import Page, Questions, View
from phasewise.tui.pages.shared import scores, stale_note, verdict
from phasewise.tui.pages.tune_errors import confusion_text
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.workflow import foresight

SHUT = ("\u256d\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u256e", "\u2502   \u256d\u2500\u2500\u256e   \u2502", "\u2502 \u256d\u2500\u2534\u2500\u2500\u2534\u2500\u256e \u2502", "\u2502 \u2502  \u25cf   \u2502 \u2502", "\u2502 \u2570\u2500\u2500\u2500\u2500\u2500\u2500\u256f \u2502", "\u2570\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u256f")
OPEN = ("\u256d\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u256e", "\u2502   \u256d\u2500\u2500    \u2502", "\u2502 \u256d\u2500\u2534\u2500\u2500\u2500\u2500\u256e \u2502", "\u2502 \u2502  \u25cb   \u2502 \u2502", "\u2502 \u2570\u2500\u2500\u2500\u2500\u2500\u2500\u256f \u2502", "\u2570\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u256f")
PLAIN_SHUT = ("+----------+", "|   .--.   |", "| .-+--+-. |", "| |  o   | |", "| '------' |", "+----------+")
PLAIN_OPEN = ("+----------+", "|   .--    |", "| .-+----. |", "| |      | |", "| '------' |", "+----------+")
MARKS = {"confirmed": ("pass", "confirmed"), "undecided": ("warn", "undecided"), "disagrees": ("fail", "disagrees with validation"), "suspiciously_better": ("warn", "suspiciously better"), "refuted": ("fail", "refuted")}


class Door(View):
    """The vault: what is frozen, what is sealed, how many looks there have been."""

    TITLE = "Vault"
    ALSO = "open test rows ledger looks"

    def compose(self) -> ComposeResult:
        """One block."""
        self.block = Block(self._door)
        yield self.block

    def load(self) -> None:
        self.block.redraw()

    def _door(self, width: int) -> Content:
        desk = self.desk
        split, found = desk.result("split"), desk.result("open_vault")
        looks, chosen = taken(desk), desk.answer("verify.candidate")
        art = (PLAIN_OPEN if found else PLAIN_SHUT) if self.ascii_only else (OPEN if found else SHUT)
        predicted = desk.answer("verify.predicted") if desk.session.answers.source("verify", "predicted") in ("typed", "flag", "file") else None
        rows = split.parts["test"].rows if split and "test" in split.parts else None
        facts = [
            line(("sealed     ", "muted"), (plural(rows, "row") if rows else "nothing sealed yet", "bold")),
            line(("candidate  ", "muted"), (called(desk, chosen) if chosen else "none yet", "bold")),
            line(("claim      ", "muted"), _claim(desk)),
            line(("predicted  ", "muted"), (number(predicted) if predicted is not None else "asked before it opens", "bold" if predicted is not None else "muted")),
            line(("looks      ", "muted"), (str(looks), "bold warn" if looks > 1 else "bold"), ("  told in every report", "muted")),
            line(("state      ", "muted"), ("opened" if found else "shut", "bold warn" if found else "bold good")),
        ]
        out = [line((a, "key" if not found else "warn"), "   ", f) for a, f in zip(art, facts, strict=True)]
        out.append(say(""))
        if found is None:
            out.append(say("Opening it is the one look at rows nobody has seen. The candidate is frozen first: model files, recipe, threshold and claim. You write down what you expect, then type a word."))
        else:
            out.append(say("Another look needs a reason and weakens the proof; the report leads with it. New cases from where the model is used make a new sealed set: N on the field page.", "muted"))
        out += foreseen(desk)
        return lines(out)


def taken(desk: Any) -> int:
    """Openings of the sealed set in force."""
    facts = desk.session.facts
    return len(facts.looks_now) if hasattr(facts, "looks_now") else len(desk.session.looks())


def foreseen(desk: Any, *, brief: bool = False) -> list[Content]:
    """What the next look could show, while there is one to take; `brief` leaves out what is only background."""
    view = getattr(desk.session, "view", None)
    if view is None or not hasattr(view, "facts") or view.current("open_vault") is not None:
        return []
    found = foresight.read(view)
    return [say(sentence, tone) for tone, sentence in foresight.told(found, brief=brief)] if found is not None else []


def _claim(desk: Any) -> Content:
    claim, target = desk.answer("verify.claim"), desk.answer("goals.target")
    sign = ">=" if desk.maximize else "<="
    if claim == "better_than_baseline":
        found = desk.result("baselines")
        itself = found is not None and any(m.ref == desk.answer("verify.candidate") for m in found.models)
        return line(("better than a constant" if itself else "better than every baseline", "bold"))
    return line((f"{desk.metric_title()} {sign} {number(target)}" if target is not None else "no target set", "bold"))


class Result(View):
    """The verdict, the intervals on one axis, the gap, luck, and what else was measured."""

    TITLE = "Result"

    def compose(self) -> ComposeResult:
        """Banner and figures."""
        self.banner = Block(classes="banner")
        self.figures = Block(self._figures, classes="section")
        yield self.banner
        yield self.figures

    def load(self) -> None:
        evidence = self.desk.evidence("open_vault")
        self.banner.display = evidence is not None
        if evidence is not None:
            found = evidence.result
            mark, word = MARKS[found.verdict]
            self.banner.set_class(mark == "pass", "-good").set_class(mark == "warn", "-warn").set_class(mark == "fail", "-bad")
            rows = [say(found.warning, "bold warn")] if found.warning else []
            self.banner.show(lines([r for r in (*rows, verdict(mark, word, found.reason, ascii_only=self.ascii_only), stale_note(evidence)) if r.plain]))
        self.figures.redraw()

    def _figures(self, width: int) -> Content:
        r = self.desk.result("open_vault")
        if r is None:
            return say("The vault is shut. The result appears here after the one look.", "muted")
        title = self.desk.metric_title()
        ends = [r.test.low, r.test.high, r.validation.low, r.validation.high, *(r.foreseen or ()), *(x for x in (r.target, r.predicted) if x is not None)]
        lo, hi = min(ends), max(ends)
        room = max(min(width - 46, 46), 12)

        def row(name: str, value: float, low: float | None, high: float | None, tone: str, note: str = "") -> Content:
            picture = interval(low if low is not None else value, value, high if high is not None else value, lo, hi, room, ascii_only=self.ascii_only)
            return line((f"{name:<11}", "ink"), (f"{number(value):>9}  ", f"bold {tone}"), (picture, tone), (f"  {note}", "muted"))

        rows = [say(f"{title}, one axis from {number(lo)} to {number(hi)}", "muted"),
                row("test", r.test.value, r.test.low, r.test.high, "key", f"[{number(r.test.low)}, {number(r.test.high)}]"),
                row("validation", r.validation.value, r.validation.low, r.validation.high, "second"),
                row("expected", r.told, *(r.foreseen or (None, None)), "second", f"[{number(r.foreseen[0])}, {number(r.foreseen[1])}]" if r.foreseen else f"less luck of {r.evaluations} tries")]
        if r.predicted is not None:
            rows.append(row("predicted", r.predicted, None, None, "ink", f"off by {number(abs(r.predicted - r.test.value))}"))
        if r.target is not None:
            rows.append(row("target", r.target, None, None, "good"))
        if r.foreseen:
            rows.append(say(f"expected: said before the look, validation less the luck of {plural(r.evaluations, 'try', 'tries')}, with the noise of both parts", "muted"))
        gap = r.test.value - r.validation.value
        rows += [say(""), line(("gap test to validation ", "muted"), (signed(gap), "bold"), (f"   z {number(r.z, 3)}" if r.z is not None else "", "muted"), (f"   look {r.looks}, {r.rows:,} rows", "muted"))]
        name_width = max((len(p.name[:26]) for p in r.paired), default=0) + 1
        for p in r.paired:
            sure = p.low > 0
            rows.append(line((f"against {p.name[:26]:<{name_width}}", "ink"), (signed(p.difference), "bold good" if sure else "bold"), (f"  [{signed(p.low)}, {signed(p.high)}]  {'beats it' if sure else 'not beyond noise'}", "muted")))
        if r.others:
            rows.append(say(scores(r.others), "muted"))
        if r.confusion:
            rows += [say(""), confusion_text(r.confusion, width)]
        return lines(rows)

    def has_data(self) -> bool:
        return self.desk.result("open_vault") is not None


class VerifyPage(Page):
    """The vault, the questions, the result."""

    PHASE = "verify"
    VIEWS = (Door, Questions, Result)

    def opening(self) -> int:
        """The result once the vault was opened, else its door."""
        return 2 if self.desk.result("open_vault") is not None else 0


PAGE = VerifyPage
