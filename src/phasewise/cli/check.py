"""`phasewise check NEWDATA`: new rows through the frozen model (E05); `phasewise check --labels`: the label-review queue (D18)."""

import argparse
from pathlib import Path
from typing import Any

from phasewise.cli.answering import absolute
from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json
from phasewise.records.errors import GateError, RunError, UsageError
from phasewise.records.text import safe_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("data", metavar="NEWDATA", nargs="?", help="file of new rows, with or without the target")
    parser.add_argument("--findings", action="store_true", help="list what split and checks found in the project's own data, with remedies")
    parser.add_argument("--labels", action="store_true", help="list the rows whose label looks wrong, most doubtful first")
    parser.add_argument("--label", metavar="ROW=DECISION", action="append", default=[], help="decide about a row of that list: ROW=accept, ROW=drop, ROW=relabel:CLASS or ROW=undo; can be given many times")
    parser.add_argument("--plain", action="store_true", help="with --labels: ask about one row after another")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Judge the rows (exit code 3 when a loop back is advised), or review labels."""
    if args.findings:
        from phasewise.cli import check_findings

        return check_findings.run(args)
    if args.labels or args.label or args.plain:
        from phasewise.cli import check_labels

        if args.data:
            raise UsageError("labels and new rows are two commands", "--labels and --label are about the project's own rows.", f"Leave {args.data} out.")
        return check_labels.run(args)
    if not args.data:
        raise UsageError("nothing to check is named", "", "Name a file of new rows, or use --labels for the rows whose label looks wrong.")
    from phasewise.cli.progress import Reporter
    from phasewise.workflow.drive import Drive
    from phasewise.workflow.phases.field import job_of, names

    if not Path(args.data).exists():
        raise UsageError(f"there is no {args.data}", "The file does not exist.", "Name a file of new rows.")
    with session_of(args.project) as session:
        file = absolute(args.data, Path.cwd())
        before = list(session.answers.value("field", "files"))
        if file not in before:
            session.answers.set("field", "files", [*before, file], source="flag")
        name = next(n for n, f in names(session.view).items() if f == file)
        session.refresh()
        here = session.state().phase
        locked = session.next_job("field") is None
        job = job_of(session.view, name)
        if job is not None and locked or job is None and session.evidence(f"field:{name}") is None:
            session.answers.set("field", "files", before, source="flag")
            raise GateError("there is no verified model yet", f"The project stands at {here}.", "Run `phasewise run --through verify` first.")
        reporter = Reporter()
        drive = Drive(session=session, on_event=(lambda _: None) if args.json else reporter.event, tell=reporter.line)
        if job is not None:
            try:
                drive.work(job)
            except RunError as error:
                if error.exit_code == UsageError.exit_code:  # a file that cannot be read must not stand in the way of the next
                    session.answers.set("field", "files", before, source="flag")
                raise
        result = session.evidence(f"field:{name}").result
        if args.json:
            out_json(result)
        else:
            out("\n".join(_lines(result)))
        return 0 if result.loop in ("", "none") else 3


def _lines(result: Any) -> list[str]:
    lines = [f"{result.name}: {result.rows:,} rows"]
    if result.score:
        s = result.score
        lines.append(f"{s.metric} {s.value:.4g} [{s.low:.4g}, {s.high:.4g}] on {s.n:,} judged rows")
    else:
        judged = getattr(result, "judged", 0)
        lines.append(f"not judged: {judged:,} of {result.rows:,} rows are new and have a known label{'; 20 are needed' if judged < 20 else ', of one class only'}")
    told = [f for f in result.findings if f.check != "column-drift" and (f.severity in ("block", "warn") or f.check in ("field-contract", "target-missing"))]
    lines += [f"{f.severity}: {safe_text(f.title, 200)}. {safe_text(f.seen, 300)}" for f in told[:12]]
    drifted = [d for d in result.drift if d.drifted]
    silent = next((str(c.get("why")) for c in getattr(result, "coverage", []) if c.get("check") == "column-drift" and c.get("state") == "skipped"), "") if not result.drift else ""
    lines.append("drift was not looked for: the file has none of the model's columns" if not result.drift and not silent else f"drift was not looked for: {silent}" if silent else f"{len(drifted)} of {len(result.drift)} columns drifted" + (": " + ", ".join(d.column for d in drifted[:8]) if drifted else ""))
    fits = not any(f.check == "field-contract" and f.severity == "block" for f in result.findings)
    for e in result.examples[:3] if fits else ():
        lines.append(f"least sure: row {e['row']:,} is {e['prediction']} at {e['confidence']:.0%}; the training rows most like it are {', '.join(n['label'] for n in e['nearest'])}")
    lines += [f"do not trust: {safe_text(t, 300)}" for t in result.do_not_trust if not any(t.startswith(f.title) for f in told)][:5]
    if result.loop and result.loop != "none":
        lines.append(f"advice: {result.loop_reason}")
    elif result.loop_reason and any(f.severity == "block" for f in told):
        lines.append(f"no loop is taken: {result.loop_reason}")
    if result.loop == "new_sets":
        lines.append(f"to do so: phasewise vault renew {safe_text(result.file, 200)} --reason TEXT (half of its labelled rows become the new sealed test)")
    return lines
