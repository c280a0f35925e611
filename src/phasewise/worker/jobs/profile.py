"""Profile: what the file holds, before anything is split."""

from typing import Any

from phasewise.kinds.registry import kind
from phasewise.records.jobs import ProfileJob
from phasewise.records.results.data import ProfileResult


def run(ctx: Any, job: ProfileJob) -> ProfileResult:
    """Profile the job's file with its kind's own room."""
    return kind(job.data.kind).room("profiling").profile(job.data, ctx.progress)
