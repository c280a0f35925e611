"""One job from start to end: lock, hello, handler, result, finished. Starting it again on the same folder goes on where it was.

Exit codes: 0 done or stopped, 1 failed, 2 wrong input, 3 a gate, 5 somebody else works on the run.
"""

import contextlib
import importlib.metadata
import os
import platform
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phasewise.kinds.shared import allocator
from phasewise.project.folder import Project
from phasewise.project.runs import RunFolder
from phasewise.project.writer import RunWriter
from phasewise.records.errors import PhasewiseError, RunError, StorageError
from phasewise.worker import cores, failures
from phasewise.worker.context import RunContext, choose_threads
from phasewise.worker.control import Control, Stopped

_PACKAGES = ("torch", "numpy", "scikit-learn", "polars", "safetensors")
CORES = "PHASEWISE_CORES"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")


def main(argv: list[str]) -> int:
    """Runs the job of a run folder, or waits warm for jobs; returns the exit code."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    allocator.keep_freed()
    if len(argv) == 2 and argv[0] == "--warm":
        from phasewise.worker.warm import serve

        return serve(Path(argv[1]))
    if len(argv) != 1 or argv[0].startswith("-"):
        print("usage: python -m phasewise.worker RUN_FOLDER | --warm FOLDER", file=sys.stderr)
        return 2
    return run_folder(Path(argv[0]))


def run_folder(path: Path, *, find: Callable[[str], Callable[[Any, Any], Any]] | None = None) -> int:
    """Runs or resumes the job of a run folder; `find` gives the handler of a job kind (default: the registry)."""
    run = RunFolder(path.absolute())
    try:
        writer = RunWriter(run)
    except StorageError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return error.exit_code
    past = _past(run)
    if past and past[-1].kind == "finished" and past[-1].reason == "done":
        writer.close()
        return 0
    return _attempt(run, writer, past, find)


def _attempt(run: RunFolder, writer: RunWriter, past: list[Any], find: Callable[[str], Callable[[Any, Any], Any]] | None) -> int:
    code = 1
    try:
        (run.path / "result.json").unlink(missing_ok=True)
        job = run.job()
        before = next((e for e in past if e.kind == "hello"), None)
        threads = choose_threads(job.threads, before.threads if before else None, job.kind, getattr(getattr(job, "data", None), "kind", ""))
        set_cores(job.threads)
        set_threads(threads)
        hello = writer.emit("hello", job=job.kind, pid=os.getpid(), host=platform.node(), versions=versions(), device=job.device, threads=threads)
        with Project.open(run.path.parents[1], read_only=True) as project:
            context = RunContext(project=project, run=run, job=job, writer=writer, threads=threads, past=past)
            _listen(context.control)
            _say_what_changed(context, before, hello)
            if find is None:
                from phasewise.worker.jobs import handler as find
            result = find(job.kind)(context, job)
        if result is None and context.control.stop is None:
            raise RunError("the job ended without a result", f"The handler of {job.kind!r} returned nothing.", "This is a fault of Phasewise: please report it.")
        writer.finish(result, "stopped" if context.control.stop else "done", 0)
        return 0
    except Stopped:
        writer.finish(None, "stopped", 0)
        return 0
    except BaseException as error:
        code = _fail(run, writer, error)
    return code


def _fail(run: RunFolder, writer: RunWriter, error: BaseException) -> int:
    """Says what went wrong as far as the disk allows; engine.log lies on the same disk, so it may have no room either."""
    failure = failures.record(error, run)
    _say(failures.explain(error).lines())
    try:
        writer.flush()
    except PhasewiseError:
        pass
    try:
        writer.emit("error", **vars(failure))
        writer.finish(None, "failed", failure.exit_code)
    except PhasewiseError as second:
        _say(second.lines())
        writer.close()
    return failure.exit_code


def _say(lines: list[str]) -> None:
    """Lines for engine.log; without room for them the events still tell what happened."""
    with contextlib.suppress(OSError):
        print("\n".join(lines), file=sys.stderr, flush=True)


def versions() -> dict[str, str]:
    """Versions of what a result depends on, without importing any of it."""
    found = {"python": platform.python_version()}
    for name in ("phasewise", *_PACKAGES):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def set_cores(asked: int | None) -> None:
    """Cores that members of a population may use side by side: as asked, else the environment's, else all; their number changes no result."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    os.environ.setdefault(CORES, str(asked or (int(given) if given.isdigit() and int(given) else cores.cores())))


def set_threads(count: int) -> None:
    """Limits every thread pool of this process, whether its library is loaded already or not."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
    if "threadpoolctl" in sys.modules:
        sys.modules["threadpoolctl"].threadpool_limits(limits=count)


def _listen(control: Control) -> None:
    """SIGTERM and SIGINT: save and stop; a second one: leave at once."""

    def on_signal(number: int, _frame: object) -> None:
        if control.stop == "now":
            os._exit(128 + number)
        control.signal_stop()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)


def _past(run: RunFolder) -> list[Any]:
    """Every event of earlier attempts."""
    events: list[Any] = []
    offset = 0
    while True:
        more, end = run.tail(offset)
        events += more
        if end == offset:
            return events
        offset = end


def _say_what_changed(context: RunContext, before: Any, hello: dict[str, Any]) -> None:
    """Bits are promised only on the same versions and threads; anything else is said."""
    if before is None:
        return
    changed = [f"{name} {before.versions.get(name)} -> {v}" for name, v in hello["versions"].items() if before.versions.get(name) not in (None, v)]
    if before.threads != hello["threads"]:
        changed.append(f"threads {before.threads} -> {hello['threads']}")
    context.log(f"Attempt {context.attempt}: going on from {'checkpoint' if context.checkpoints.known else 'the start (nothing was saved yet)'}.")
    if changed:
        context.log(f"Continues, but not bit for bit: {', '.join(changed)}.", "warning")
