"""A file of new rows through a model into a CSV that a spreadsheet can open without harm."""

from pathlib import Path

from phasewise.kinds.shared.answers import limit_of, to_csv
from phasewise.kinds.tabular import predictor, reading
from phasewise.records.jobs import DataView
from phasewise.records.results.verify import PredictResult


def answer_file(model: predictor.Predictor, path: Path | str, output: Path, *, raw: bool = False, sets: bool = False) -> PredictResult:
    """Predict every row of a file and write `row, prediction, p(class)...`; one line per input row, in order.

    Raises `BadInputError` for files that are no table or lack columns.
    """
    from phasewise.project import atomic

    limit = limit_of(model, sets)
    natural = reading.read_raw(DataView(kind="tabular", file=str(path)), min_rows=1).frame
    findings = model.check(natural)
    said = model.predict(model.shape(natural))
    atomic.replace(output, to_csv(said, model.threshold, raw=raw, sets=limit).encode())
    return PredictResult(rows=natural.height, output=str(output), findings=findings)
