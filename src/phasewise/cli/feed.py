"""`phasewise feed FILE`: new labelled rows for the model in service; promote what is better, keep what is not (X14)."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, table
from phasewise.records.text import safe_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="file of new labelled rows (without it: the versions so far)")
    parser.add_argument("--name", default="", help="what to call this feed (default: the file's name)")
    parser.add_argument("--model", default="", metavar="RUN/MODEL", help="feed another model than the one in service")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="networks: candidates to train side by side, the one in the middle is judged (default 3)")
    parser.add_argument("--back", default="", metavar="REASON", help="put the version before the present one back into service")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Feed, list, or put back; exit code 0 whether or not the candidate was promoted."""
    from phasewise.cli.answering import absolute
    from phasewise.workflow import feeding

    with session_of(args.project, read_only=not (args.file or args.back)) as session:
        if args.back:
            out(f"in service again: {feeding.put_back(session, args.back)}")
            return 0
        if not args.file:
            return _versions(feeding.versions(session.view), args)
        found = _fed(session, feeding.job(session, absolute(args.file, Path.cwd()), name=args.name, model=args.model, seeds=args.seeds), args)
        out_json(found) if args.json else out("\n".join(lines(found)))
        return 0


def _fed(session: Any, job: Any, args: Any) -> Any:
    from phasewise.cli.progress import Reporter
    from phasewise.workflow.drive import Drive

    reporter = Reporter()
    return Drive(session=session, on_event=(lambda _: None) if args.json else reporter.event, tell=reporter.line).work(job).result


def _versions(known: list[Any], args: Any) -> int:
    if args.json:
        out_json([dataclasses.asdict(v) for v in known])
    else:
        out(table([[str(v.number), v.model, v.why, safe_text(v.reason, 200)] for v in known], ["version", "model", "how", "reason"]) if known else "no model yet")
    return 0


def lines(found: Any) -> list[str]:
    """What a feed did, in a few lines."""
    drifted = [d.column for d in found.drift if d.drifted]
    rows = [[p.name, f"{p.value:.4g}", f"{s.value:.4g}", f"{p.difference:+.4g}", f"[{p.low:+.4g}, {p.high:+.4g}]"] for p, s in ((found.new, found.incumbent_new), (found.old, found.incumbent_old))]
    return [
        f"{safe_text(found.name, 80)}: {found.rows:,} rows, {found.fresh:,} of them new and labelled; {found.trained:,} joined the training pool, {found.held:,} judge",
        f"{len(drifted)} of {len(found.drift)} columns drifted" + (": " + ", ".join(safe_text(c, 60) for c in drifted[:8]) if drifted else ""),
        table(rows, ["judged on", "candidate", "incumbent", "difference", "95 % interval"]),
        *(safe_text(n, 300) for n in found.notes),
        f"{'PROMOTED: ' + found.model.ref if found.promoted else 'kept: ' + found.incumbent}; {safe_text(found.reason, 400)}",
    ]
