"""Answering a finding: the chosen remedy becomes an answer that every later job replays."""

from typing import Any

from phasewise.records.errors import UsageError
from phasewise.workflow.phases.data import findings

_COLUMN = {"group-split": ("grouped", "group"), "split-by-group": ("grouped", "group"), "time-split": ("time", "time"), "split-by-time": ("time", "time")}
_POLICY = {"stratify": "stratified", "split-stratified": "stratified", "shuffle": "random"}
_IMBALANCE = {"class-weights": "weights", "over-sample": "over", "under-sample": "under"}


def choose(session: Any, finding_id: str, action: str) -> None:
    """Record a remedy for a finding; unknown findings and actions name what there is.

    A remedy that is really another answer (split policy, folds, imbalance) becomes that answer; every other is kept, as the
    finding spells it, among `data.remedies`.
    """
    every = {f.id: f for f in findings(session.view)}
    if finding_id not in every:
        import difflib

        near = difflib.get_close_matches(finding_id, list(every), n=1)
        raise UsageError(f"unknown finding {finding_id!r}", f"{len(every)} findings are on record.", f"Did you mean {near[0]!r}?" if near else "See `phasewise status --json`.")
    finding = every[finding_id]
    remedy = next((r for r in finding.remedies if action in (r.action, r.spelled)), None)
    if remedy is None and action != "accept":
        raise UsageError(f"{finding_id!r} has no remedy {action!r}", finding.title, f"Choose one of {', '.join([*(r.action for r in finding.remedies), 'accept'])}.")
    instead = answers_of(finding, remedy) if remedy is not None else {}
    for key, value in instead.items():
        phase, field = key.split(".")
        session.answers.set(phase, field, value)
    if not instead:
        chosen = dict(session.answers.value("data", "remedies") or {}) | {finding_id: remedy.spelled if remedy else "accept"}
        session.answers.set("data", "remedies", chosen)
    session.journal("remedy", {"finding": finding_id, "action": action})


def awaited(session: Any, finding_id: str, action: str) -> bool:
    """Record the remedy of a finding that is on record; True where the data is not checked yet and the finding may still come.

    Raises `UsageError` for an id that no check can give, and for a finding that a finished check does not have.
    """
    if any(f.id == finding_id for f in findings(session.view)) or session.view.current("checks") is not None:
        choose(session, finding_id, action)
        return False
    from phasewise.checks.texts import known

    check = finding_id.partition(":")[0]
    if check not in known():
        import difflib

        near = difflib.get_close_matches(check, sorted(known()), n=1)
        raise UsageError(f"unknown finding {finding_id!r}", f"There is no check {check!r}.", f"Did you mean {finding_id.replace(check, near[0], 1)!r}?" if near else "The ids stand in `phasewise check --findings` once the data is checked.")
    return True


def answers_of(finding: Any, remedy: Any) -> dict[str, Any]:
    """The answers a remedy stands for; empty for one that is replayed on the rows."""
    if remedy.action in _COLUMN:
        policy, field = _COLUMN[remedy.action]
        column = remedy.args.get("column") or next(iter(finding.columns), None)
        return {"data.policy": policy} | ({f"data.{field}": column} if column else {})
    if remedy.action in _POLICY:
        return {"data.policy": _POLICY[remedy.action]}
    if remedy.action in _IMBALANCE:
        return {"approach.imbalance": _IMBALANCE[remedy.action]}
    return {"folds": {"data.folds": 5, "data.validation_share": 0.0}, "pca": {"data.pca": 0.95}}.get(remedy.action, {})


def recommended(view: Any) -> dict[str, str]:
    """Finding -> recommended action, for blocking and warning findings nobody has answered yet.

    A remedy that draws the split anew comes alone: what the others found on the old split may be gone after it. No split is drawn along a date
    that another finding wants left out.
    """
    leaving = {c for f in findings(view) if f.severity in ("block", "warn") and (r := f.recommended()) is not None and r.action == "drop-column" for c in f.columns}
    answered = (view.value("data.remedies") or {}).keys() | view.facts.remedies.keys()
    out: dict[str, str] = {}
    for finding in findings(view):
        remedy = finding.recommended()
        if finding.severity in ("block", "warn") and finding.id not in answered and remedy is not None:
            instead = answers_of(finding, remedy)
            if instead.get("data.time") in leaving:
                continue
            if any(key.startswith("data.") for key in instead):
                return {finding.id: remedy.action}
            out[finding.id] = remedy.action
    return out
