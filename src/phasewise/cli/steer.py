"""`phasewise steer RUN WHAT`: the keys of the live run, from another terminal: pause, resume, checkpoint, learning rate, stop."""

import argparse
import math
from typing import Any

from phasewise.cli.parser import project_option
from phasewise.cli.stop import ask
from phasewise.records.errors import UsageError

WHAT = {
    "pause": ("pause", "pause at the next step, with a checkpoint"), "resume": ("resume", "go on"),
    "checkpoint": ("checkpoint", "save a checkpoint and go on"), "rate": ("set_lr", "change the learning rate at the next step"),
    "stop": ("stop_epoch", "stop after this epoch"), "stop-now": ("stop_now", "stop now, with a checkpoint"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="run id; see `phasewise runs`")
    parser.add_argument("what", choices=tuple(WHAT), help="; ".join(f"{name}: {text}" for name, (_, text) in WHAT.items()))
    parser.add_argument("value", nargs="?", metavar="RATE", help="with rate: the new one, or *0.1 for a tenth of what the schedule says (*1: as planned)")
    project_option(parser)


def run(args: Any) -> int:
    """Put the command into the run's inbox; works beside an open app."""
    if (args.what == "rate") != (args.value is not None):
        raise UsageError("a learning rate goes with rate, and with nothing else", f"{args.what} was given {args.value or 'none'}.", "For example: phasewise steer RUN rate 0.001, or rate '*0.5'.")
    command, text = WHAT[args.what]
    return ask(args, command, text, **(_rate(args.value) if args.value is not None else {}))


def _rate(text: str) -> dict[str, float]:
    """A number is the rate itself, one after a star a factor on the schedule."""
    try:
        number = float(text.removeprefix("*"))
    except ValueError:
        number = math.nan
    if not 0 < number <= 100:
        raise UsageError(f"{text[:40]!r} is no learning rate", "It must be above 0 and at most 100.", "Write a number such as 0.001, or *0.5 for half of what the schedule says.")
    return {"factor" if text.startswith("*") else "value": number}
