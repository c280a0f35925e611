"""`phasewise runs`: every run of the project."""

import argparse
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Print the runs, oldest first."""
    with session_of(args.project, read_only=True) as session:
        rows = session.status().runs
    if args.json:
        out_json(rows)
    elif rows:
        out(table([[r["id"], r["job"], r["state"], f"{r['seconds']:.1f}"] for r in rows], ["run", "job", "state", "seconds"]))
    else:
        out("no runs yet")
    return 0
