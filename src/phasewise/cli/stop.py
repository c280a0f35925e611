"""`phasewise stop RUN`: after this epoch, or now with a checkpoint."""

import argparse
from typing import Any

from phasewise.cli.parser import project_option
from phasewise.cli.talk import say
from phasewise.records.errors import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="run id; see `phasewise runs`")
    parser.add_argument("--now", action="store_true", help="at the next step, with a checkpoint")
    project_option(parser)


def run(args: Any) -> int:
    """Put the command into the run's inbox; works beside an open app."""
    return ask(args, "stop_now" if args.now else "stop_epoch", f"stop {'now' if args.now else 'after this epoch'}")


def ask(args: Any, command: str, text: str, **more: float) -> int:
    """Ask the run of `args` for something; a run that is not going on is a UsageError."""
    from phasewise.cli.places import need_project
    from phasewise.project.runs import RunStore

    # No session: another writer may hold the project.
    folder = RunStore(need_project(args.project) / "runs").get(args.run)
    state = folder.state()
    if state not in ("queued", "running", "paused"):
        raise UsageError(f"run {args.run} is not running", f"It is {state}.", "See `phasewise runs`.")
    folder.post(command, **more)
    say(f"asked run {args.run} to {text}")
    return 0
