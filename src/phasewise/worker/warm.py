"""The warm worker: imports what is slow once, then forks a child for every job that is put into its folder.

The parent never runs a parallel region, never touches a GPU and starts no thread of its own, so its children start clean.
It leaves when idle for ten minutes, when its folder is gone, or when the process that started it is gone; its children stay.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phasewise.project import atomic
from phasewise.project.runs import RunFolder
from phasewise.records.errors import StorageError

IDLE_LIMIT = 600.0
EVERY = 0.01
SLOW = ("torch", "torch._dynamo", "numpy", "polars", "sklearn.ensemble", "sklearn.linear_model", "sklearn.pipeline", "pydantic", "phasewise.records.jobs", "phasewise.records.results", "phasewise.worker.main")


def serve(folder: Path, *, idle: float = IDLE_LIMIT, modules: tuple[str, ...] = SLOW, work: Callable[[Path], int] | None = None) -> int:
    """Waits for assignments `job-N.json` = `{"run": PATH}` in a folder and runs each in a forked child; returns when it leaves.

    `work` runs one run folder and returns the exit code (default: `worker.main.run_folder`).
    """
    parent = os.getppid()
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopping.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    children: dict[int, RunFolder] = {}
    compiling = _compile()
    with contextlib.suppress(StorageError):
        atomic.replace(folder / "ready", str(os.getpid()).encode(), durable=False)
    last = time.monotonic()
    while not stopping and folder.is_dir() and os.getppid() == parent and time.monotonic() - last < idle:
        for run in _assigned(folder):
            child = _fork(run, work)
            children[child] = run
            last = time.monotonic()
        if compiling and os.waitpid(compiling, os.WNOHANG)[0]:
            compiling = 0
        if _reap(children):
            last = time.monotonic()
        if children:
            last = time.monotonic()
        time.sleep(EVERY)
    return 0


def _assigned(folder: Path) -> list[RunFolder]:
    """Takes the waiting assignments by renaming them, so that their sender cannot take them back half-way."""
    found = []
    for name in sorted(_names(folder)):
        taken = folder / f"taken-{name}"
        try:
            os.rename(folder / name, taken)
            value: Any = json.loads(atomic.read(taken, limit=8192))
            run = RunFolder(Path(value["run"]))
        except (OSError, StorageError, ValueError, KeyError, TypeError):
            continue
        if run.path.parents[1] == folder.parents[1]:  # PROJECT/.phasewise/warm-x serves PROJECT/runs/ID only
            found.append(run)
    return found


def _names(folder: Path) -> list[str]:
    try:
        return [n for n in os.listdir(folder) if n.startswith("job-") and n.endswith(".json")]
    except OSError:
        return []


def _compile() -> int:
    """A child that compiles the engine's step where that has never been done on this machine, before a person waits for it; 0 where nothing is to do."""
    from phasewise.engine.native import build

    if not build.waiting(os.environ):
        return 0
    child = os.fork()
    if not child:
        try:
            build.library()
        finally:
            os._exit(0)
    return child


def _fork(run: RunFolder, work: Callable[[Path], int] | None) -> int:
    """A child in a session of its own, speaking into the run's engine.log, running one job."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        log = os.open(run.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        work = work or importlib.import_module("phasewise.worker.main").run_folder
        code = work(run.path)
    except BaseException as error:
        print(f"error: the job could not start: {type(error).__name__}: {error}", file=sys.stderr)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _reap(children: dict[int, RunFolder]) -> bool:
    """Collects children that ended, so that none stays a zombie, and notes how they ended."""
    ended = False
    for pid in list(children):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            ended = True
            run = children.pop(pid)
            with contextlib.suppress(StorageError):
                run.exited(os.waitstatus_to_exitcode(status))
    return ended
