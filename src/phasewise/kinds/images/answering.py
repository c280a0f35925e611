"""A folder of new pictures (or one file) through a model into a CSV."""

import tempfile
from pathlib import Path

from phasewise.kinds.images import arriving, predictor
from phasewise.kinds.shared.answers import limit_of, to_csv
from phasewise.records.findings import Finding
from phasewise.records.results.verify import PredictResult
from phasewise.records.text import safe_text


def answer_file(model: predictor.Predictor, path: Path | str, output: Path, *, raw: bool = False, sets: bool = False) -> PredictResult:
    """Predict every readable picture and write `file, prediction, p(class)...`; broken files are named in the findings.

    Raises `BadInputError` when there is no picture.
    """
    from phasewise.project import atomic

    limit = limit_of(model, sets)
    with tempfile.TemporaryDirectory() as scratch:
        found = arriving.read(path, model.fitting, Path(scratch))
        said = model.predict(found.frame)
    findings = model.check(found.frame)
    if found.broken:
        seen = "; ".join(f"{safe_text(p, 60)}: {e}" for p, e in found.broken[:3])
        findings.append(Finding(id="unreadable", check="unreadable", severity="warn", title="Files that cannot be read have no line", seen=f"{len(found.broken):,}: {seen}.", rows=len(found.broken), source="I01"))
    names = [safe_text(p, 400) for p in found.frame["path"].to_list()]
    atomic.replace(output, to_csv(said, model.threshold, raw=raw, names=names, sets=limit).encode())
    return PredictResult(rows=found.frame.height, output=str(output), findings=findings)
