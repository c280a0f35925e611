"""`phasewise check --labels` and `--label`: the label-review queue, listed and decided (D18)."""

from typing import Any

from phasewise.cli import lines
from phasewise.cli.opening import session_of
from phasewise.cli.talk import out, out_json, say, table
from phasewise.records.errors import PhasewiseError
from phasewise.records.text import safe_text

ROWS = 20
CELLS = 4


def run(args: Any) -> int:
    """Take the decisions, then list the queue, or with decisions only what they did."""
    from phasewise.workflow import labelling

    wanted = [labelling.parsed(text) for text in args.label]
    with session_of(args.project) as session:
        if labelling.unmade(session.view):
            _judge(session, quiet=args.json)
        found = labelling.queue(session.view)
        if args.plain:
            line_by_line(session, lines.asked, say)
            return 0
        chosen = [(labelling.named(found, row), action, label) for row, action, label in wanted]
        for case, action, label in chosen:  # all are checked before any is taken
            if action == "relabel":
                labelling.class_of(found, case, label)
        said = [labelling.decide(session, case, action, label) for case, action, label in chosen]
        found = labelling.queue(session.view)
        if args.json:
            out_json(document(found))
            return 0
        for text in said:
            out(text)
        if said:
            note = changes(session)
            if note:
                say(note)
        if args.labels or not said:
            out("\n".join(listing(found)))
    return 0


def _judge(session: Any, *, quiet: bool) -> None:
    """The checks once more: those on record were made before there was a queue."""
    from phasewise.cli.progress import Reporter
    from phasewise.workflow.drive import Drive
    from phasewise.workflow.phases.data import CHECKS

    reporter = Reporter()
    job = CHECKS.build(session.view).model_copy(update={"inputs": session.view.inputs("checks")})
    Drive(session=session, on_event=(lambda _: None) if quiet else reporter.event, tell=reporter.line).work(job)


def changes(session: Any) -> str:
    """What the decisions made stale, in one line."""
    from phasewise.records.phases import TITLES

    stale = [p.id for p in session.state().phases if p.stale_because]
    return f"stale now: {', '.join(TITLES[p] for p in stale)}; recompute with: phasewise run --through {stale[-1]} --yes" if stale else ""


def listing(found: Any, rows: int = ROWS) -> list[str]:
    """The queue as sentences and a table, most doubtful first."""
    from phasewise.workflow import labelling

    told = labelling.told(found)
    if found.cases:
        parts = any(c.doubt.part for c in found.cases)
        cells = [[str(c.number), *([c.doubt.part] if parts else []), c.doubt.given, c.doubt.suggested, f"{c.doubt.confidence:.0%}", decision(c), brief(c)] for c in found.cases[:rows]]
        told += ["", table(cells, ["row", *(["part"] if parts else []), "given", "predicted", "sure", "decision", "the row"])]
        if len(found.cases) > rows:
            told.append(f"{len(found.cases) - rows:,} more; --json has all")
        told.append("")
    return [*told, "decide with --label ROW=accept | ROW=drop | ROW=relabel:CLASS | ROW=undo; sealed test rows are never reviewed and keep their labels."]


def decision(case: Any) -> str:
    """What was decided about a row, in a word or two."""
    return f"now {safe_text(case.label, 30)}" if case.decision == "relabel" else {"accept": "accepted", "drop": "dropped"}.get(case.decision, "")


def brief(case: Any, cells: int = CELLS) -> str:
    """The first filled cells of a row."""
    return ", ".join(f"{safe_text(k, 20)}={safe_text(v, 20)}" for k, v in [(k, v) for k, v in case.doubt.cells.items() if v][:cells])


def document(found: Any) -> dict[str, Any]:
    """The queue for `--json`."""
    return {
        "judged": found.judged, "of_rows": found.of_rows, "classes": list(found.classes), "elsewhere": found.elsewhere, "outdated": found.outdated,
        "rows": [
            {"row": c.number, "part": c.doubt.part, "given": c.doubt.given, "predicted": c.doubt.suggested, "confidence": c.doubt.confidence, "margin": c.doubt.margin,
             "decision": c.decision, "label": c.label, "cells": c.doubt.cells}
            for c in found.cases
        ],
    }


def line_by_line(session: Any, ask: Any, tell: Any) -> None:
    """The open rows one after another as plain lines: accept, drop, a class, or leave it."""
    from phasewise.workflow import labelling

    found = labelling.queue(session.view)
    for text in labelling.told(found):
        tell(text)
    tell("Sealed test rows are never reviewed and keep their labels. Every decision is in the journal; --label ROW=undo takes it back.")
    for case in [c for c in found.cases if not c.decision]:
        d = case.doubt
        tell(f"\nrow {case.number:,}{f' ({d.part})' if d.part else ''}: labelled {safe_text(d.given, 40)!r}, predicted {safe_text(d.suggested, 40)!r} with {d.confidence:.0%}")
        tell(f"  {brief(case, 12)}")
        while True:
            text = ask(f"[Enter leaves it open; accept, drop, or a class ({', '.join(safe_text(c, 20) for c in found.classes[:8])}); ! ends the review]")
            if text == "!":
                return
            if not text:
                break
            action, _, label = text.partition(":") if text.startswith("relabel:") else (text, "", "") if text in ("accept", "drop") else ("relabel", "", text)
            try:
                tell(f"  {labelling.decide(session, case, action, label)}")
                break
            except PhasewiseError as error:
                tell(f"  {error.title}. {error.remedy}")
    note = changes(session)
    if note:
        tell(note)
