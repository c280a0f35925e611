"""Answering a finding: the chosen action becomes an answer that every later job replays."""

from typing import Any

from phasewise.records.errors import UsageError
from phasewise.workflow.phases.data import findings


def choose(session: Any, finding_id: str, action: str) -> None:
    """Record `action` for a finding; unknown findings and actions name what there is."""
    every = {f.id: f for f in findings(session.view)}
    if finding_id not in every:
        import difflib

        near = difflib.get_close_matches(finding_id, list(every), n=1)
        raise UsageError(f"unknown finding {finding_id!r}", f"{len(every)} findings are on record.", f"Did you mean {near[0]!r}?" if near else "See `phasewise status --json`.")
    actions = [r.action for r in every[finding_id].remedies]
    if action not in (*actions, "accept"):
        raise UsageError(f"{finding_id!r} has no remedy {action!r}", every[finding_id].title, f"Choose one of {', '.join([*actions, 'accept'])}.")
    chosen = dict(session.answers.value("data", "remedies") or {}) | {finding_id: action}
    session.answers.set("data", "remedies", chosen)
    session.journal("remedy", {"finding": finding_id, "action": action})


def recommended(view: Any) -> dict[str, str]:
    """Finding -> recommended action, for blocking and warning findings nobody has answered."""
    chosen = view.value("data.remedies") or {}
    out: dict[str, str] = {}
    for finding in findings(view):
        remedy = finding.recommended()
        if finding.severity in ("block", "warn") and finding.id not in chosen and remedy is not None:
            out[finding.id] = remedy.action
    return out
