"""Slices, the opening of the vault, and field data."""

from phasewise.report.blocks import Block, Estimate, Figure, Section, Table, number, text
from phasewise.report.charts import bars, intervals, reliability
from phasewise.report.sections.common import findings_told, missing, pairs, score, stale
from phasewise.report.story import Story
from phasewise.report.texts import say


def _confusion(data: dict) -> list[Block]:
    labels, counts = data.get("labels", []), data.get("counts", [])
    if not labels:
        return []
    rows = tuple((str(name), *[number(c) for c in row]) for name, row in zip(labels, counts, strict=False))
    return [Table(columns=("truth \\ predicted", *map(str, labels)), rows=rows, caption="Confusion matrix")]


def _calibration(data: dict, name: str) -> list[Block]:
    if not data.get("bins"):
        return []
    points = [(float(b["mean"]), float(b["observed"])) for b in data["bins"] if "mean" in b and "observed" in b]
    out: list[Block] = [text("Expected calibration error: ", number(data.get("ece")), "; after temperature ", number(data.get("temperature")), ": ", number(data.get("ece_after")), ".")]
    return [*out, Figure(name=name, title="Reliability", svg=reliability("Reliability", points))]


def slices(story: Story) -> Section:
    """Inspection of the newest inspected model: slices, calibration, importance, learning curve (V04-V09, R16, D16)."""
    evidence = story.last("inspect")
    if evidence is None:
        return missing("slices", "Slices and inspection")
    data = evidence.result
    rows = tuple((s.name, number(s.rows), Estimate(value=s.value, low=s.low, high=s.high), number(s.rest), number(s.q), "yes" if s.significant else "no") for s in data.slices[:30])
    blocks: list[Block] = [*stale(evidence), text(f"Model {data.model}, validation rows.")]
    blocks += findings_told(data.findings)
    blocks.append(Table(columns=("slice", "rows", "value [95 %]", "rest", "q", "differs"), rows=rows, caption="Slices against the rest, false discoveries held at 5 %"))
    blocks += _confusion(data.confusion) + _calibration(data.calibration, "reliability")
    if data.importance:
        items = [(str(i.get("column", "")), float(i.get("drop", 0.0))) for i in data.importance[:20]]
        blocks.append(Figure(name="importance", title="Permutation importance", svg=bars("Permutation importance", items)))
        blocks.append(Table(columns=("column", "drop when shuffled [95 %]"), rows=tuple((str(i.get("column", "")), Estimate(value=i["drop"], low=i["low"], high=i["high"])) for i in data.importance[:20] if {"drop", "low", "high"} <= i.keys())))
    for key, value in data.learning_curve.items():
        if isinstance(value, int | float | str):
            blocks.append(text(f"Learning curve, {key.replace('_', ' ')}: ", number(value) if not isinstance(value, str) else value))
    return Section(id="slices", title="Slices and inspection", blocks=tuple(blocks))


def verify(story: Story) -> Section:
    """Every opening of the vault, in order; none can be left out."""
    found = story.all("open_vault")
    failed = [look for look in story.looks if look.get("run") not in {e.run for e in found}]
    if not found and not failed:
        return missing("verify", "Verification on the sealed test set")
    blocks: list[Block] = [text(f"Look {look.get('looks', '')} by run {look.get('run', '')} left no result.", tone="bad") for look in failed]
    for e in found:
        d = e.result
        blocks += stale(e)
        if d.warning:
            blocks.append(text(d.warning, tone="bad"))
        blocks.append(pairs([
            ("test", Estimate(value=d.test.value, low=d.test.low, high=d.test.high, level=d.level)), ("metric", d.test.metric), ("interval level", number(d.level)), ("method", d.test.method),
            ("verdict", f"{d.verdict}: {say('word', d.verdict)}"), ("reason", d.reason), ("claim", d.claim), ("target", number(d.target)),
            ("validation", score(d.validation)), ("corrected validation", number(d.corrected)),
            ("expected on these rows, before opening", Estimate(value=d.told, low=d.foreseen[0], high=d.foreseen[1]) if d.foreseen else None), ("validation evaluations (K)", number(d.evaluations)),
            ("z of the gap", number(d.z)), ("chance to confirm, before opening", number(d.power)), ("predicted by the person", number(d.predicted)),
            ("changed since the look before", "; ".join(d.changes) or None), ("best of the opened models, corrected for the choice", number(d.shrunk)), ("rows", number(d.rows)), ("look", number(d.looks)), ("generation", number(d.generation)), ("frozen candidate", d.freeze), ("manifest", d.manifest),
        ], caption=f"Opening {d.looks}, run {e.run}"))
        if d.paired:
            blocks.append(Table(columns=("against", "its value", "candidate minus it", "method"), caption=say("intro", "paired"),
                                rows=tuple((p.name, number(p.value), Estimate(value=p.difference, low=p.low, high=p.high), p.method) for p in d.paired)))
            blocks.append(Figure(name=f"paired-{e.seq}", title="Candidate against the others on test rows", svg=intervals("Paired differences", [(p.name, p.difference, p.low, p.high) for p in d.paired], {"equal": 0.0})))
        blocks.append(Table(columns=("other metric", "value"), rows=tuple((k, number(v)) for k, v in d.others.items())))
        blocks += _confusion(d.confusion) + _calibration(d.calibration, f"reliability-test-{e.seq}")
        if d.slices:
            blocks.append(Table(columns=("slice", "rows", "value", "rest", "q"), rows=tuple((str(s.get("name", "")), number(s.get("rows")), number(s.get("value")), number(s.get("rest")), number(s.get("q"))) for s in d.slices[:20])))
    return Section(id="verify", title="Verification on the sealed test set", blocks=tuple(blocks))


def field(story: Story) -> Section:
    """New data: score, drift, and which loop to take (E05-E07, L07)."""
    found = story.all("field")
    if not found:
        return missing("field", "Field data", story.skipped.get("field", ""))
    blocks: list[Block] = []
    for e in found:
        d = e.result
        drifted = [r for r in d.drift if r.drifted]
        blocks += [*stale(e), pairs([
            ("data", f"{d.name} ({d.file})"), ("rows", number(d.rows)), ("rows already seen in training (left out)", number(d.overlap)), ("score", score(d.score)),
            ("domain classifier AUC", number(d.domain_auc)), ("columns drifted", number(len(drifted))), ("loop to take", f"{d.loop or 'none'}: {d.loop_reason or say('word', d.loop or 'none')}"),
        ])]
        if d.drift:
            blocks.append(Table(columns=("column", "effect", "q", "drifted", "detail"), rows=tuple((r.column, number(r.effect), number(r.q), "yes" if r.drifted else "no", r.detail) for r in sorted(d.drift, key=lambda r: -r.effect)[:30])))
        if d.do_not_trust:
            blocks.append(text("Do not trust: " + "; ".join(d.do_not_trust), tone="bad"))
        blocks += findings_told(f for f in d.findings if f.severity in ("block", "warn"))
    return Section(id="field", title="Field data", blocks=tuple(blocks))
