"""`phasewise report`: Markdown, HTML and cards from the journal."""

import argparse
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Write it and print where it is."""
    from phasewise.report.build import write

    with session_of(args.project, read_only=True) as session:
        paths = write(session.project, session.folder / "reports")
    if args.json:
        out_json({"files": [str(p) for p in paths]})
    else:
        out("\n".join(str(p) for p in paths))
    if args.open:
        import webbrowser

        webbrowser.open(next((p for p in paths if p.suffix == ".html"), paths[0]).absolute().as_uri())
    return 0
