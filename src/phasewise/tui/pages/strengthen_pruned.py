"""The network with channels removed beside the whole one and the small one from scratch: scores, size, measured speed (X09-X11)."""

from typing import Any

from textual.app import ComposeResult
from textual.content import Content

from phasewise.tui.numbers import number
from phasewise.tui.pages.base import View
from phasewise.tui.pages.shared import leaderboard, leaderboard_columns, stale_note, verdict
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Table

EMPTY = "Nothing made smaller yet. Answer yes to the question, and do the next step."
MEASURES = (("latency_ms", "one picture", "ms"), ("rows_per_second", "a batch", "a second"))


def speed_lines(speed: dict[str, Any]) -> list[Content]:
    """Before, after and how many times as fast, with the interval; nothing where it was not measured side by side."""
    out = [line(("  parameters   ", "muted"), f"{speed[name]['before']:,} to {speed[name]['after']:,}") for name in ("parameters",) if (speed.get(name) or {}).get("before")]
    for name, title, unit in MEASURES:
        found = speed.get(name) or {}
        if "times" in found:
            out.append(line((f"  {title:<13}", "muted"), f"{number(found['before'], 3)} to {number(found['after'], 3)} {unit}: ", (f"{found['times']:.2f} times as fast", "good" if found["low"] > 1 else "ink"), (f"  [{found['low']:.2f}, {found['high']:.2f}]", "muted")))
    return [*out, say(f"  {speed['measured']}", "muted")] if out and speed.get("measured") else out


class Smaller(View):
    """Whole, pruned and from scratch, and what was gained in speed."""

    TITLE = "Smaller"
    ALSO = "prune pruning channels speed latency"

    def compose(self) -> ComposeResult:
        """Banner, models, speed and notes."""
        self.banner = Block(classes="banner")
        self.table = Table(leaderboard_columns("score"), title="smaller", empty=EMPTY, classes="fill")
        self.told = Block(classes="detail")
        yield self.banner
        yield self.table
        yield self.told

    def load(self) -> None:
        evidence = self.desk.evidence("prune")
        self.banner.display = self.told.display = evidence is not None
        models: list[Any] = []
        if evidence is not None:
            found = evidence.result
            kept = any(r.get("kept") for r in found.rounds)
            models = [m.model_copy(update={"name": name}) for name, m in (("whole", found.original), ("smaller", found.pruned if kept else None), ("from scratch", found.scratch)) if m is not None]
            loss = f"{number(found.original.validation.value)} becomes {number(found.pruned.validation.value)}" if kept else "nothing was removed"
            self.banner.set_class(kept, "-good").set_class(not kept, "-warn")
            self.banner.show(lines([r for r in (verdict("pass" if kept else "info", "smaller" if kept else "not worth it", loss, ascii_only=self.ascii_only), stale_note(evidence)) if r.plain]))
            self.told.show(lines([*speed_lines(found.speed), *(say(n, "muted") for n in found.notes if not n.startswith("Measured "))]))
        self.table.fill(leaderboard(models, ascii_only=self.ascii_only, goal=self.desk.answer("goals.target")), leaderboard_columns(self.desk.metric_title()))

    def has_data(self) -> bool:
        return self.desk.result("prune") is not None
