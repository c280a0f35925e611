"""The data checks on the development rows (issue 5); test rows are out of reach."""

from pathlib import Path
from typing import Any

from phasewise.kinds.registry import kind
from phasewise.records.errors import UsageError
from phasewise.records.jobs import ChecksJob
from phasewise.records.results.data import ChecksResult
from phasewise.worker import streaming


def _typed(dev: Any) -> tuple[Any, dict[str, str]]:
    """The rows as read, but dates as dates, and numbers written as text (decimal commas, units) as numbers where every cell is one; how those are written.

    A CSV file holds them as text, which has no order: no check of values, time or leaks would see them. Cells that are no number
    keep a column as text, for the checks of writing to say so.
    """
    import polars as pl

    from phasewise.checks.numerals import number_format

    natural = dev.natural
    if natural.height != getattr(dev.table, "height", -1):
        return natural, {}
    present, cast = dict(natural.schema), dict(dev.table.schema)
    inputs = [c for c in dev.roles if c in present and c in cast and c != dev.target]
    dates = [dev.table[c] for c in inputs if dev.roles[c] == "date" and not present[c].is_temporal() and cast[c].is_temporal()]
    numbers = [dev.table[c] for c in inputs if dev.roles[c] == "number" and present[c] == pl.String and cast[c].is_numeric() and dev.table[c].null_count() == natural[c].null_count()]
    target = [pl.Series(dev.target, dev.y, dtype=pl.Float64).fill_nan(None)] if dev.task == "regression" and present.get(dev.target) == pl.String else []
    forms = {c.name: dev.formats.get(c.name) or number_format(natural[c.name]) or "plain" for c in [*numbers, *target]}
    return natural.with_columns([*dates, *numbers, *target]), forms


def run(ctx: Any, job: ChecksJob) -> ChecksResult:
    """The table of the development rows as read through all checks (or those named); a kind with a `checks` room says which (`infos()`)."""
    from phasewise.checks import review
    from phasewise.checks.registry import all_checks, run_checks
    from phasewise.checks.remedies import written
    from phasewise.checks.table import CheckTable

    wing = kind(job.data.kind)
    room = wing.room("checks") if wing.has("checks") else None
    infos = room.infos() if room is not None else None
    known = {c.id for c in all_checks()} | {c.id for c in infos or ()}
    for name in job.only:
        if name not in known:
            raise UsageError(f"unknown check {name!r}", "", f"Valid: {', '.join(sorted(known))}.")
    dev = wing.room("development").load(ctx.project, job.data)
    ctx.started(job.title or "Checking the data")
    about = dev.split or {}
    policy = str(about.get("policy", ""))
    options = {
        "folds": int(dev.folds.max()) + 1 if dev.folds is not None else 0,
        "policy": policy,
        "test_rows": int((about.get("parts") or {}).get("test") or 0) or None,
        "real_prior": job.data.real_prior,
        "metric": job.data.metric,
        "file": about.get("file"),
        **job.data.options,
        **job.options,
    }
    frame, forms = _typed(dev)
    table = CheckTable(
        frame=frame, target=dev.target or job.data.target, roles=dict(dev.roles), task=dev.task, train=dev.train,
        validation=dev.validation if dev.folds is None else None, groups=dev.groups, group=about.get("group"),
        time=about.get("time"), options=options, seed=job.seed, subject=dev,
    )

    def progress(done: int, total: int, name: str) -> bool:
        ctx.progress(done, total, unit="checks", note=name)
        ctx.control.poll()
        return ctx.control.stop is None

    result = run_checks(table, job.only or None, progress, infos=infos)
    if any(c.check == "label-noise" and c.state != "failed" and c.why != "cancelled" for c in result.coverage):
        result = review.filled(result, table, room)
    if hasattr(room, "pictured"):
        result = room.pictured(result, table)
    if forms:
        result = result.model_copy(update={"findings": [written(f, forms) for f in result.findings]})
    for finding in result.findings:
        if finding.severity in ("block", "warn"):
            ctx.finding(finding.id, finding.severity, finding.title, finding.seen)
    ctx.log(f"{len(result.findings)} findings on {result.rows:,} rows of {Path(job.data.file).name}; {sum(c.state == 'ran' for c in result.coverage)} of {len(result.coverage)} checks ran.")
    for note in streaming.sampled(dev, "the checks look at them"):
        ctx.log(note)
    return result
