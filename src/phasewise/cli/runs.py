"""`phasewise runs`: every run of the project; `phasewise runs reproduce RUN` does one again from its record (R22)."""

import argparse
import dataclasses
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, say, table
from phasewise.records.errors import UsageError
from phasewise.records.text import safe_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("action", nargs="?", choices=("list", "reproduce"), default="list", help="list the runs (default), or do one again from its record and compare bit for bit")
    parser.add_argument("run", nargs="?", metavar="RUN", help="the run to do again")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Print the runs, oldest first; or repeat one: exit code 3 when anything differs."""
    if args.action == "reproduce":
        return _again(args)
    with session_of(args.project, read_only=True) as session:
        rows = session.status().runs
    if args.json:
        out_json(rows)
    elif rows:
        out(table([[r["id"], r["job"], r["state"], f"{r['seconds']:.1f}"] for r in rows], ["run", "job", "state", "seconds"]))
    else:
        out("no runs yet")
    return 0


def _again(args: Any) -> int:
    from phasewise.workflow.reproducing import reproduce

    if not args.run:
        raise UsageError("`runs reproduce` needs a run", "None was named.", "See `phasewise runs`.")
    with session_of(args.project) as session:
        say(f"doing {safe_text(args.run, 60)} again from its record ...")
        found = reproduce(session, args.run)
    if args.json:
        out_json(dataclasses.asdict(found))
    else:
        verdict = "equal bit for bit" if found.equal else f"DIFFERENT in {len(found.differences)} place(s)"
        out(f"{found.run}: {verdict}; {found.numbers:,} numbers and {found.files} files compared in {found.seconds:.1f} s")
        for text in (*found.differences, *found.notes):
            out(f"  {safe_text(text, 200)}")
    return 0 if found.equal else 3
