"""Generation 2 and later: after the real world disagreed, validation and test come from real cases (checks.md 7.8, L07)."""

from pathlib import Path
from typing import Any

from phasewise.records.errors import GateError, UsageError
from phasewise.records.jobs import RenewJob
from phasewise.workflow.dev import data_view
from phasewise.workflow.labelling import fixes


def job(session: Any, file: str, reason: str) -> RenewJob:
    """The job that makes the sets of the next generation. Raises `UsageError` or `GateError` when it cannot, or should not, be done."""
    view = session.view
    if len(reason.strip()) < 3:
        raise UsageError("a reason is needed", "New sets end a generation; the report shows why.", "Write it in a few words, for example --reason 'field score far below the test'.")
    if not Path(file).is_file():
        raise UsageError(f"there is no {file}", "The file does not exist.", "Name a file of labelled real cases.")
    if view.current("split") is None:
        raise GateError("nothing is sealed that could be renewed", "The data are not split, or the split is stale.", "Run `phasewise run data` first.")
    if not view.facts.looks_now:
        raise GateError("the test set was not opened yet", f"The sealed rows of generation {view.facts.generation} are still unseen: they need no replacement.", "Open it first: phasewise run verify --yes")
    return RenewJob(
        phase="data", title="New validation and test sets", data=data_view(view, remedies=False), file=str(view.files.path(file)), test_file=str(view.files.path(f)) if (f := view.value("data.test_file")) else None,
        generation=view.facts.generation + 1, reason=reason.strip(), seed=view.value("data.seed") or 0,
    )


def take(session: Any, run_id: str, work: Any, result: Any) -> None:
    """The finished job becomes answers: new file, given parts; the real cases are field data no longer."""
    if session.read_only:
        return
    view = session.view
    held = {row: entry for row, entry in view.facts.labels.items() if str(row) in fixes(view)}
    files = [f for f in view.value("field.files") or [] if str(view.files.path(f)) != work.file]
    session.take("generation", {"generation": result.generation, "reason": result.reason, "run": run_id, "file": result.file, "source": result.source, "rows": result.rows})
    for name, value in (("file", result.file), ("split_file", result.parts_file), ("policy", "file")):
        session.answers.set("data", name, value)
    for phase, name in (("data", "test_file"), ("verify", "reason"), ("verify", "candidate"), ("verify", "predicted")):
        session.answers.unset(phase, name)
    session.answers.set("field", "files", files)
    now = session.view.files.identity(session.view.value("data.file"))
    for entry in held.values():  # old rows keep their numbers, so corrections of their labels hold on
        session.take("label", {**entry, "file": now})
    session.save()


def told(result: Any) -> list[str]:
    """What became of the rows, in sentences."""
    r = result.rows
    lines = [
        f"generation {result.generation}: {r['train']:,} old rows train; {r['validation']:,} validate ({r['old_test']:,} of them the old test rows, which are burnt); {r['test']:,} new cases wait to be sealed.",
    ]
    left = [f"{n:,} {word}" for n, word in ((result.copies, "copies of rows the project has"), (result.unlabelled, "without a known label")) if n]
    if left:
        lines.append(f"left out: {', '.join(left)}.")
    return lines
