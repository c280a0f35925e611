"""`phasewise vault verify`: the seal's chain, manifest and container, recomputed; `phasewise vault renew FILE`: the next generation (7.8)."""

import argparse
from pathlib import Path
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, say
from phasewise.records.errors import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("action", choices=("verify", "renew"), help="verify: recompute chain and digests; renew: new validation and test sets from real cases")
    parser.add_argument("file", nargs="?", metavar="FILE", help="renew: a file of labelled real cases")
    parser.add_argument("--reason", default="", metavar="TEXT", help="renew: why the sets in force end; the report shows it")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Exit code 0 when everything fits, 1 when something was changed."""
    if args.action == "renew":
        return _renew(args)
    from phasewise.project.vault_ledger import verify

    with session_of(args.project, read_only=True) as session:
        split = session.evidence("split")
        found = verify(session.folder, manifest=split.result.manifest if split else "", looks=len(session.looks()))
    if args.json:
        out_json({"ok": found.ok, "sealed": found.sealed, "generation": found.generation, "looks": found.looks, "manifest": found.manifest, "problems": found.problems})
    else:
        out("the vault is as it was sealed" if found.ok and found.sealed else "nothing is sealed yet" if found.ok else "the vault does not fit its records:")
        out(f"generation {found.generation}, looks {found.looks} of at most 3, manifest {found.manifest[:16]}")
        for problem in found.problems:
            out(f"  {problem}")
    return 0 if found.ok else 1


def _renew(args: Any) -> int:
    """The sets of the next generation; the data phase then reads, seals and checks them."""
    from phasewise.cli.answering import absolute
    from phasewise.cli.progress import Reporter
    from phasewise.workflow import renewing
    from phasewise.workflow.drive import Drive

    if not args.file:
        raise UsageError("no file of real cases is named", "New sets are made of labelled cases from where the model is used.", "Write phasewise vault renew FILE --reason TEXT")
    with session_of(args.project) as session:
        reporter = Reporter()
        job = renewing.job(session, absolute(args.file, Path.cwd()), args.reason)
        found = Drive(session=session, on_event=(lambda _: None) if args.json else reporter.event, tell=reporter.line).work(job).result
    if args.json:
        out_json(found)
    else:
        out("\n".join(renewing.told(found)))
        say("next: phasewise run --through verify --yes")
    return 0
