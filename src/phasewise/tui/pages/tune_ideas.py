"""The backlog: what was predicted, what came out; predict and add from here."""

from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from phasewise import content
from phasewise.records.errors import PhasewiseError
from phasewise.records.ideas import Estimates
from phasewise.tui import keys
from phasewise.tui.charts.bars import interval
from phasewise.tui.numbers import number, plural, rough, signed
from phasewise.tui.pages.base import View
from phasewise.tui.say import line, lines, say
from phasewise.tui.widgets.block import Block
from phasewise.tui.widgets.table import Column, Table

STATUS = {
    "new": ("new", "muted"), "ready": ("ready", "key"), "running": ("running", "bold key"), "worked": ("worked", "bold good"),
    "no_gain": ("no gain", "muted"), "broken": ("broken", "bad"), "dropped": ("dropped", "muted"),
}
BAR = 17


class Ideas(View):
    """Ideas in the order they would be tried, then the ones with an outcome."""

    TITLE = "Ideas"
    ALSO = "backlog"
    HINT = "e predict  a add  T try  D drop  z noise"
    PLACE = "ideas"
    BINDINGS = keys.bindings(PLACE)
    ideas: Sequence[Any] = ()

    def compose(self) -> ComposeResult:
        """Summary, table, detail."""
        self.head = Block(classes="section-tight")
        self.table = Table(
            [Column(title="idea", flex=2, least=18), Column(title="status", width=8), Column(title="predicted", width=9, right=True), Column(title="actual", width=9, right=True), Column(title="worse  0  better", width=BAR, drop=2), Column(title="time", width=8, right=True, drop=1)],
            title="ideas", empty="No idea yet. They come from the diagnosis; a adds your own.", classes="fill",
        )
        self.detail = Block(classes="detail")
        yield self.head
        yield self.table
        yield self.detail

    def load(self) -> None:
        backlog = self.desk.session.ideas
        ranked = list(backlog.ranked())
        known = {i.id for i in ranked}
        self.ideas = [*ranked, *(i for i in backlog.all() if i.id not in known)]
        ends = [abs(x) for i in self.ideas if i.outcome for x in (i.outcome.low, i.outcome.high)]
        top = max(ends, default=1.0) or 1.0
        rows: list[list[Any]] = []
        for i in self.ideas:
            word, tone = STATUS.get(i.status, (i.status, "muted"))
            o, p = i.outcome, i.predicted
            picture = interval(o.low, o.gain, o.high, -top, top, BAR, ascii_only=self.ascii_only) if o else ""
            rows.append([i.title, (word, tone), (signed(p.gain) if p else "none made" if o else "", "muted"), (signed(o.gain, beside=o.high - o.low) if o else "", "good" if o and o.adopted else "ink"), (picture, "good" if o and o.adopted else "muted"), (spent(i), "muted")])
        self.table.fill(rows)
        done = [i for i in self.ideas if i.outcome]
        hits = sum(i.outcome.adopted for i in done)
        guesses = [i.predicted.success for i in done if i.predicted]
        told = f"{plural(len(self.ideas), 'idea')}, {len(done)} tried, {hits} adopted."
        if guesses:
            told += f" You expected {sum(guesses):.1f} to work." if len(guesses) == len(done) else f" You predicted {len(guesses)} and expected {sum(guesses):.1f} to work."
        elif done:
            told += " No prediction was made (e writes one down)."
        split = self.desk.result("split")
        if not done and split is not None and split.smallest_gain is not None:
            told += f" Before you begin: these validation rows show gains from about {number(split.smallest_gain)} (z says more)."
        self.head.show(say(told, "muted"))
        self._show()

    @on(Table.Moved)
    def _show(self) -> None:
        idea = self.current()
        self.detail.display = idea is not None
        if idea is not None:
            self.detail.show(lambda _w: idea_text(idea))

    def current(self) -> Any:
        """The idea under the cursor, or None."""
        return self.ideas[self.table.cursor] if self.ideas else None

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.action_predict()

    def action_predict(self) -> None:
        """Write down what the idea will bring: gain, range, probability."""
        from phasewise.tui.screens.ask import Ask

        idea = self.current()
        if idea is None:
            return
        if idea.outcome is not None or (idea.prediction is not None and idea.prediction.locked_at):
            self.notify("This prediction is locked: the idea has been started.", severity="warning", markup=False)
            return
        text = f"Written down before the run and compared with it after. Points of {self.desk.metric_title()}, more is better.\nFor example: 0.002 from -0.001 to 0.005, 40 %"
        self.app.push_screen(Ask(f"What will it bring? {idea.title}", text, prompt="gain  from low to high, chance %", check=parse_prediction), lambda p: p and self.act(lambda: self.desk.session.ideas.predict(idea.id, **p), "Prediction kept."))

    def action_estimate(self, *, second: bool = False) -> None:
        """Write down what the idea takes and what it may bring; a second opinion is given without seeing the first (I03, I05)."""
        from phasewise.tui.screens.ask import Ask

        idea = self.current()
        if idea is None:
            return
        text = "Hours, complexity from 1 to 5, gain in points of the metric, likelihood in %.\nFor example: 0.1, 2, 0.003, 20"
        self.app.push_screen(
            Ask(f"{'A second opinion' if second else 'Estimate'}: {idea.title}", text, prompt="hours, complexity, gain, likelihood %", check=parse_estimates),
            lambda e: e and self._estimated(idea.id, e, second),
        )

    def _estimated(self, idea_id: str, found: Estimates, second: bool) -> None:
        backlog = self.desk.session.ideas
        self.act(lambda: backlog.estimate(idea_id, found, second=second), "Estimate kept.")
        apart = backlog.disagreement(idea_id)
        if apart:
            self.notify(apart, severity="warning", markup=False)

    def action_second(self) -> None:
        """A second, blind set of estimates."""
        self.action_estimate(second=True)

    def action_noise(self) -> None:
        """What of the gains so far is noise, and how large one must be to be seen."""
        from phasewise.tui.screens.noise import noise_screen

        self.app.push_screen(noise_screen(self.desk, ascii_only=self.ascii_only))

    def action_add(self) -> None:
        """Write down an idea of one's own."""
        from phasewise.tui.screens.ask import Ask

        def check(text: str) -> tuple[Any, str]:
            title, _, change = text.partition(";")
            if not title.strip():
                return None, "write what you would change"
            try:
                return (title.strip(), parse_change(change)), ""
            except ValueError as e:
                return None, str(e)

        self.app.push_screen(Ask("A new idea", "A title; after a semicolon the change of the config, if it is one.\nFor example: Less dropout; network.dropout = [0.1]", prompt="Idea", check=check), lambda v: v and self.act(lambda: self.desk.session.ideas.add(v[0], change=v[1]), "Idea added."))

    def action_drop(self) -> None:
        """Take the idea off the list with a reason."""
        idea = self.current()
        if idea is not None:
            self.screen.ask_reason(f"Drop: {idea.title}", "It stays in the journal with the reason.", lambda reason: self.desk.session.ideas.drop(idea.id, reason))  # type: ignore[attr-defined]

    def action_go_on(self) -> None:
        """One more budget of trials after the loop stopped (L08)."""
        self.screen.ask_reason("Go on tuning", "The loop stopped where the goal said it would. Going on buys one more budget of trials; the report counts it and shows the reason.", self.desk.session.extend_budget)  # type: ignore[attr-defined]

    def action_try_it(self) -> None:
        """Try this idea now against the incumbent over the same seeds."""
        idea = self.current()
        if idea is not None:
            self.begin(lambda session: session.ideas.try_job([idea.id]))

    def act(self, do: Any, told: str) -> None:
        """Change the backlog; an error is shown."""
        try:
            do()
        except PhasewiseError as e:
            self.screen.fail(e)  # type: ignore[attr-defined]
            return
        self.notify(told, markup=False)
        self.desk.touch()
        self.screen.refresh_pages()  # type: ignore[attr-defined]


def idea_text(idea: Any) -> Content:
    """One idea: change, estimates, prediction, outcome."""
    change = ", ".join(f"{k} = {v}" for k, v in idea.change.items())
    e, p, o = idea.estimates, idea.predicted, idea.outcome
    source = content.cited(idea.source)
    rows = [line((idea.title, "bold"), (f"  {idea.category}{', ' + source if source else ''}", "muted"))]
    if change:
        rows.append(line(("change    ", "muted"), change))
    rows.append(line(("estimate  ", "muted"), f"{taken(e.hours)}, complexity {number(e.complexity)}, impact {signed(e.impact)}, likelihood {f'{e.likelihood:.0%}' if e.likelihood is not None else '-'}"))
    if p:
        rows.append(line(("predicted ", "muted"), f"{signed(p.gain)} [{signed(p.low)}, {signed(p.high)}], {p.success:.0%} to work", ("  locked" if p.locked_at else "", "warn")))
    elif idea.prediction:
        rows.append(line(("predicted ", "muted"), "no prediction was made", (f"; the backlog's estimate was {signed(idea.prediction.gain)}, {idea.prediction.success:.0%} to work", "muted")))
    if o:
        rows.append(line(("actual    ", "muted"), (f"{signed(o.gain, beside=o.high - o.low)} [{signed(o.low, beside=o.high)}, {signed(o.high, beside=o.low)}]", "bold"), (f"  {o.seeds} seeds{f', {taken(o.hours)}' if o.hours else ''}: {o.reason}", "muted")))
    if idea.why:
        rows.append(say(idea.why, "muted"))
    return lines(rows)


def taken(hours: float | None) -> str:
    """Hours as people say them: seconds, minutes, hours."""
    return rough(hours * 3600) if hours else "time unknown"


def spent(idea: Any) -> str:
    """What trying the idea took, else what it is estimated to take."""
    outcome = idea.outcome
    if outcome is not None and outcome.hours:
        return taken(outcome.hours)
    return f"~{taken(idea.estimates.hours)}" if idea.estimates.hours else ""


def parse_prediction(text: str) -> tuple[dict[str, Any] | None, str]:
    """`0.002 from -0.001 to 0.005, 40 %` as keyword arguments of `predict`."""
    import re

    numbers = [float(n) for n in re.findall(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?", text.replace("%", " "))]
    if len(numbers) == 1:
        numbers += [0.0 if numbers[0] >= 0 else 2 * numbers[0], 2 * numbers[0] if numbers[0] >= 0 else 0.0]
    if len(numbers) not in (3, 4):
        return None, "write gain, low, high and the chance, for example 0.002 from -0.001 to 0.005, 40 %"
    gain, low, high = numbers[:3]
    if not low <= gain <= high:
        return None, "the range must hold the gain: low <= gain <= high"
    chance = numbers[3] / 100 if len(numbers) == 4 else 0.15
    if not 0 <= chance <= 1:
        return None, "the chance is between 0 % and 100 %"
    return {"gain": gain, "low": low, "high": high, "success": chance}, ""


def parse_estimates(text: str) -> tuple[Estimates | None, str]:
    """`0.1, 2, 0.003, 20` as estimates; an empty place stays open."""
    parts = [p.strip().rstrip("%").strip() for p in text.split(",")]
    try:
        hours, complexity, impact, likely = (float(p) if p else None for p in parts)
        return Estimates(hours=hours, complexity=None if complexity is None else round(complexity), impact=impact, likelihood=None if likely is None else likely / 100), ""
    except ValueError:
        return None, "write four numbers: hours, complexity from 1 to 5, gain, likelihood in percent"


def parse_change(text: str) -> dict[str, Any]:
    """`network.dropout = [0.1]` lines as a config diff; raises ValueError with what is wrong."""
    import tomllib

    if not text.strip():
        return {}
    try:
        data = tomllib.loads("\n".join(part.strip() for part in text.split(",,")))
    except tomllib.TOMLDecodeError as e:
        raise ValueError(f"the change is not understood: {e}") from None
    out: dict[str, Any] = {}

    def walk(prefix: str, node: Any) -> None:
        if isinstance(node, dict):
            for k, v in node.items():
                walk(f"{prefix}.{k}" if prefix else k, v)
        else:
            out[prefix] = node

    walk("", data)
    return out
