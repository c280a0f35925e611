"""`phasewise minimal`: the network made simple, one simplification undone per run, stopped at the suspect (B06)."""

import argparse
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, table
from phasewise.records.text import safe_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--again", action="store_true", help="run it again even where the same ladder is recorded")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Climb, or show the recorded climb; exit code 3 when it stopped at a suspect."""
    from phasewise.cli.progress import Reporter
    from phasewise.workflow import minimal
    from phasewise.workflow.drive import Drive

    with session_of(args.project) as session:
        job = minimal.job(session)
        found = None if args.again else minimal.found(session, job)
        if found is None:
            reporter = Reporter()
            found = Drive(session=session, on_event=(lambda _: None) if args.json else reporter.event, tell=reporter.line).work(job).result
        if args.json:
            out_json(found)
        else:
            out(shown(found))
        return 3 if found.suspect else 0


def shown(found: Any) -> str:
    """One line a run, then the advice."""
    rows = [["simplest network", "", _mean(found.start), "", ""]] if found.start else []
    rows += [[f"undone: {s.title}", _mean(s.before), _mean(s.after), f"{s.loss:+.4g} (noise {s.noise:.2g})", "SUSPECT" if s.worse else "sound"] for s in found.steps]
    rows += [[f"not tried: {title}", "", "", "", ""] for title in found.left]
    text = table([[safe_text(c, 80) for c in row] for row in rows], ["run", "before", "after", "cost", ""]) + "\n" if rows else ""
    return text + safe_text(found.advice, 400)


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.4g}" if values else ""
