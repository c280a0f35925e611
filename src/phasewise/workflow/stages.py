"""The order of trust in a network: cheapest test first, each stage locked until the one before it is green for this very code (B08)."""

from dataclasses import dataclass
from typing import Any, Literal

from phasewise.records.errors import GateError
from phasewise.workflow.dev import CODE

KNOWN = ("shape", "unit", "one batch", "control", "subset", "smallest")
FULL = ("find_lr", "fit", "ladder", "search", "try_ideas", "ablate", "combine", "prune")
"""Jobs that train for real."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage with what it cost; `why` says what a locked one waits for."""

    id: str
    state: Literal["green", "red", "open", "locked", "stale"]
    seconds: float | None = None
    why: str = ""


def read(view: Any) -> list[Stage]:
    """Every stage of the present project, from the static checks to the full run; empty before the first check-up."""
    found = view.evidence("checkup")
    if found is None or not found.result.stages:
        return []
    out: list[Stage] = []
    ran = {s.stage: s for s in found.result.stages}
    stale, waits = (found.stale_because[0] if found.stale else ""), ""
    for name in dict.fromkeys([*ran, *KNOWN]):
        s = ran.get(name)
        state = "locked" if s is None else "stale" if stale else s.state
        out.append(Stage(id=name, state=state, seconds=s.seconds if s else None, why=stale if state == "stale" else waits if state == "locked" else ""))
        waits = waits or (f"{name} is red" if s is not None and s.state == "red" else "")
    closed, fit = shut(view), view.evidence("fit")
    full = "locked" if closed else "open" if fit is None else "stale" if fit.stale else "green"
    return [*out, Stage(id="full", state=full, seconds=fit.seconds if fit else None, why=closed or (fit.stale_because[0] if fit and fit.stale else ""))]


def shut(view: Any) -> str:
    """Why nothing may be trained for real now: the check-up is red, or was made with other code; empty when it may (a written override counts)."""
    if not view.value("baseline.checkup") or ("baseline", "checkup") in view.facts.overrides:
        return ""
    found = view.evidence("checkup")
    if found is None:
        return ""
    for key in CODE:
        if view.value(key) and found.inputs.get(f"file:{key}") != view.files.identity(view.value(key)):
            return f"the code of {key} changed since the check-up"
    red = [v.id for v in found.result.verdicts if v.verdict == "fail"]
    return f"the check-up is red: {', '.join(red[:4])}" if red and not found.stale else ""


def refuse(view: Any, job: Any) -> None:
    """Raises `GateError` for a real training while a cheaper stage is red or was green for other code."""
    why = shut(view) if job.kind in FULL and getattr(job, "role", "") != "smallest" else ""
    if why:
        raise GateError("the full run waits for the check-up", f"{why[0].upper()}{why[1:]}.", "Repair it and do `phasewise run baseline`, or write why you go on: phasewise run --override baseline:checkup=REASON")


def told(stages: list[Stage]) -> str:
    """One line: `shape 0.05 s, unit 1.2 s, one batch RED 0.4 s, subset locked ...`."""
    parts = []
    for s in stages:
        word = "" if s.state == "green" else f" {s.state.upper() if s.state == 'red' else 'not yet' if s.state == 'open' else s.state}"
        parts.append(f"{s.id}{word}" + (f" {s.seconds:.2g} s" if s.seconds is not None and s.seconds < 10 else f" {s.seconds:.0f} s" if s.seconds is not None else ""))
    return ", ".join(parts)
