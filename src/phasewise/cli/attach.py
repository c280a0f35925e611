"""`phasewise attach RUN`: replay and follow; Ctrl+C leaves, the run goes on."""

import argparse
import time
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.progress import Reporter
from phasewise.cli.talk import say

OPEN = ("queued", "running", "paused")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="run id; see `phasewise runs`")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Follow until the run ends; its own outcome is the exit code."""
    with session_of(args.project) as session:
        folder = session.attach(args.run)
        reporter = Reporter(as_json=args.json)
        try:
            while True:
                over = folder.state() not in OPEN
                for event in session.poll():
                    reporter.event(event)
                if over:
                    break
                time.sleep(0.1)
        except KeyboardInterrupt:
            reporter.end(0, "detached", run=folder.id)
            say(f"run {folder.id} goes on; come back with: phasewise attach {folder.id}")
            return 130
        state = folder.state()
        code = 0 if state in ("finished", "stopped") else 1
        reporter.end(code, state, run=folder.id)
        say(f"run {folder.id}: {state}")
        return code
