"""`phasewise show`: the planned rates before any step is done (T09-T16), and the results of baseline, train, tune, strengthen and verify as lines."""

import argparse
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.results import PARTS
from phasewise.cli.talk import out, out_json, say

ROUND_SLOTS = ("try_ideas", "search", "ablate")
PHASE_OF = {"baselines": "baseline", "checkup": "baseline", "training": "train", "diagnosis": "train", "tune": "tune", "strengthen": "strengthen", "verify": "verify"}
MOST = 24
WIDTH = 40


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("what", choices=("rates", *PARTS), help="rates: the learning rate over the steps of the planned training; the others: what the project has found")
    parser.add_argument("--set", dest="sets", metavar="PHASE.FIELD=VALUE", action="append", default=[], help="look at another answer without giving it, for example train.schedule=cosine")
    parser.add_argument("--rows", type=int, default=MOST, metavar="N", help=f"rows of the table for a curve that never rests (default {MOST})")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Print the planned curve; nothing is trained and no answer is kept."""
    if args.what != "rates":
        return _found(args)
    from phasewise.cli.answering import from_sets
    from phasewise.workflow import planned

    with session_of(args.project, read_only=True) as session:
        for phase, values in from_sets(args.sets, session.folder).items():
            for name, value in values.items():
                session.answers.try_out(phase, name, value)
        plan = planned.training(session.view, max(2, args.rows))
    if args.json:
        out_json({"schedule": plan.schedule, "optimizer": plan.optimizer, "epochs": plan.epochs, "steps_per_epoch": plan.steps_per_epoch, "rates": plan.curve, "notes": plan.notes, "problems": plan.problems})
    else:
        out("\n".join(lines(plan)))
    return 0


def _found(args: Any) -> int:
    """Print one part of the results; exit code 3 before there is any."""
    with session_of(args.project, read_only=True) as session:
        slots = {"training": ("find_lr", "fit", "ladder"), "diagnosis": ("search", "fit"), "tune": ROUND_SLOTS, "strengthen": ("combine", "prune"), "verify": ("open_vault",)}.get(args.what, (args.what,))
        if args.json:
            held = {s: e.result.model_dump(mode="json") for s in slots if (e := session.evidence(s)) is not None}
            if args.what == "diagnosis":
                held = {s: r["diagnosis"] for s, r in held.items()}
            out_json(held)
            return 0 if held else 3
        told = PARTS[args.what](session)
    if not told:
        say(f"nothing to show yet: {args.what} comes with `phasewise run --through {PHASE_OF[args.what]}`")
        return 3
    out("\n".join(told))
    return 0


def lines(plan: Any) -> list[str]:
    """The curve as a table with bars, every rate is a number as well as a bar."""
    steps = plan.steps_per_epoch
    text = [f"{plan.schedule.replace('_', ' ')} with {plan.optimizer}: {plan.epochs} epochs of {steps:,} steps", ""]
    top = max((rate for _, rate in plan.curve), default=0.0)
    text.append(f"{'epoch':>8}  {'step':>8}  {'rate':>9}")
    for step, rate in plan.curve:
        bar = "#" * (round(WIDTH * rate / top) if top else 0)
        text.append(f"{step / steps:>8.2f}  {step:>8,.0f}  {rate:>9.3g}  {bar}".rstrip())
    return [*text, *(["", *plan.notes] if plan.notes else []), *(f"problem: {p}" for p in plan.problems)]
