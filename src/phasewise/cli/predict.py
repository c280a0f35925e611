"""`phasewise predict INPUT [-o OUT]`: predictions of the candidate for a file of new rows, a picture or a folder of pictures."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from phasewise.cli.answering import absolute
from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, say
from phasewise.records.errors import GateError, UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("input", metavar="INPUT", help="file of new rows, a picture, or a folder of pictures")
    parser.add_argument("-o", "--output", metavar="OUT", help="CSV or Parquet file to write (default: CSV lines on standard output)")
    parser.add_argument("--sets", action="store_true", help="also the interval (numbers) or the classes that hold the truth nine times in ten")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Run the job and print where the predictions lie."""
    from phasewise.cli.progress import Reporter
    from phasewise.records.jobs import PredictJob
    from phasewise.workflow import candidates, feeding
    from phasewise.workflow.dev import data_view
    from phasewise.workflow.drive import Drive

    if not Path(args.input).exists():
        raise UsageError(f"there is no {args.input}", "The file does not exist.", "Name a file of new rows, a picture, or a folder of pictures.")
    if args.json and not args.output:
        raise UsageError("--json says where the predictions lie", "No file to write was named.", "Add -o predictions.csv, or leave --json out to get CSV lines.")
    with session_of(args.project) as session, tempfile.TemporaryDirectory() as aside:
        model = candidates.chosen(session.view)
        if model is None:
            raise GateError("there is no model yet", "No phase has trained one.", "Run `phasewise run --through baseline` first.")
        if session.view.current("open_vault") is None:
            say("note: this model has not been verified on the sealed test rows")
        ref = feeding.deployed(session.view)
        if ref != model.ref:
            say(f"note: {ref} is in service, promoted by a feed: judged on held rows of the feed, not on the sealed test rows")
        job = PredictJob(phase="ship", title="Predict", data=data_view(session.view), model=ref, file=absolute(args.input, Path.cwd()), output=absolute(args.output, Path.cwd()) if args.output else str(Path(aside, "predictions.csv")), sets=args.sets)
        reporter = Reporter()
        drive = Drive(session=session, on_event=(lambda _: None) if args.json else reporter.event, tell=reporter.line)
        result = drive.work(job).result
        if args.json:
            out_json(result)
        else:
            for finding in result.findings:
                say(f"{finding.severity}: {finding.title}")
            out(result.output if args.output else Path(result.output).read_text(encoding="utf-8").rstrip("\n"))
        return 0
