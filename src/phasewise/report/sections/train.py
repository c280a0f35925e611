"""Training: LR finder, fits with curves, the ladder, the diagnosis."""

from phasewise.report.blocks import Block, Figure, Section, Table, number, text
from phasewise.report.charts import lines
from phasewise.report.sections.common import missing, models_table, slug, stale
from phasewise.report.story import Evidence, Story


def _finder(evidence: Evidence) -> Section:
    data = evidence.result
    series = {"loss (median)": list(zip(data.lrs, data.losses, strict=False)), "smoothed": list(zip(data.lrs, data.smooth, strict=False))}
    marks = {"chosen": data.chosen} if data.chosen else {}
    return Section(id="finder", title="Learning-rate finder", blocks=(
        *stale(evidence),
        Table(columns=("rule", "learning rate", "note"), rows=tuple((s.name, number(s.lr), s.note) for s in data.suggestions)),
        text("Chosen: ", number(data.chosen), f" from {data.sweeps} sweep(s) with {data.optimizer or 'the optimiser of the config'}. {data.stopped}"),
        Figure(name="finder", title="Loss over learning rate", svg=lines("LR finder", series, log_x=True, x_name="learning rate", marks=marks)),
    ))


def _fit(evidence: Evidence) -> Section:
    data = evidence.result
    blocks: list[Block] = [*stale(evidence), models_table([data.model, *[m for m in data.members if m.ref != data.model.ref]])]
    losses = {k: v for k, v in data.curves.items() if "loss" in k}
    rest = {k: v for k, v in data.curves.items() if "loss" not in k and k != "lr"}
    for name, chosen in (("loss", losses), ("metric", rest)):
        if chosen:
            blocks.append(Figure(name=slug(f"{evidence.run}-{name}"), title=f"{name} over epochs", svg=lines(name, chosen, x_name="epoch")))
    blocks.append(text("Steps ", number(data.steps), ", epochs ", number(data.epochs), f". Stopped: {data.stopped or 'at the end of the budget'}. Plan: {data.plan.get('name', data.plan.get('plan', 'not recorded'))}."))
    if data.watch:
        rows = tuple(tuple(str(w.get(k, "")) for k in ("layer", "quantity", "step", "value", "bound")) for w in data.watch[:40])
        blocks.append(Table(columns=("layer", "quantity", "step", "value", "bound"), rows=rows, caption="Bounds violated during training"))
    blocks += [text(f"Note: {n}") for n in data.notes]
    blocks += [text(f"Fallback: {f}", tone="warn") for f in data.fallbacks]
    return Section(id=f"fit-{slug(evidence.run)}", title=f"Fit {evidence.run}" + (f": {evidence.title}" if evidence.title else ""), blocks=tuple(blocks))


def training(story: Story) -> Section:
    """Finder and every fit that was recorded, newest last."""
    fits, finder = story.all("fit"), story.last("find_lr")
    if not fits and finder is None:
        need = story.last("baselines")
        closed = f"no network was trained: {need.result.need.reason}" if need and need.result.need.verdict == "no" else ""
        return missing("training", "Training", story.skipped.get("train", "") or closed)
    children = ([_finder(finder)] if finder else []) + [_fit(e) for e in fits]
    return Section(id="training", title="Training", children=tuple(children))


def ladder(story: Story) -> Section:
    """Step-3 ladder: before and after of each rung (L03)."""
    evidence = story.last("ladder")
    if evidence is None:
        return missing("ladder", "Step-3 ladder")
    data = evidence.result
    rows = tuple((r.title or r.id, number(r.before), number(r.after), "kept" if r.kept else "undone", r.note) for r in data.rungs)
    return Section(id="ladder", title="Step-3 ladder", blocks=(
        *stale(evidence), Table(columns=("rung", "before", "after", "decision", "note"), rows=rows),
        text(("The goal was reached on the training set. " if data.reached else "The goal was not reached on the training set. ") + data.advice, tone="good" if data.reached else "warn"),
    ))


def diagnosis(story: Story) -> Section:
    """Bias, variance or optimisation failure, with the errors behind the word (V07, V08, V13)."""
    found = [(e, e.result.diagnosis) for e in story.all("fit") + story.all("search") if getattr(e.result, "diagnosis", None)]
    if not found:
        return missing("diagnosis", "Diagnosis")
    rows = tuple(
        (e.run, d.verdict.replace("_", " "), number(d.train_error), number(d.validation_error), number(d.goal_error), number(d.trivial_error),
         number(d.bias), number(d.variance), number(d.se), "yes" if d.overfitting else "no")
        for e, d in found
    )
    columns = ("run", "verdict", "train error", "validation error", "goal error", "trivial error", "bias", "variance", "SE", "overfitting")
    return Section(id="diagnosis", title="Diagnosis", blocks=(Table(columns=columns, rows=rows), text(found[-1][1].reason)))
