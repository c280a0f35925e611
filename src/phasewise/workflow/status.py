"""The status document of design/interface.md, folded from a session."""

from dataclasses import asdict
from typing import Any

from phasewise.records.phases import TITLES
from phasewise.records.status import PhaseStatus, StatusDocument
from phasewise.workflow import candidates, foresight, loop, stages
from phasewise.workflow.phases.data import findings
from phasewise.workflow.phases.verify import first_look
from phasewise.workflow.ranking import proposals

__all__ = ["document", "proposals"]


def document(session: Any) -> StatusDocument:
    """Where the project stands, complete."""
    view, state = session.view, session.state()
    return StatusDocument(
        project=session.name,
        kind=view.kind,
        phase=state.phase,
        phases=[PhaseStatus(id=p.id, state=p.state, summary=p.summary, stale_because=list(p.stale_because), overrides=list(p.overrides)) for p in state.phases],
        goal=_goal(view),
        data=_data(view),
        baselines=_baselines(view),
        need_deep_learning=_need(view),
        checkup=[{"id": v.id, "verdict": v.verdict, "detail": v.detail} for v in getattr(view.latest("checkup"), "verdicts", [])],
        stages=[asdict(s) for s in stages.read(view)],
        candidate=_candidate(view),
        diagnosis=_diagnosis(view),
        ideas=[_idea(i) for i in session.ideas.all()],
        test=_test(view),
        field=_field(view),
        runs=[_run(session, r) for r in session.runs()],
        next=_next(session, state),
    )


def _goal(view: Any) -> dict[str, Any]:
    limits = {k: view.value(f"goals.{k}") for k in ("max_latency_ms", "max_size_mb") if view.value(f"goals.{k}") is not None}
    metric = view.metric
    return {"metric": metric.id if metric else "", "direction": metric.direction if metric else "maximize", "target": view.value("goals.target"), "limits": limits}


def _data(view: Any) -> dict[str, Any]:
    split = view.latest("split")
    rows = {name: split.parts[name].rows if split and name in split.parts else 0 for name in ("train", "validation", "test")}
    chosen = view.value("data.remedies") or {}
    found = [
        {"id": f.id, "severity": f.severity, "title": f.title, "columns": f.columns, "rows": f.rows, "remedy": chosen.get(f.id)}
        for f in findings(view)
    ]
    return {"rows": rows, "findings": found}


def _baselines(view: Any) -> list[dict[str, Any]]:
    found = view.latest("baselines")
    return [
        {"name": m.name, "metric": m.validation.metric, "value": m.validation.value, "low": m.validation.low, "high": m.validation.high, "seconds": m.seconds}
        for m in (found.models if found else [])
    ]


def _need(view: Any) -> dict[str, Any] | None:
    found = view.latest("baselines")
    return {"verdict": found.need.verdict, "reason": found.need.reason} if found else None


def _candidate(view: Any) -> dict[str, Any] | None:
    model = candidates.chosen(view)
    if model is None:
        return None
    score, told = model.validation, foresight.expected(view, model)
    return {
        "run": model.ref.partition("/")[0], "model": model.ref, "name": model.name, "source": model.source, "metric": score.metric,
        "train": model.train.value if model.train else None, "validation": score.value, "low": score.low, "high": score.high,
        "expected": told and {"value": told[0], "low": told[1], "high": told[2]},
    }


def _diagnosis(view: Any) -> dict[str, Any] | None:
    fit = view.latest("fit")
    return {"verdict": fit.diagnosis.verdict, "reason": fit.diagnosis.reason} if fit and fit.diagnosis else None


def _idea(idea: Any) -> dict[str, Any]:
    out, guess = idea.outcome, idea.prediction
    return {
        "id": idea.id, "title": idea.title, "status": idea.status, "predicted_gain": guess.gain if guess else None, "predicted_by": None if guess is None else "estimate" if guess.guessed else "person",
        "gain": out.gain if out else None, "low": out.low if out else None, "high": out.high if out else None,
    }


def _test(view: Any) -> dict[str, Any] | None:
    found = view.latest("open_vault")
    if found is None:
        return None
    score = found.test
    return {
        "metric": score.metric, "value": score.value, "low": score.low, "high": score.high, "looks": max(found.looks, len(view.facts.looks_now)), "level": found.level, "generation": found.generation, "first": first.test.value if (first := first_look(view)) is not None else None,
        "verdict": found.verdict, "reason": found.reason, "expected": found.foreseen and {"value": found.told, "low": found.foreseen[0], "high": found.foreseen[1]}, "stale": view.current("open_vault") is None,
    }


def _field(view: Any) -> list[dict[str, Any]]:
    out = []
    for slot, items in view.facts.evidence.by_slot.items():
        if slot.startswith("field:"):
            found = items[-1].result
            out.append({
                "name": found.name, "rows": found.rows, "value": found.score.value if found.score else None,
                "drift": [{"column": d.column, "p": d.p} for d in found.drift if d.drifted],
            })
    return out


def _run(session: Any, run: Any) -> dict[str, Any]:
    known = next((e for e in session.facts.evidence.all() if e.run == run.id), None)
    return {"id": run.id, "job": run.job().kind, "state": run.state(), "seconds": known.seconds if known else 0.0}


def _next(session: Any, state: Any) -> dict[str, Any]:
    here = state[state.phase]
    if here.state == "done":
        return {"phase": state.phase, "why": "every phase is done", "command": "phasewise report --open"}
    problems = session.problems(state.phase)
    gates = [g for g in session.gate(state.phase) if not g.ok]
    job = session.next_job(state.phase)
    due = loop.read(session.view) if state.phase == "tune" else None
    if due is not None and loop.prune_due(due) and not here.stale_because:
        return {"phase": "tune", "why": f"{len(due.adopted)} ideas are adopted: time to take away what no longer pays (I10)", "command": "phasewise ideas prune"}
    if here.stale_because:
        why = f"{TITLES[state.phase]} is stale: {here.stale_because[0]}"
    elif problems:
        why = f"{problems[0].key}: {problems[0].message}"
    elif job is not None:
        why = f"{job.title} comes next"
    elif gates:
        why = gates[0].text
    else:
        why = f"confirm the answers of {TITLES[state.phase]}"
    return {"phase": state.phase, "why": why, "command": f"phasewise run {state.phase}"}
