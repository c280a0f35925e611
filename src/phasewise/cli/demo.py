"""`phasewise demo`: a project from data that ships with scikit-learn; in the app, or headless to the end."""

import argparse
from pathlib import Path
from typing import Any

from phasewise.cli import samples
from phasewise.cli.interactive import interactive
from phasewise.cli.parser import json_option
from phasewise.cli.places import PROJECT_FILE, data_dir
from phasewise.cli.talk import say
from phasewise.records.errors import UsageError

DEFAULT = "breast_cancer"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("name", nargs="?", default=DEFAULT, help=f"one of {', '.join(samples.names())} (default: {DEFAULT})")
    parser.add_argument("--dir", metavar="DIR", help="where the project goes (default: your data folder; see `phasewise where`)")
    parser.add_argument("--fresh", action="store_true", help="a new project even when there is one already")
    parser.add_argument("--through", metavar="PHASE", default="ship", help="headless: how far (default: ship)")
    parser.add_argument("--tour", action="store_true", help="a two-minute scripted tour of the app on a fresh demo project; any key ends it")
    parser.add_argument("--no-input", action="store_true", help="run headless even in a terminal")
    parser.add_argument("--plain", action="store_true", help="ask the questions line by line")
    json_option(parser)


def run(args: Any) -> int:
    """Open the demo, or run it through and print where the report is."""
    if args.name not in samples.names():
        samples.write(args.name, Path())
    if args.tour:
        args.fresh = True
    folder = place(args)
    if not (folder / PROJECT_FILE).is_file():
        create(folder, args.name)
    if not args.plain and not args.json and interactive(no_input=args.no_input):
        from phasewise.cli.app import open_app

        return open_app(folder, tour=args.tour)
    if args.tour:
        raise UsageError("the tour needs a terminal", "It drives the full-screen app.", "Run it in a terminal, or leave --tour out: the demo runs headless.")
    say(f"demo project: {folder}")
    from phasewise.cli.opening import session_of
    from phasewise.cli.run import chosen, drive

    with session_of(folder) as session:
        if args.plain:
            from phasewise.cli.plain import walk
            from phasewise.records.phases import PHASES

            return walk(session, list(PHASES))
        return drive(session, chosen(session, [], args.through), yes=True, as_json=args.json)


def place(args: Any) -> Path:
    """The demo's folder: the one that is there already, or a fresh numbered one."""
    base = Path(args.dir).expanduser() if args.dir else data_dir() / "demo"
    name, n = f"{args.name}-demo", 2
    while args.fresh and (base / name).exists():
        name, n = f"{args.name}-demo-{n}", n + 1
    return (base / name).absolute()


def create(folder: Path, name: str) -> None:
    """The project with its sample data; answers are left to the recommendations."""
    from phasewise.cli.answering import inside
    from phasewise.workflow.session import Session

    folder.parent.mkdir(parents=True, exist_ok=True)
    session = Session.create(folder, name=f"{name.replace('_', ' ')} demo")
    try:
        file, target = samples.write(name, folder / "data")
        answers = {"file": str(file)} | ({"target": target} if target else {"kind": "images"})
        session.answers.update(inside(session, {"data": answers}), source="flag")
    finally:
        session.close()
