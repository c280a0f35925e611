"""`phasewise new`: a project from a data file, a template, or nothing but a name."""

import argparse
import re
from pathlib import Path
from typing import Any

from phasewise.cli import answering
from phasewise.cli.interactive import interactive
from phasewise.cli.parser import json_option
from phasewise.cli.talk import out, out_json, say
from phasewise.records.errors import UsageError
from phasewise.records.text import safe_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("dir", nargs="?", metavar="DIR", help="folder of the project (default: named after the data)")
    parser.add_argument("--data", metavar="PATH", help="CSV (any delimiter, gz), Parquet, or a folder of images")
    parser.add_argument("--target", metavar="COLUMN", help="the column to predict")
    parser.add_argument("--kind", metavar="KIND", help="tabular or images (default: from the files)")
    parser.add_argument("--template", metavar="NAME", help="an answers file to start from; see `phasewise templates`")
    parser.add_argument("--goal", metavar="GOAL", help='for example "roc_auc>=0.92"')
    parser.add_argument("--name", metavar="NAME", default="", help="the project's name")
    answering.add_flags(parser)
    parser.add_argument("--yes", "-y", action="store_true", help="accept recommended answers")
    parser.add_argument("--through", metavar="PHASE", help="go on headless up to this phase")
    parser.add_argument("--plain", action="store_true", help="ask the questions line by line")
    json_option(parser)


def run(args: Any) -> int:
    """Make the project, look at the data, then open the app (or say what comes next)."""
    flags = given(args)
    folder = Path(args.dir) if args.dir else Path(default_folder(args, flags))
    session = create(folder, args, flags)
    try:
        profile(session, as_json=args.json)
        if not args.json:
            notes(session)
        if args.through:
            from phasewise.cli.run import chosen, drive

            return drive(session, chosen(session, [], args.through), yes=args.yes, as_json=args.json)
        if args.plain:
            from phasewise.cli.plain import walk
            from phasewise.records.phases import PHASES

            return walk(session, list(PHASES))
        if args.json:
            out_json(session.status())
            return 0
    finally:
        session.close()
    if interactive(no_input=args.no_input or args.yes):
        from phasewise.cli.app import open_app

        return open_app(folder)
    out(str(folder))
    say(f"next: cd {folder} && phasewise run --through verify --yes")
    return 0


NOTES = 8
"""Notes on the file told at most; the data page has them all."""


def notes(session: Any) -> None:
    """What was read into the file: lines left out, labels joined, units, the task."""
    found = session.view.profile()
    told = list(found.notes) if found is not None else []
    if found is not None and found.kind == "tabular" and found.target and not session.view.explicit("data.target"):
        why = next((p.reason for p in found.targets if p.value == found.target), "")
        others = ", ".join(safe_text(p.value, 40) for p in found.targets if p.value != found.target)
        say(f"  target: {safe_text(found.target, 60)!r}{f' ({why})' if why else ''}, a guess: name another with --target{f'; perhaps {others}' if others else ''}")
    for note in told[:NOTES]:
        say(f"  note: {safe_text(note, 300)}")
    if len(told) > NOTES:
        say(f"  and {len(told) - NOTES} more notes: the data page has them")


def given(args: Any) -> dict[str, dict[str, Any]]:
    """The flags as answers."""
    flags: dict[str, dict[str, Any]] = {}
    data: dict[str, Any] = {"file": answering.absolute(args.data, Path.cwd()) if args.data else None, "target": args.target, "kind": args.kind}
    flags["data"] = {k: v for k, v in data.items() if v is not None}
    if args.data and re.match(r"[a-z][a-z0-9+.-]*://", args.data, re.I):
        raise UsageError(f"{safe_text(args.data, 80)} is an address, not a file", "Phasewise downloads nothing.", "Fetch the file first, then name it here.")
    if args.data and (found := Path(flags["data"]["file"])).exists() and not (found.is_file() or found.is_dir()):
        raise UsageError(f"{safe_text(args.data, 80)} is no regular file", "It is a device, pipe or socket.", "Copy the data into a file first.")
    if args.data and not Path(flags["data"]["file"]).exists():
        raise UsageError(f"there is no {args.data}", "The data file does not exist.", "Name a CSV or Parquet file or a folder of images.")
    if args.goal:
        from phasewise.records.metrics import parse_goal

        metric, target = parse_goal(args.goal)
        flags["goals"] = {"metric": metric, "target": target}
    return flags


def default_folder(args: Any, flags: dict[str, dict[str, Any]]) -> str:
    """A folder named after the data, numbered when it is taken."""
    source = args.name or (Path(flags["data"]["file"]).name.split(".")[0] if "file" in flags["data"] else args.template or "")
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", source).strip("-") or "project"
    name, n = stem, 2
    while Path(name).exists():
        name, n = f"{stem}-{n}", n + 1
    return name


def create(folder: Path, args: Any, flags: dict[str, dict[str, Any]]) -> Any:
    """The new project with template, answers file and flags in their layers; nothing is left behind when an answer is wrong."""
    from phasewise.workflow.session import Session

    if args.answers:
        answering.from_file(args.answers)
    answering.from_sets(args.sets, Path.cwd())
    template = None
    if args.template:
        from phasewise.cli.templates import find

        template = find(args.template)
    session = Session.create(folder, name=args.name)
    try:
        if template is not None:
            from phasewise.cli.templates import instantiate

            instantiate(template, session, with_data="file" not in flags["data"])
        answering.apply(session, file=args.answers, sets=args.sets, more=flags)
    except BaseException:
        session.close()
        raise
    return session


def profile(session: Any, *, as_json: bool) -> None:
    """Read the data at once, so that the first questions come with recommendations."""
    if not session.answers.value("data", "file"):
        return
    from phasewise.cli.progress import Reporter
    from phasewise.workflow.drive import Drive

    reporter = Reporter(as_json=False)
    job = session.next_job("goals")
    if job is not None and job.kind == "profile":
        Drive(session=session, on_event=(lambda _: None) if as_json else reporter.event).work(job)
