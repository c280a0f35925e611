"""`phasewise open DIR`: a project in the app; without a terminal its status."""

import argparse
from pathlib import Path
from typing import Any

from phasewise.cli.interactive import interactive
from phasewise.cli.places import need_project


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("dir", nargs="?", metavar="DIR", help="project folder")
    parser.add_argument("--plain", action="store_true", help="ask the questions line by line")
    parser.add_argument("--no-input", action="store_true", help="never ask")


def run(args: Any) -> int:
    """Open it."""
    folder = Path(need_project(args.dir))
    if args.plain:
        from phasewise.cli.start import plain

        return plain(folder)
    if interactive(no_input=args.no_input):
        from phasewise.cli.app import open_app

        return open_app(folder)
    from phasewise.cli import status
    from phasewise.cli.start import StatusArgs

    return status.run(StatusArgs(project=str(folder)))
