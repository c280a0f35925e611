"""Label review (D18): doubtful rows are accepted, relabelled or dropped by a person; every decision is in the journal and can be taken back.

What is applied is the answer `data.relabel` (row from 0 -> class, or nothing for a dropped row): on training and validation rows
only. The sealed test rows keep their labels as they came; correcting them by the model's opinion would flatter the model.
"""

from dataclasses import dataclass
from typing import Any

from phasewise.records.errors import GateError, UsageError
from phasewise.records.results.data import LabelDoubt
from phasewise.records.text import safe_text

SURE = -0.8
"""Margin from which a label is contradicted with certainty (the threshold of the check `label-noise`)."""
DROPPED = ""
ACTIONS = ("accept", "relabel", "drop", "undo")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the queue and what was decided about it."""

    doubt: LabelDoubt
    decision: str = ""
    """`accept`, `relabel`, `drop`, or nothing yet."""
    label: str = ""
    """The new class of a relabelled row."""

    @property
    def number(self) -> int:
        """The row as people count: the first row of data is 1."""
        return self.doubt.row + 1


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The review queue of the newest checks with the decisions laid over it."""

    cases: tuple[Case, ...]
    judged: int
    """Rows whose label was judged."""
    of_rows: int
    """Development rows; beyond 6,000 (3,000 pictures) a sample is judged."""
    classes: tuple[str, ...]
    elsewhere: int = 0
    """Corrections of rows that are not in this queue (from an answers file, or of an earlier queue)."""
    outdated: int = 0
    """Corrections made on another version of the file: they are not applied."""

    @property
    def sure(self) -> int:
        """Rows contradicted with certainty."""
        return sum(c.doubt.margin < SURE for c in self.cases)

    def count(self, decision: str) -> int:
        """Rows with a decision (or, with an empty text, without one)."""
        return sum(c.decision == decision for c in self.cases)


def queue(view: Any) -> Queue:
    """The queue as it stands. Raises `GateError` where there is none yet, or can be none, with the reason."""
    found = view.latest("checks")
    if found is None:
        raise GateError("there is no review queue yet", "Labels are judged by the data checks, after the split.", "Run `phasewise run data` first.")
    if found.doubts is None:
        raise GateError("there is no review queue", found.doubts_why or "These checks did not judge the labels.", "" if found.doubts_why else "Run the checks again: phasewise check --labels")
    applied, log = view.value("data.relabel") or {}, view.facts.labels
    cases = tuple(_case(d, applied, log) for d in found.doubts)
    held, kept = {str(d.row) for d in found.doubts}, fixes(view)
    return Queue(cases=cases, judged=found.doubts_rows, of_rows=found.rows, classes=tuple(found.doubts_classes), elsewhere=len(kept.keys() - held), outdated=len(applied.keys() - kept.keys()))


def unmade(view: Any) -> bool:
    """Whether checks were made by a version that kept no queue, so that they have to run once more."""
    found = view.latest("checks")
    return found is not None and found.doubts is None and not found.doubts_why


def fixes(view: Any) -> dict[str, str]:
    """The corrections that hold: those of the journal only for the very file they were made on, an answers file's always."""
    applied = dict(view.value("data.relabel") or {})
    logged = {row: view.facts.labels[int(row)] for row in applied if row.isdigit() and int(row) in view.facts.labels}
    if not any(entry.get("file") for entry in logged.values()):
        return applied
    now = view.files.identity(view.value("data.file"))
    return {row: label for row, label in applied.items() if row not in logged or logged[row].get("file") in (None, "", now)}


def parsed(text: str) -> tuple[str, str, str]:
    """`ROW=accept|drop|undo|relabel:CLASS` as row, action and class. Raises `UsageError`."""
    row, sign, rest = text.partition("=")
    action, colon, label = rest.strip().partition(":")
    if not sign or not row.strip() or action not in ACTIONS or (action == "relabel") != bool(colon and label.strip()):
        raise UsageError(f"cannot read --label {safe_text(text, 60)!r}", "It is no ROW=accept, ROW=drop, ROW=undo or ROW=relabel:CLASS.", "Write for example --label 17=relabel:yes; --labels lists the rows.")
    return row.strip(), action, label.strip()


def named(found: Queue, text: str) -> Case:
    """The case of a row number (from 1) or of a picture's path. Raises `UsageError` for a row that is not in the queue."""
    bare = text.replace(",", "")
    for case in found.cases:
        if (bare.isdigit() and case.number == int(bare)) or case.doubt.cells.get("path") == text:
            return case
    rows = ", ".join(str(c.number) for c in found.cases[:8])
    raise UsageError(f"row {safe_text(text, 40)} is not in the review queue", "Only doubtful training and validation rows are reviewed; sealed test rows never are.", f"Rows in the queue: {rows}{' ...' if len(found.cases) > 8 else ''}." if rows else "The queue is empty: no label is contradicted.")


def class_of(found: Queue, case: Case, text: str) -> str:
    """The class a row may be relabelled to. Raises `UsageError` for an unknown one (with the nearest) and for the one it has."""
    import difflib

    if text == case.doubt.given:
        raise UsageError(f"row {case.number} is {safe_text(text, 40)!r} already", "That is the label in the file.", f"To keep it: --label {case.number}=accept")
    if text in found.classes:
        return text
    near = difflib.get_close_matches(text, found.classes, n=1, cutoff=0.5) or [c for c in found.classes if c.strip().lower() == text.strip().lower()]
    raise UsageError(f"there is no class {safe_text(text, 40)!r}", f"Classes: {', '.join(safe_text(c, 30) for c in found.classes[:12])}{' ...' if len(found.classes) > 12 else ''}.", f"Did you mean {safe_text(near[0], 40)!r}?" if near else "Name one of these.")


def decide(session: Any, case: Case, action: str, label: str = "") -> str:
    """Decide about one row, or take a decision back; returns what happened in words. Raises `UsageError` for an unknown class.

    The decision is an entry of the journal; a relabelled or dropped row becomes part of `data.relabel`, so that whatever was
    computed from the old labels is stale. Accepting changes no data and makes nothing stale.
    """
    session.writable()
    doubt, now = case.doubt, dict(session.answers.value("data", "relabel") or {})
    if action == "relabel":
        label = class_of(queue(session.view), case, label)
    key = str(doubt.row)
    if action in ("relabel", "drop"):
        now[key] = label if action == "relabel" else DROPPED
    else:
        now.pop(key, None)
    if now != (session.answers.value("data", "relabel") or {}):
        session.answers.set("data", "relabel", now)
    session.journal("label", {
        "row": doubt.row, "decision": action, "label": label if action == "relabel" else "", "given": doubt.given, "suggested": doubt.suggested,
        "confidence": doubt.confidence, "file": session.view.files.identity(session.view.value("data.file")),
    })
    session.save()
    said = {"accept": f"label {safe_text(doubt.given, 40)!r} is right", "drop": "left out of training and validation", "undo": "decision taken back", "relabel": f"{safe_text(doubt.given, 40)!r} becomes {safe_text(label, 40)!r}"}
    return f"row {case.number}: {said[action]}"


def last(view: Any) -> int | None:
    """The row decided last (from 0) whose decision still stands, or None."""
    return next(reversed(view.facts.labels), None)


def told(found: Queue) -> list[str]:
    """The queue in sentences: what was judged, what was decided, what is left alone."""
    of = f"{found.judged:,} of {found.of_rows:,} rows" if found.judged < found.of_rows else f"all {found.of_rows:,} rows"
    lines = [f"{len(found.cases):,} labels are contradicted by a model that never saw the row ({found.sure:,} with certainty); it judged {of} of training and validation."]
    done = [f"{found.count(d):,} {word}" for d, word in (("accept", "accepted"), ("relabel", "relabelled"), ("drop", "dropped")) if found.count(d)]
    lines.append(f"{', '.join(done) or 'nothing decided yet'}; {found.count(''):,} open.")
    if found.elsewhere:
        lines.append(f"{found.elsewhere:,} more corrections of rows outside this queue are applied.")
    if found.outdated:
        lines.append(f"{found.outdated:,} corrections were made on another version of the file and are not applied.")
    return lines


def _case(doubt: LabelDoubt, applied: dict[str, str], log: dict[int, dict[str, Any]]) -> Case:
    if str(doubt.row) in applied:
        label = applied[str(doubt.row)]
        return Case(doubt=doubt, decision="relabel" if label else "drop", label=label)
    return Case(doubt=doubt, decision="accept" if log.get(doubt.row, {}).get("decision") == "accept" else "")
