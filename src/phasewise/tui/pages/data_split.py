"""Class balance and the split: who is in train, validation, and behind the seal."""

from textual.app import ComposeResult
from textual.content import Content

from phasewise.tui.numbers import number, share
from phasewise.tui.pages.base import View
from phasewise.tui.pages.shared import class_bars, stale_note
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block

PARTS = (("train", "key", "\u2588", "#"), ("validation", "second", "\u2593", "="), ("test", "warn", "\u2591", "."))


class Split(View):
    """Class balance, then the split as one bar; the sealed part is hatched."""

    TITLE = "Split"
    ALSO = "test rows sealed validation folds"

    def compose(self) -> ComposeResult:
        """Three blocks."""
        self.classes_block = Block(self._balance, classes="section")
        self.split_block = Block(self._parts, classes="section")
        yield self.classes_block
        yield self.split_block

    def load(self) -> None:
        self.classes_block.redraw()
        self.split_block.redraw()

    def _balance(self, width: int) -> Content:
        found = self.desk.result("profile")
        if found is None:
            return say("The file has not been read yet.", "muted")
        if not found.classes:
            target = next((c for c in found.columns if c.name == found.target), None)
            told = f"{number(target.minimum)} to {number(target.maximum)}, mean {number(target.mean)}" if target else ""
            return lines([line(("Target  ", "bold"), found.target), say(told, "muted")])
        return lines([line(("Classes of ", "bold"), (found.target, "bold key")), class_bars({b.label: b.count for b in found.classes}, width, ascii_only=self.ascii_only)])

    def _parts(self, width: int) -> Content:
        evidence = self.desk.evidence("split")
        if evidence is None:
            policy = self.desk.answer("data.policy")
            return lines([say("Split", "bold"), say(f"Not sealed yet. The next step splits the rows ({policy or 'as recommended'}) and seals the test part; it asks first.", "muted")])
        found = evidence.result
        total = sum(p.rows for p in found.parts.values()) or 1
        room = max(width - 2, 20)
        cells: list[tuple[str, str]] = []
        for name, tone, block, plain in PARTS:
            if name in found.parts:
                n = max(1, round(found.parts[name].rows / total * room))
                cells.append(((plain if self.ascii_only else block) * n, tone))
        rows: list[Content] = [line(("Split  ", "bold"), (f"{found.policy}, seed {found.seed}, generation {found.generation}", "muted")), stale_note(evidence), line(*cells)]
        for name, tone, _, _ in PARTS:
            part = found.parts.get(name)
            if part is None:
                continue
            balance = "  ".join(f"{k} {share(n, part.rows)}" for k, n in list(part.classes.items())[:4]) or (f"{part.low} to {part.high}" if part.low else "")
            word = "sealed" if name == "test" else ""
            rows.append(line((f"  {name:<11}", f"bold {tone}"), f"{part.rows:>9,}", (f"  {share(part.rows, total):>7}  {balance}", "muted"), (f"  {word}", "bold warn")))
        rows.append(say(""))
        if found.half_width is not None:
            rows.append(line(("The test part can tell the score to within ", "muted"), f"\u00b1{number(found.half_width)}", (f" ({self.desk.metric_title()}).", "muted")))
        if found.smallest_gain is not None:
            rows.append(line(("Validation can show a gain of ", "muted"), number(found.smallest_gain), (" or more (80 % power).", "muted")))
        rows += [say(n, "muted") for n in found.notes[:4]]
        return lines([r for r in rows if r.plain or r is rows[-1]])

    def has_data(self) -> bool:
        return self.desk.result("profile") is not None
