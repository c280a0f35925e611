"""Predict: a file of new rows through a saved model, written as CSV."""

from pathlib import Path
from typing import Any

from phasewise.kinds.registry import kind
from phasewise.records.errors import UsageError
from phasewise.records.jobs import PredictJob
from phasewise.records.results.verify import PredictResult
from phasewise.worker import models


def run(ctx: Any, job: PredictJob) -> PredictResult:
    """Predictions for the job's file; `output` must lie in an existing folder and is written atomically."""
    wing = kind(job.data.kind)
    folder = Path(job.model) if (Path(job.model) / "card.json").is_file() else models.folder_of(ctx.project, job.model)
    room = wing.room("answering")
    output = Path(job.output).expanduser()
    output = output if output.is_absolute() else ctx.project.path / output
    if not output.parent.is_dir():
        raise UsageError(f"cannot write {output.name}", f"The folder {output.parent} does not exist.", "Name an existing folder.")
    ctx.progress(0, 1, unit="files", note="predicting")
    result = room.answer_file(wing.room("predictor").load(folder), job.file, output, sets=job.sets)
    ctx.progress(1, 1, unit="files", note="done")
    return result
