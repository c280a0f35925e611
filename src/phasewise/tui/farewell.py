"""What is said when the app ends: the run, the best value, the command that comes back; or the crash log's path."""

import os
import shlex
import time
import traceback
from pathlib import Path
from typing import Any

from phasewise.tui.exit import ExitInfo
from phasewise.tui.names import called
from phasewise.tui.numbers import number


def farewell(desk: Any, folder: Path | None, code: int, stopping: str = "") -> ExitInfo:
    """The exit information of an open project."""
    run = desk.running() or desk.board.runs.get(desk.board.current)
    place = str(folder or getattr(desk.session, "folder", "") or "")
    state = {"stop_epoch": "stopping after this epoch", "stop_now": "stopping now"}.get(stopping, run.state if run else "")
    command = f"phasewise {shlex.quote(place)}" if place else "phasewise"
    if run is not None and run.state in ("running", "paused") and not stopping:
        state = f"{state}, goes on without this window"
    return ExitInfo(code=code, folder=place, run=run.id if run else "", run_state=state, best=best_value(desk), command=command)


def remember_project(desk: Any, folder: Path) -> None:
    """Put the project at the top of the start screen's list."""
    from phasewise.tui import recent

    state = desk.state()
    here = next(p for p in state.phases if p.id == state.phase)
    recent.remember(recent.Recent(path=str(Path(folder).absolute()), name=desk.session.name, phase=here.id, state=here.state, best=best_value(desk), t=time.time()))


def while_away(desk: Any, folder: Path | None) -> str:
    """What finished since this project was last left, in one sentence; an empty text when nothing did."""
    from phasewise.tui import recent

    known = next((r for r in recent.load() if folder is not None and r.path == str(Path(folder).absolute())), None)
    if known is None:
        return ""
    found = [e for s in desk.session.slots() if (e := desk.session.evidence(s)) is not None and e.t > known.t]
    if not found:
        return ""
    from phasewise.tui.desk import VERBS

    titles = ", ".join(VERBS.get(e.job, e.job).lower() for e in sorted(found, key=lambda e: e.t))
    best = best_value(desk)
    return f"Since you left {recent.ago(known.t)}: {titles}." + (f" Best so far: {best}." if best else "")


def best_value(desk: Any) -> str:
    """The best validation value any evidence holds, in words."""
    found = []
    for slot, read in _BEST.items():
        result = desk.result(slot)
        model = read(result) if result is not None else None
        if model is not None and model.validation.metric == desk.metric:
            found.append(model)
    if not found:
        return ""
    best = (max if desk.maximize else min)(found, key=lambda m: m.validation.value)
    s = best.validation
    return f"{desk.metric_title()} {number(s.value)} [{number(s.low)}, {number(s.high)}], {called(desk, best.ref)}"


_BEST: dict[str, Any] = {
    "baselines": lambda r: r.models[0] if r.models else None, "fit": lambda r: r.model, "search": lambda r: r.best, "combine": lambda r: r.best,
}


def crash_log(error: BaseException, folder: Path | None) -> list[str]:
    """Write the traceback (no local variables) to a file; returns the lines to print."""
    from phasewise.records.errors import PhasewiseError

    home = Path(folder) / ".phasewise" if folder is not None and (Path(folder) / "phasewise.toml").exists() else Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "phasewise"
    lines = error.lines() if isinstance(error, PhasewiseError) else [f"error: Phasewise stopped: {type(error).__name__}: {str(error)[:200]}"]
    try:
        home.mkdir(parents=True, exist_ok=True)
        path = home / f"crash-{time.strftime('%Y%m%d-%H%M%S')}.log"
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        path.chmod(0o600)
        lines.append(f"  log: {path}")
    except OSError:
        lines.append("  log: could not be written")
    return [*lines, "  Runs go on; nothing that was saved is lost."]
