"""`phasewise ablate`: the incumbent without each of its parts, over the same seeds (V10)."""

import argparse
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, table
from phasewise.records.text import safe_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--change", metavar="KEY=VALUE", action="append", default=[], help="what to take away, one setting each, for example network.dropout=[] (default: every regulariser, schedule and embedding in use)")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Train the incumbent without each part, or show the same ablation again."""
    from phasewise.cli.ideas import change_of
    from phasewise.workflow import inspecting

    with session_of(args.project) as session:
        job = inspecting.ablation(session, [change_of([item]) for item in args.change])
        show(worked(session, job, args), args)
    return 0


def worked(session: Any, job: Any, args: Any) -> Any:
    """The evidence of a job: recorded already, or made now."""
    from phasewise.cli.progress import Reporter
    from phasewise.workflow.drive import Drive

    found = session.facts.evidence.find(job.kind, job.inputs)
    if found is None:
        reporter = Reporter()
        found = Drive(session=session, on_event=(lambda _: None) if args.json else reporter.event, tell=reporter.line).work(job)
    return found.result


def show(found: Any, args: Any) -> None:
    """Drops with intervals, sorted, and the cumulative path."""
    if args.json:
        out_json(found)
        return
    score = found.full.validation
    rows = [
        [c.title or c.id, f"{c.drop:+.4g}", f"[{c.low:+.4g}, {c.high:+.4g}]", f"{c.p_holm:.3g}", "gone" if c.id in found.removed else "earns its place" if c.low > 0 else c.note or "could go"]
        for c in sorted(found.components, key=lambda c: -c.drop)
    ]
    out(f"full model: {score.metric} {score.value:.4g} [{score.low:.4g}, {score.high:.4g}]")
    out(table(rows, ["taken away", "drop", "95 % interval", "p (Holm)", ""]))
    if found.interaction is not None:
        out(f"all together {found.interaction:+.4g} beyond the sum of the single drops")
    if found.note:
        out(safe_text(found.note, 400))
