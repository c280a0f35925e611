"""A file of new rows through a model into a CSV that a spreadsheet can open without harm."""

from pathlib import Path

from phasewise.kinds.shared.answers import limit_of, to_csv
from phasewise.kinds.tabular import large, predictor, reading, sources
from phasewise.records.jobs import DataView
from phasewise.records.results.verify import PredictResult


def answer_file(model: predictor.Predictor, path: Path | str, output: Path, *, raw: bool = False, sets: bool = False) -> PredictResult:
    """Predict every row of a file and write `row, prediction, p(class)...`; one line per input row, in order.

    Raises `BadInputError` for files that are no table or lack columns.
    """
    from phasewise.project import atomic

    limit = limit_of(model, sets)
    source = large.opened(sources.require_file(Path(path)))
    if source is not None:
        return _streamed(model, source, output, raw, limit)
    natural = reading.read_raw(DataView(kind="tabular", file=str(path)), min_rows=1).frame
    findings = model.check(natural)
    said = model.predict(model.shape(natural))
    atomic.replace(output, to_csv(said, model.threshold, raw=raw, sets=limit).encode())
    return PredictResult(rows=natural.height, output=str(output), findings=findings)


def _streamed(model: predictor.Predictor, source: large.BlockFile, output: Path, raw: bool, limit: float | None) -> PredictResult:
    """The same for a file larger than memory, block by block; what is odd about it is looked for in a random sample of its rows."""
    from phasewise.project import atomic

    room, done = large.allowed(), 0
    findings = model.check(source.gather(source.sample(source.held_rows(room)), room))
    partial = atomic.temporary_of(output)
    prepared = model.first.preparing
    texts = [c for c, r in prepared.roles.items() if r == "category" and any("." in level for level in prepared.levels.get(c, ()))]
    try:
        with atomic.clear_errors(partial), partial.open("x", encoding="utf-8", newline="") as file:
            for block in source.blocks(room):
                block = large.spelled(block, texts)
                file.write(to_csv(model.predict(model.shape(block)), model.threshold, raw=raw, sets=limit, before=done))
                done += block.height
        atomic.publish(partial, output)
    finally:
        atomic.remove(partial)
    return PredictResult(rows=done, output=str(output), findings=findings)
