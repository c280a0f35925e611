"""Split: the only job besides the opening that sees test rows; it seals them."""

from typing import Any

from phasewise.kinds.registry import kind
from phasewise.records.jobs import SplitJob
from phasewise.records.results.data import SplitResult


def run(ctx: Any, job: SplitJob) -> SplitResult:
    """Split with the kind's own room."""
    result = kind(job.data.kind).room("splitting").split(ctx.project, job, ctx.progress)
    for finding in result.findings:
        if finding.severity in ("block", "warn"):
            ctx.finding(finding.id, finding.severity, finding.title, finding.seen)
    return result
