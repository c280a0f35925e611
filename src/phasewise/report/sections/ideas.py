"""Ideas with predictions and outcomes (null results printed), search and ablations."""

from phasewise.report.blocks import Block, Cell, Estimate, Figure, Section, Table, number, text
from phasewise.report.charts import intervals
from phasewise.report.sections.common import missing, models_table, stale
from phasewise.report.story import Story
from phasewise.report.texts import say


def _gain(gain: float, low: float, high: float) -> Cell:
    return Estimate(value=gain, low=low, high=high)


def ideas(story: Story) -> Section:
    """Backlog with locked predictions against outcomes, then every trial run (I08, B07)."""
    tried = story.all("try_ideas")
    if not story.ideas and not tried:
        return missing("ideas", "Ideas", story.skipped.get("tune", ""))
    blocks: list[Block] = []
    if story.ideas:
        rows = []
        for i in story.ideas:
            p, o = i.predicted, i.outcome
            rows.append((i.title, i.category, i.status.replace("_", " "), _gain(p.gain, p.low, p.high) if p else "none given", number(p.success) if p else "",
                         _gain(o.gain, o.low, o.high) if o else "not run", ("adopted" if o.adopted else "not adopted") if o else "", o.reason if o else i.why))
        blocks.append(text(say("intro", "calibration"), " ", say("intro", "null_results")))
        blocks.append(Table(columns=("idea", "family", "status", "predicted gain [80 %]", "P(success)", "gain [95 %]", "decision", "reason"), rows=tuple(rows)))
        judged = [(i.predicted.success, i.outcome.adopted) for i in story.ideas if i.predicted and i.outcome]
        if judged:
            brier = sum((p - float(a)) ** 2 for p, a in judged) / len(judged)
            inside = sum(i.predicted.low <= i.outcome.gain <= i.predicted.high for i in story.ideas if i.predicted and i.outcome)
            blocks.append(text("Brier score of the success predictions: ", number(brier), f"; {inside} of {len(judged)} outcomes lie in the predicted range; {sum(a for _, a in judged)} of {len(judged)} ideas worked."))
        elif any(i.outcome for i in story.ideas):
            blocks.append(text("No prediction was made before an idea ran, so there is none to judge."))
    for e in tried:
        rows = tuple((i.title or i.id, _gain(i.gain, i.low, i.high), i.verdict, ", ".join(f"{k} = {v}" for k, v in i.change.items()), i.note) for i in e.result.ideas)
        blocks += [*stale(e), Table(columns=("idea", "paired gain [95 %]", "verdict", "change", "note"), rows=rows, caption=f"Run {e.run}: {len(e.result.seeds)} paired seeds" + (f", {len(e.result.more_seeds)} more for ideas that looked promising" if e.result.more_seeds else ""))]
        chart = [(i.title or i.id, i.gain, i.low, i.high) for i in e.result.ideas]
        blocks.append(Figure(name=f"ideas-{e.seq}", title="Paired gains (positive is better)", svg=intervals("Ideas", chart, {"no gain": 0.0})))
    return Section(id="ideas", title="Ideas", blocks=tuple(blocks))


def search(story: Story) -> Section:
    """Trials, survivors and the luck that comes with trying many (E04)."""
    found = story.all("search")
    if not found:
        return missing("search", "Search")
    blocks: list[Block] = []
    for e in found:
        data = e.result
        rows = tuple((t.id, number(t.value), t.state, number(t.epochs), ", ".join(f"{k} = {_short(v)}" for k, v in t.config.items())) for t in data.trials[:60])
        drawn = f", {data.generations[0]} at random and {sum(data.generations[1:])} proposed from what those before them reached" if data.generations else ""
        blocks += [*stale(e), Table(columns=("trial", "objective", "state", "epochs", "change"), rows=rows, caption=f"Run {e.run}: {len(data.trials)} trials{drawn}")]
        if data.best is not None:
            blocks.append(models_table([data.best], "Best of the search"))
        blocks.append(text("Expected best-of-K luck in this search: ", number(data.optimism), " over ", number(data.evaluations), " validation evaluations. Rank correlation between rungs: ", number(data.rung_correlation), "."))
    return Section(id="search", title="Search", blocks=tuple(blocks))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def ablations(story: Story) -> Section:
    """What each component is worth, Holm-corrected (V10)."""
    found = story.all("ablate")
    if not found:
        return missing("ablations", "Ablations")
    blocks: list[Block] = []
    for e in found:
        rows = tuple((c.title or c.id, _gain(c.drop, c.low, c.high), number(c.p), number(c.p_holm), c.note) for c in e.result.components)
        blocks += [*stale(e), Table(columns=("without", "drop [95 %]", "p", "p (Holm)", "note"), rows=rows)]
        blocks.append(Figure(name=f"ablation-{e.seq}", title="Drop when removed", svg=intervals("Ablation", [(c.title or c.id, c.drop, c.low, c.high) for c in e.result.components], {"no drop": 0.0})))
        if e.result.path:
            blocks.append(Table(columns=("cumulative removal", "value"), rows=tuple((str(p.get("title", p.get("id", ""))), number(p.get("value"))) for p in e.result.path)))
        blocks.append(text("Interaction (all removed minus the sum of single drops): ", number(e.result.interaction), "."))
    return Section(id="ablations", title="Ablations", blocks=tuple(blocks))
