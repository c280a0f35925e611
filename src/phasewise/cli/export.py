"""`phasewise export --to FORMAT`: the candidate in other forms, each with a parity check."""

import argparse
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, say
from phasewise.records.errors import GateError

FORMATS = ("bundle", "onnx", "torch", "script")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--to", action="append", choices=FORMATS, required=True, help="can be given many times")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Export; exit code 1 when a parity check fails."""
    from phasewise.cli.progress import Reporter
    from phasewise.workflow import candidates
    from phasewise.workflow.drive import Drive
    from phasewise.workflow.phases.ship import EXPORT

    with session_of(args.project) as session:
        if candidates.chosen(session.view) is None:
            raise GateError("there is no model yet", "No phase has trained one.", "Run `phasewise run --through baseline` first.")
        if session.view.current("open_vault") is None:
            say("note: this model has not been verified on the sealed test rows")
        before = list(session.answers.value("ship", "formats"))
        session.answers.set("ship", "formats", list(dict.fromkeys([*before, *args.to])), source="flag")
        result = session.view.current(EXPORT.slot)
        if result is None:
            job = EXPORT.build(session.view)
            job = job.model_copy(update={"inputs": session.view.inputs(EXPORT.slot)})
            reporter = Reporter()
            result = Drive(session=session, on_event=(lambda _: None) if args.json else reporter.event, tell=reporter.line).work(job).result
        if args.json:
            out_json(result)
        else:
            for file in result.files:
                out(f"{file.format}  {file.path}".rstrip() if file.ok else f"{file.format}  NOT WRITTEN OR NOT THE SAME: {file.note or file.parity}")
            for note in result.notes:
                say(f"note: {note}")
        return 0 if all(f.ok for f in result.files) else 1
