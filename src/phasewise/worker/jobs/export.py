"""Export: a saved model in other forms, each with a parity check on development rows (X13)."""

from pathlib import Path
from typing import Any

from phasewise.kinds.registry import kind
from phasewise.records.jobs import ExportJob
from phasewise.records.results.verify import ExportResult
from phasewise.worker import models


def run(ctx: Any, job: ExportJob) -> ExportResult:
    """Export to the job's formats under `<project>/<output>/`."""
    wing = kind(job.data.kind)
    folder = models.folder_of(ctx.project, job.model)
    dev = wing.room("development").load(ctx.project, job.data)
    output = Path(job.output)
    output = output if output.is_absolute() else ctx.project.path / output
    run_of_model = ctx.project.runs.get(job.model.partition("/")[0])
    plan = (run_of_model.result() or {}).get("plan") or {}
    files = []
    for done, form in enumerate(job.formats):
        ctx.progress(done, len(job.formats), unit="formats", note=form)
        files += wing.room("exporting").export(folder, output, [form], dev.table, dev=dev, plan=plan)
    ctx.progress(len(job.formats), len(job.formats), unit="formats", note="done")
    return ExportResult(files=files, notes=[f"{f.format}: {f.note}" for f in files if f.note])
