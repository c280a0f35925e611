"""New validation and test sets from real cases (checks.md 7.8): the kind's own room makes them, the split that follows seals them."""

from typing import Any

from phasewise.kinds.registry import kind
from phasewise.records.errors import UsageError
from phasewise.records.jobs import RenewJob
from phasewise.records.results import RenewResult


def run(ctx: Any, job: RenewJob) -> RenewResult:
    """Files of the next generation. Raises `UsageError` for a kind that cannot make them by itself."""
    wing = kind(job.data.kind)
    if not wing.has("renewing"):
        raise UsageError(f"new sets of {wing.title.lower()} are made by hand", "Only tables are put together by Phasewise.", "Put the new cases into part folders (train, validation, test) and make a new project on them.")
    ctx.started(job.title or "New validation and test sets")
    return wing.room("renewing").renew(ctx.project, job, ctx.progress)
