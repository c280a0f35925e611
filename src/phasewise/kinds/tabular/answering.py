"""A file of new rows through a model into a CSV that a spreadsheet can open without harm."""

import csv
import io
import re
from pathlib import Path

from phasewise.kinds.tabular import predictor, reading
from phasewise.records.jobs import DataView
from phasewise.records.results.verify import PredictResult
from phasewise.stats.predictions import Predictions

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\Z")


def guarded(cell: object, *, raw: bool = False) -> str:
    """A cell as text; what a spreadsheet would run as a formula gets a leading apostrophe, numbers stay (reliability.md 2.2)."""
    text = "" if cell is None else str(cell)
    if raw or not text or text[0] not in "=+-@\t\r" or _NUMBER.match(text):
        return text
    return "'" + text


def answer_file(model: predictor.Predictor, path: Path | str, output: Path, *, raw: bool = False) -> PredictResult:
    """Predict every row of a file and write `row, prediction, p(class)...`; one line per input row, in order.

    Raises `BadInputError` for files that are no table or lack columns.
    """
    from phasewise.project import atomic

    natural = reading.read_raw(DataView(kind="tabular", file=str(path)), min_rows=1).frame
    findings = model.check(natural)
    said = model.predict(model.shape(natural))
    atomic.replace(output, to_csv(said, model.threshold, raw=raw).encode())
    return PredictResult(rows=natural.height, output=str(output), findings=findings)


def to_csv(said: Predictions, threshold: float | None, *, raw: bool = False) -> str:
    """CSV text of predictions; row numbers count from 1, the first row of data."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    labels = predictor.labelled(said, threshold)
    if said.task == "regression":
        writer.writerow(["row", "prediction"])
        writer.writerows([i, repr(float(v))] for i, v in enumerate(labels, 1))
        return buffer.getvalue()
    writer.writerow(["row", "prediction", *(guarded(f"p({c})", raw=raw) for c in said.classes)])
    for i, (label, row) in enumerate(zip(labels, said.proba, strict=True), 1):
        writer.writerow([i, guarded(label, raw=raw), *(f"{p:.6g}" for p in row)])
    return buffer.getvalue()


