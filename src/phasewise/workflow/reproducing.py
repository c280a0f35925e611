"""A run done again from its record, beside the project: the same job, the same threads, what had run before it, and nothing else (R22).

Equal means: the same result but for times, the same stored predictions and the same weights, bit for bit. This holds on a CPU with the same versions.
"""

import hashlib
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasewise.records.errors import RunError, UsageError
from phasewise.records.models import apply_change
from phasewise.records.text import safe_text
from phasewise.workflow.recording import told

TRAINS = ("baselines", "checkup", "find_lr", "fit", "ladder", "minimal", "search", "try_ideas", "ablate", "inspect", "combine", "prune")
"""Job kinds that can be done again: they read the development rows and write only into their own folder."""
TIMES = ("seconds", "hours", "latency_ms", "throughput", "speed", "plan", "digest")
"""What a clock says, the plan a probe chose by it, and the digest of a card that holds such numbers."""
KEPT = ("job.json", "result.json", "events.jsonl", "exit.json", "launch.json")
MOST = 8


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """What came of doing a run again."""

    run: str
    equal: bool
    numbers: int
    """Numbers of the result that were compared."""
    files: int
    """Prediction and weight files that were compared byte by byte."""
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def reproduce(session: Any, run_id: str, *, runner: Callable[[Any], Any] | None = None, sleep: Callable[[float], None] = time.sleep) -> Repeat:
    """Do a recorded run again in a scratch copy and compare; the outcome goes into the journal. Raises `UsageError`, `RunError`."""
    run = _of(session, run_id)
    environment = told(run).environment
    scratch = session.folder / ".phasewise" / "again"
    shutil.rmtree(scratch, ignore_errors=True)
    began = time.monotonic()
    try:
        with _copied(session, run, scratch) as project:
            again = project.runs.create(_as_it_ran(run).model_copy(update={"threads": environment.get("threads") or 1}))
            engine = (runner or _local)(project)
            try:
                engine.start(again)
                while again.state() in ("queued", "running", "paused"):
                    sleep(0.1)
            finally:
                engine.close()
            if again.state() != "finished":
                raise RunError(f"the repeat of {run_id} did not end well", f"It is {again.state()}.", f"Read {again.path}/engine.log.")
            found = _compared(run, again, environment, time.monotonic() - began)
    except RunError:
        raise
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    shutil.rmtree(scratch, ignore_errors=True)
    if not session.read_only:
        session.journal("reproduced", {"run": run_id, "equal": found.equal, "numbers": found.numbers, "files": found.files, "differences": list(found.differences)})
    return found


def _of(session: Any, run_id: str) -> Any:
    run = next((r for r in session.runs() if r.id == run_id), None)
    if run is None:
        import difflib

        near = difflib.get_close_matches(run_id, [r.id for r in session.runs()], n=1)
        raise UsageError(f"there is no run {safe_text(run_id, 60)!r}", "Runs are named as `phasewise runs` lists them.", f"Did you mean {near[0]!r}?" if near else "See `phasewise runs`.")
    kind = run.job().kind
    if kind not in TRAINS:
        raise UsageError(f"a {kind} run is not done again", "It reads the file, the vault or new rows, or writes outside its folder.", f"Runs that can be: {', '.join(TRAINS)}.")
    if run.state() != "finished" or run.result() is None:
        raise UsageError(f"run {run_id} has no result to compare with", f"It is {run.state()}.", "Choose a finished run.")
    return run


def _as_it_ran(run: Any) -> Any:
    """The job, with the learning rates that a person set while it ran (T11)."""
    job, model = run.job(), (run.result() or {}).get("model") or {}
    keys = ((model.get("config") or {}).get("train") or {}).get("schedule_options", {}).get("keys")
    return job.model_copy(update={"config": apply_change(job.config, {"train.schedule_options.keys": keys})}) if keys and job.kind == "fit" else job


def _local(project: Any) -> Any:
    from phasewise.runners.local import LocalRunner

    return LocalRunner(project)


def _copied(session: Any, run: Any, scratch: Path) -> Any:
    """A project that holds what this one held when the run began: answers, journal, split, earlier runs; no vault."""
    from phasewise.project.folder import Project

    Project.create(scratch, session.name).close()
    for name in ("phasewise.toml", "journal.jsonl"):
        shutil.copyfile(session.folder / name, scratch / name)
    _linked(session.folder / "splits", scratch / "splits")
    for other in session.runs():
        if other.id < run.id and other.state() == "finished":
            for name in KEPT:
                if (other.path / name).is_file():
                    _link(other.path / name, scratch / "runs" / other.id / name)
            for part in ("models", "arrays"):
                _linked(other.path / part, scratch / "runs" / other.id / part)
    return Project.open(scratch)


def _linked(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")) if source.is_dir() else []:
        if path.is_file() and not path.is_symlink():
            _link(path, target / path.relative_to(source))


def _link(source: Path, target: Path) -> None:
    """A second name for a file that is only read; a copy where the file system has no such names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _compared(run: Any, again: Any, environment: dict[str, Any], seconds: float) -> Repeat:
    old, new = _plain(run.result(), run.id), _plain(again.result(), again.id)
    differences = [f"{path}: {safe_text(a, 40)} and now {safe_text(b, 40)}" for path, a, b in _unequal(old, new)]
    names = {p.relative_to(run.path) for part in ("arrays", "models") for p in (run.path / part).rglob("*") if p.suffix in (".npz", ".safetensors") and p.is_file()}
    for name in sorted(names):
        if not (again.path / name).is_file():
            differences.append(f"{name} was not made again")
        elif _content(run.path / name) != _content(again.path / name):
            differences.append(f"{name} holds other bytes")
    now = told(again).environment
    notes = [f"{k} was {v} and is {now.get('versions', {}).get(k)}" for k, v in environment.get("versions", {}).items() if now.get("versions", {}).get(k) != v]
    device = ((run.result() or {}).get("plan") or {}).get("device") or environment.get("device")  # `auto` was asked for: the plan says what it came to
    if device not in (None, "cpu", "auto"):
        notes.append(f"the run was on {device}: equal bits are promised on a CPU only")
    return Repeat(run=run.id, equal=not differences, numbers=_count(old), files=len(names), differences=tuple(differences[:MOST]), notes=tuple(notes), seconds=seconds)


def _content(path: Path) -> Any:
    """What a file holds: arrays byte by byte (an archive also keeps times), else its digest."""
    if path.suffix != ".npz":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in sorted(archive.namelist())}


def _plain(value: Any, run_id: str) -> Any:
    """A result without times, its own run's name replaced."""
    if isinstance(value, dict):
        return {k: _plain(v, run_id) for k, v in value.items() if k not in TIMES}
    if isinstance(value, list):
        return [_plain(v, run_id) for v in value]
    return value.replace(run_id, "RUN") if isinstance(value, str) else value


def _unequal(a: Any, b: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict):
        return [d for k in sorted(a.keys() | b.keys()) for d in _unequal(a.get(k), b.get(k), f"{path}.{k}".lstrip("."))]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in _unequal(x, y, f"{path}[{i}]")]
    same = a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))
    return [] if same else [(path, a, b)]


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_count(v) for v in value.values())
    if isinstance(value, list):
        return sum(_count(v) for v in value)
    return int(isinstance(value, int | float) and not isinstance(value, bool))
