"""What went wrong, as an error event a person can act on; the traceback goes to a file, never to the screen."""

import errno
import os
import re
import traceback
from dataclasses import dataclass
from pathlib import Path

from phasewise.project import atomic
from phasewise.project.runs import RunFolder
from phasewise.records.errors import PhasewiseError, RunError, StorageError
from phasewise.records.text import safe_text

TRACEBACK = "traceback.txt"
_MEMORY = re.compile(r"DefaultCPUAllocator|can't allocate memory|not enough memory|Unable to allocate|CUDA error: out of memory|STATUS_ALLOC_FAILED", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The fields of an `error` event."""

    type: str
    message: str
    cause: str
    remedy: str
    traceback_file: str
    exit_code: int
    resumable: bool = False


def explain(error: BaseException) -> PhasewiseError:
    """Any exception as an error with title, cause and remedy."""
    if isinstance(error, PhasewiseError):
        return error
    if out_of_memory(error):
        return RunError("out of memory", safe_text(error, 300) or "The system gave no more memory.", "Use a smaller batch, fewer members or fewer rows; or close other programs, then resume.")
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in atomic.FULL | atomic.DENIED | {errno.ELOOP, errno.ENOENT} and error.filename:
            return atomic.storage_error(error, Path(os.fsdecode(error.filename)))
        if error.errno in atomic.FULL:
            return atomic.DiskFull("no room left on the disk", safe_text(error.strerror or "", 200), "Free some space, then resume: everything saved before is intact.")
    where = traceback.extract_tb(error.__traceback__)
    place = f" in {where[-1].filename.rsplit('/', 1)[-1]}, line {where[-1].lineno}" if where else ""
    return RunError(f"the job stopped on an unexpected error ({type(error).__name__}{place})", safe_text(error, 300), f"This is a fault of Phasewise: please report it with {TRACEBACK} of the run folder. Resume goes on from the last checkpoint.")


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on the CPU or on a GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and bool(_MEMORY.search(str(error)))


def record(error: BaseException, run: RunFolder) -> Failure:
    """The failure of a run; writes the traceback (source lines, no values) beside the events where there is room."""
    known = explain(error)
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        atomic.replace(run.path / TRACEBACK, text.encode("utf-8", "backslashreplace"), durable=False)
        file = TRACEBACK
    except StorageError:
        file = ""
    passing = isinstance(known, atomic.DiskFull) or known is not error and isinstance(known, RunError)
    return Failure(type=type(known).__name__, message=known.title, cause=known.cause, remedy=known.remedy, traceback_file=file, exit_code=known.exit_code, resumable=passing)
