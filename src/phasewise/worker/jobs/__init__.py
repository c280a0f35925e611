"""One handler per job kind: `phasewise.worker.jobs.<kind>` with `run(ctx, job) -> result`, imported when such a job comes."""

import importlib
from collections.abc import Callable
from typing import Any

from phasewise.records.errors import UsageError

Handler = Callable[[Any, Any], Any]
"""`run(ctx: RunContext, job) -> result record`; None as result is allowed only after a stop."""


def handler(kind: str) -> Handler:
    """The handler of a job kind. Raises `UsageError` for a kind without one."""
    from phasewise.records.results import RESULTS

    if kind not in RESULTS:
        raise UsageError(f"unknown job kind {kind!r}", "No handler of that name exists.", f"Valid: {', '.join(RESULTS)}.")
    name = f"{__name__}.{kind}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise UsageError(f"this version cannot run {kind!r} jobs", "Its handler is not installed.", "Install a version of Phasewise that has it.") from error
    return module.run
