"""What the pages of baseline, train, tune, strengthen and verify show, as lines: for `phasewise show` and for the passage line by line."""

from typing import Any

from phasewise.records.metrics import METRICS
from phasewise.records.text import safe_text

WIDTH = 40
POINTS = 12
"""Rows of a curve."""
SLICES = 5
"""Slices that are named at most."""


def baselines(session: Any) -> list[str]:
    """Whether a network is needed, with the number, and every model with its interval (G01, B01)."""
    found = _result(session, "baselines")
    if found is None:
        return []
    checkup = _result(session, "checkup")
    metric = found.models[0].validation.metric if found.models else ""
    models = [*found.models, *([checkup.smallest] if checkup is not None and checkup.smallest is not None else [])]
    models.sort(key=lambda m: m.validation.value, reverse=bool(metric) and METRICS[metric].maximize)
    lines = [f"network needed: {found.need.verdict}. {safe_text(found.need.reason, 400)}", "", f"{'model':<16}{metric:>12}  95 % interval", *(_model(m) for m in models)]
    return [*lines, *(f"not run: {safe_text(k, 40)}: {safe_text(v, 200)}" for k, v in found.skipped.items()), *(safe_text(n, 300) for n in found.notes)]


def checkup(session: Any) -> list[str]:
    """Every verdict of the network check-up with what was seen (B03-B05, V01), and what the stages cost (B08)."""
    from phasewise.workflow import stages

    found = _result(session, "checkup")
    if found is None:
        return []
    lines = [f"{v.verdict:<5} {safe_text(v.title or v.id, 60)}" + (f": {safe_text(v.detail, 300)}" if v.detail else "") for v in found.verdicts]
    lines += [f"locked because an earlier check failed: {', '.join(found.locked)}"] if found.locked else []
    spent = stages.told(stages.read(session.view)) if found.stages else ""
    lines += [f"stages: {spent}"] if spent else []
    minimal = _result(session, "minimal")
    return [*lines, *([f"minimal model: {safe_text(minimal.advice, 400)}"] if minimal is not None else [])]


def diagnosis(session: Any) -> list[str]:
    """High bias, high variance, both, optimisation failure or healthy, with the errors and gaps it rests on (V07, V08, V13)."""
    for slot in ("search", "fit"):
        found = _result(session, slot)
        d = found.diagnosis if found is not None else None
        if d is None:
            continue
        errors = [("goal", d.goal_error), ("train", d.train_error), ("validation", d.validation_error), ("trivial", d.trivial_error)]
        lines = [f"{d.verdict.replace('_', ' ')}: {safe_text(d.reason, 400)}", "", "error (less is better)"]
        lines += [f"  {name:<11}{value:>12.5g}" for name, value in errors if value is not None]
        lines += [f"  {name:<11}{value:>+12.5g}  {why}" for name, value, why in (("bias", d.bias, "train error above the goal's"), ("variance", d.variance, "validation error above train's")) if value is not None]
        lines += [f"  {'SE of gap':<11}{d.se:>12.3g}"] if d.se is not None else []
        return [*lines, *(["the curves over-fit: training falls on while validation rises (V13)"] if d.overfitting else [])]
    return []


def training(session: Any) -> list[str]:
    """Finder, curves, plan, fallbacks, what the watch saw, and the rungs of the ladder (T01-T03, V02, V03, L03)."""
    finder, fit, ladder = (_result(session, s) for s in ("find_lr", "fit", "ladder"))
    lines: list[str] = []
    if finder is not None:
        said = ", ".join(f"{s.name} {s.lr:.2g}" for s in finder.suggestions if s.lr is not None)
        lines += [f"learning rates suggested: {said or 'none'}" + (f"; chosen {finder.chosen:.2g}" if finder.chosen else ""), *(safe_text(n, 300) for n in finder.notes), ""]
    if fit is None:
        return lines
    lines += [_model(fit.model), f"{fit.epochs} epochs, {fit.steps:,} steps, {fit.stopped}; plan {fit.plan.get('plan', '')} on {fit.plan.get('device', '')}", ""]
    for name in ("train_eval_loss", "validation_loss"):
        lines += _curve(name.replace("_", " "), fit.curves.get(name, []))
    lines += [f"fallback: {safe_text(f, 300)}" for f in fit.fallbacks] + [f"note: {safe_text(n, 300)}" for n in fit.notes]
    seen = {(w.get("quantity"), w.get("layer")): w for w in reversed(fit.watch)}
    lines += [f"watch: {safe_text(w.get('quantity'), 40)} of {safe_text(w.get('layer'), 60)} is {w.get('value', float('nan')):.3g} at step {w.get('step')}" for w in seen.values()]
    if ladder is not None:
        lines += ["", "ladder", *(f"  {safe_text(r.title, 50):<50} {r.before:.4g} -> {r.after:.4g}  {'kept' if r.kept else 'undone' if r.change else 'not tried' if r.id != 'objective' else 'asked'}" + (f"  {safe_text(r.note, 100)}" if r.note else "") for r in ladder.rungs), safe_text(ladder.advice, 400)]
    return lines


def tune(session: Any) -> list[str]:
    """What the loop did, round by round, like a person's log (L08, B07), and why it stopped."""
    from phasewise.workflow import loop

    state = loop.read(session.view)
    if state is None:
        return []
    lines = [f"set out from {' '.join(_model(state.start).split())}"]
    for number, item in enumerate(state.rounds, 1):
        lines += ["", f"round {number}: {item.job.replace('_', ' ')}, {item.seconds:.0f} s"]
        result = item.result
        if item.job == "try_ideas":
            best = loop.winning(result)
            for i in result.ideas:
                word = "adopted" if best is not None and i.id == best.id else {"noise": "inside the noise", "better": "better, but another was adopted"}.get(i.verdict, i.verdict)
                lines.append(f"  {safe_text(i.title or i.id, 60)}: {i.gain:+.4g} [{i.low:+.4g}, {i.high:+.4g}] over {len(i.values)} seeds, {word}" + (f" ({safe_text(i.note, 160)})" if i.note else ""))
        elif item.job == "search":
            change = ", ".join(f"{k} = {v:.4g}" if isinstance(v, float) else f"{k} = {v}" for k, v in result.best_change.items())
            drawn = f" ({result.generations[0]} at random, {sum(result.generations[1:])} from what they reached)" if result.generations else ""
            lines.append(f"  {len(result.trials)} trials{drawn}; {'to be confirmed over seeds: ' + safe_text(change, 300) if change else 'nothing better was found'}")
        else:
            lines += [f"  without {safe_text(c.title, 60)}: {-c.drop:+.4g} [{-c.high:+.4g}, {-c.low:+.4g}]" for c in result.components]
    why = [g.text for g in session.gate("tune") if g.id == "loop-over"]
    if loop.stop_reason(session.view, state):
        why.append("going on takes a reason: phasewise run tune --override tune:budget=REASON")
    return [*lines, "", f"{state.trials} of {loop.allowed(session.view)} trials, {len(state.adopted)} adopted; now {' '.join(_model(state.incumbent).split())}", *why]


def strengthen(session: Any) -> list[str]:
    """Single models and ensembles on the same rows (X06), and the network made smaller beside itself (X10, X11)."""
    combined, pruned = _result(session, "combine"), _result(session, "prune")
    lines: list[str] = []
    if combined is not None:
        lines += ["models", *(_model(m, m.name) for m in combined.singles), "ensembles", *(_model(m, m.name) for m in combined.ensembles)]
        names = {m.ref: m.name for m in combined.singles}
        held = sorted(((w, names.get(ref, ref)) for ref, w in combined.weights.items() if w >= 0.005), reverse=True)
        lines += [f"weights: {', '.join(f'{safe_text(name, 40)} {w:.2f}' for w, name in held)}"] if held else []
        lines += [f"best: {safe_text(combined.best.name, 40)}, {combined.gain:+.4g} [{combined.low:+.4g}, {combined.high:+.4g}] beside the best single model", *(safe_text(n, 300) for n in combined.notes)]
    if pruned is not None:
        lines += ["", *(f"{name:<9}{_model(m)}" for name, m in (("before", pruned.original), ("pruned", pruned.pruned), ("scratch", pruned.scratch)) if m is not None), *(safe_text(n, 300) for n in pruned.notes)]
    return lines


def verify(session: Any) -> list[str]:
    """The sealed score beside what was foreseen, the other metrics, the models it was compared with, confusion and slices (E01, E02, E08)."""
    found = _result(session, "open_vault")
    if found is None:
        return []
    test, title = found.test, METRICS[found.test.metric].title
    lines = [safe_text(found.warning, 300), ""] if found.warning else []
    lines += [f"{found.verdict.replace('_', ' ')}: {safe_text(found.reason, 500)}", "", f"{title} {test.value:.4g} [{test.low:.4g}, {test.high:.4g}] on {found.rows:,} sealed rows, look {found.looks} of at most 3, level {found.level:g}"]
    if found.foreseen is not None:
        lines.append(f"foreseen {found.foreseen[0]:.4g} to {found.foreseen[1]:.4g}; validation {found.validation.value:.4g}, less the luck of {found.evaluations} looks {found.corrected:.4g}")
    others = {METRICS[name].title if name in METRICS else safe_text(name, 22): value for name, value in found.others.items() if name != test.metric}
    lines += ["", "other metrics", *(f"  {name:<22}{value:>10.4g}" for name, value in others.items())] if others else []
    if found.paired:
        lines += ["", "candidate minus another model, positive is better", *(f"  {safe_text(p.name, 20):<22}{p.difference:>+10.4g}  [{p.low:+.4g}, {p.high:+.4g}]" for p in found.paired)]
    names, counts = found.confusion.get("labels", []), found.confusion.get("counts", [])
    if names:
        lines += ["", "class: rows, of these recognised"]
        lines += [f"  {safe_text(str(name), 20):<22}{sum(row):>8,}  {row[i] / sum(row):.1%}" for i, (name, row) in enumerate(zip(names, counts, strict=True)) if sum(row)]
    weak = [s for s in found.slices if s.get("significant") and s.get("harm", 0.0) > 0 and (s["value"] < s["rest"]) == METRICS[test.metric].maximize]
    return [*lines, *(["", "worse than the rest beyond noise", *(f"  {safe_text(str(s['name']), 50)}: {s['value']:.4g} on {s['rows']:,} rows, {s['rest']:.4g} on the others" for s in weak[:SLICES])] if weak else [])]


PARTS = {"baselines": baselines, "checkup": checkup, "training": training, "diagnosis": diagnosis, "tune": tune, "strengthen": strengthen, "verify": verify}
OF_PHASE = {"baseline": ("baselines", "checkup"), "train": ("training", "diagnosis"), "tune": ("tune",), "strengthen": ("strengthen",), "verify": ("verify",)}
"""What the passage line by line reads out at the end of a phase."""


def of_phase(session: Any, phase: str) -> list[str]:
    """The lines of a phase's pages, parts apart by an empty line."""
    lines: list[str] = []
    for part in OF_PHASE.get(phase, ()):
        own = PARTS[part](session)
        lines += ["", *own] if own else []
    return lines


def _result(session: Any, slot: str) -> Any:
    evidence = session.evidence(slot)
    return evidence.result if evidence is not None else None


def _model(model: Any, name: str = "") -> str:
    score = model.validation
    return f"{safe_text(name or (model.name if model.source == 'baseline' else model.family), 19 if name else 15):<{20 if name else 16}}{score.value:>12.5g}  [{score.low:.5g}, {score.high:.5g}]"


def _curve(title: str, points: list[list[float]]) -> list[str]:
    """A curve as a table with bars: every figure is a number as well."""
    if not points:
        return []
    step = max(1, -(-len(points) // POINTS))
    kept = [p for i, p in enumerate(points) if (len(points) - 1 - i) % step == 0]
    top = max(y for _, y in kept) or 1.0
    return [title, *(f"  {x:>6.0f}  {y:>10.4g}  {'#' * max(0, round(WIDTH * y / top))}".rstrip() for x, y in kept), ""]
