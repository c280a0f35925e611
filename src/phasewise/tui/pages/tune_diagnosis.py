"""The diagnosis with its numbers: bias, variance, or optimisation failure."""

from textual.app import ComposeResult
from textual.content import Content

from phasewise import content
from phasewise.tui.charts.bars import bar
from phasewise.tui.numbers import number, signed
from phasewise.tui.pages.base import View
from phasewise.tui.pages.shared import model_detail, stale_note, verdict
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block

WORDS = {
    "high_bias": ("warn", "high bias: it does not fit the training rows well enough"), "high_variance": ("warn", "high variance: it fits the training rows better than new ones"),
    "both": ("warn", "high bias and high variance"), "optimisation_failure": ("fail", "optimisation failure: training itself goes wrong"), "healthy": ("pass", "healthy"),
}


class Diagnosis(View):
    """Errors on train, validation and goal as bars, the gaps between them, and what they mean."""

    TITLE = "Diagnosis"
    ALSO = "bias variance gap"

    def compose(self) -> ComposeResult:
        """Banner, bars, model."""
        self.banner = Block(classes="banner")
        self.bars = Block(self._bars, classes="section")
        self.model = Block(classes="section")
        yield self.banner
        yield self.bars
        yield self.model

    def _source(self) -> tuple[object, object]:
        for slot in ("search", "fit"):
            evidence = self.desk.evidence(slot)
            if evidence is not None and evidence.result.diagnosis is not None:
                return evidence, evidence.result.diagnosis
        return None, None

    def load(self) -> None:
        evidence, d = self._source()
        self.banner.display = d is not None
        if d is not None:
            mark, word = WORDS[d.verdict]  # type: ignore[attr-defined]
            self.banner.set_class(mark == "warn", "-warn").set_class(mark == "pass", "-good").set_class(mark == "fail", "-bad")
            self.banner.show(lines([r for r in (verdict(mark, word, "", ascii_only=self.ascii_only), say(d.reason), say(content.text(f"verdicts/{d.verdict}", self.desk.answer("data.kind") or ""), "muted"), stale_note(evidence)) if r.plain]))  # type: ignore[attr-defined]
            result = evidence.result  # type: ignore[attr-defined]
            model = getattr(result, "model", None) or getattr(result, "best", None)
            self.model.show(model_detail(model, self.desk.metric_title()) if model is not None else Content(""))
        self.bars.redraw()

    def _bars(self, width: int) -> Content:
        _, d = self._source()
        if d is None:
            return say("No diagnosis yet. It comes with the first trained network.", "muted")
        errors = [("goal", d.goal_error, "good"), ("train", d.train_error, "key"), ("validation", d.validation_error, "second"), ("trivial", d.trivial_error, "muted")]  # type: ignore[attr-defined]
        shown = [(n, v, t) for n, v, t in errors if v is not None]
        top = max((v for _, v, _ in shown), default=1.0)
        rows = [say("Error (less is better)", "muted")]
        rows += [line((f"  {n:<11}", "ink"), (f"{number(v):>9}  ", "bold"), (bar(v, top, max(width - 26, 8), ascii_only=self.ascii_only), t)) for n, v, t in shown]
        rows += [
            say(""),
            line(("  bias      ", "muted"), (f"{signed(d.bias):>9}", "bold"), ("   train error above the goal's", "muted")),  # type: ignore[attr-defined]
            line(("  variance  ", "muted"), (f"{signed(d.variance):>9}", "bold"), ("   validation error above train's", "muted")),  # type: ignore[attr-defined]
            *([line(("  give or take", "muted"), (f"{number(d.se):>7}", "ink"), ("   standard error of that gap", "muted"))] if d.se is not None else []),  # type: ignore[attr-defined]
        ]
        return lines(rows)

    def has_data(self) -> bool:
        return self._source()[1] is not None
