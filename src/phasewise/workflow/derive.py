"""Phase states, gates and problems, derived from answers and evidence; nothing here is stored."""

from typing import Any

from phasewise.records.answers import ANSWERS, question_meta
from phasewise.records.phases import PHASES, TITLES
from phasewise.workflow.phases import REGISTRY
from phasewise.workflow.questions import asked
from phasewise.workflow.values import change_said, counting
from phasewise.workflow.words import GateItem, PhaseView, Problem, ProjectState


def gate(view: Any, phase: str) -> list[GateItem]:
    """The phase's gate with written overrides counted as passed."""
    out = []
    for item in REGISTRY[phase].gate(view):
        reason = view.facts.overrides.get((phase, item.id), "")
        if reason and not item.ok and item.overridable:
            item = GateItem(id=item.id, ok=True, text=item.text, overridable=True, overridden=reason, remedy=item.remedy)
        out.append(item)
    return out


def problems(view: Any, phase: str) -> list[Problem]:
    """Missing required answers, values outside their lists, and what the phase itself finds."""
    out = []
    for name in REGISTRY[phase].required:
        if view.value(f"{phase}.{name}") in (None, "", [], {}):
            out.append(Problem(phase=phase, field=name, message="An answer is missing.", remedy=f"Give {phase}.{name}."))
    found = REGISTRY[phase].problems(view)
    named = {p.field for p in out}
    out += [p for p in found if p.field not in named]
    return [p for p in out if not p.field or asked(view, phase, p.field, question_meta(ANSWERS[phase].model_fields[p.field]))]


def changed_since_confirmed(view: Any, phase: str) -> list[str]:
    """Answers that differ from what the phase was confirmed with."""
    known = view.book.accepted(phase)
    stored = view.facts.accepted.get(phase)
    if known is None or stored is None:
        return []
    out = []
    for name, before in stored.values.items():
        key = f"{phase}.{name}"
        before, now = counting(key, before), counting(key, view.value(key))
        if now != before and not (isinstance(now, float) and isinstance(before, int | float) and float(before) == now):
            out.append(change_said(key, before, now) if before is not None else f"{key} is now {now!r}")
    return out


def next_job(view: Any, phase: str) -> Any:
    """The phase's next job; the first two phases are never locked, a later one waits for the doors before it."""
    if PHASES.index(phase) > 1 and not all(_passed(view, p) for p in PHASES[: PHASES.index(phase)]):
        return None
    return REGISTRY[phase].next_job(view)


def complete(view: Any, phase: str) -> bool:
    """Whether the phase itself has all it needs: confirmed as it stands, evidence current, gate open."""
    return (
        phase in view.facts.accepted
        and not view.facts.open_again(phase)
        and not changed_since_confirmed(view, phase)
        and not REGISTRY[phase].stale(view)
        and all(g.ok for g in gate(view, phase))
        and not problems(view, phase)
        and REGISTRY[phase].next_job(view) is None
    )


def _skipped(view: Any, phase: str) -> str:
    why = REGISTRY[phase].not_needed(view)
    if why:
        return why
    return view.facts.skipped[phase][1] if phase in view.facts.skipped else ""


def _passed(view: Any, phase: str) -> bool:
    return bool(_skipped(view, phase)) or complete(view, phase)


def state(view: Any, *, running: set[str]) -> ProjectState:
    """Every phase's state; the first one that is neither done nor skipped comes next."""
    out: list[PhaseView] = []
    here = ""
    closed = ""
    for phase in PHASES:
        item = _phase(view, phase, running, closed)
        out.append(item)
        if item.state not in ("done", "skipped"):
            here = here or phase
            closed = closed or phase
    return ProjectState(phase=here or PHASES[-1], phases=tuple(out))


def _phase(view: Any, phase: str, running: set[str], closed: str) -> PhaseView:
    rules = REGISTRY[phase]
    overrides = tuple(f"{gate_id}: {reason}" for (p, gate_id), reason in view.facts.overrides.items() if p == phase)
    said = rules.summary(view)
    if phase in running:
        return PhaseView(id=phase, state="running", summary=said, overrides=overrides)
    skipped = _skipped(view, phase)
    if skipped and not closed:
        return PhaseView(id=phase, state="skipped", summary=skipped, overrides=overrides)
    again = view.facts.open_again(phase)
    reasons = [f"reopened: {again}"] if again else []
    reasons += changed_since_confirmed(view, phase) + rules.stale(view)
    if not closed and not skipped and not reasons and complete(view, phase):
        return PhaseView(id=phase, state="done", summary=said, overrides=overrides)
    had = phase in view.facts.accepted or rules.started(view)
    if closed and had and not reasons:
        if phase not in view.facts.accepted and PHASES.index(phase) <= 1:  # the file was read for the first recommendations: nothing a person did is out of date
            return PhaseView(id=phase, state="ready", summary=said, overrides=overrides)
        reasons = [f"{TITLES[closed]} is open"]
    if reasons and had:
        return PhaseView(id=phase, state="stale", summary=said, stale_because=tuple(dict.fromkeys(reasons)), overrides=overrides)
    if closed:
        return PhaseView(id=phase, state="locked", summary=said, overrides=overrides, why_locked=f"{TITLES[closed]} comes first.")
    return PhaseView(id=phase, state="ready", summary=said, overrides=overrides)
