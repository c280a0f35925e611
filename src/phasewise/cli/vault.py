"""`phasewise vault verify`: the seal's chain, manifest and container, recomputed."""

import argparse
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("action", choices=("verify",))
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Exit code 0 when everything fits, 1 when something was changed."""
    from phasewise.project.vault_ledger import verify

    with session_of(args.project, read_only=True) as session:
        split = session.evidence("split")
        found = verify(session.folder, manifest=split.result.manifest if split else "", looks=len(session.looks()))
    if args.json:
        out_json({"ok": found.ok, "sealed": found.sealed, "generation": found.generation, "looks": found.looks, "manifest": found.manifest, "problems": found.problems})
    else:
        out("the vault is as it was sealed" if found.ok and found.sealed else "nothing is sealed yet" if found.ok else "the vault does not fit its records:")
        out(f"generation {found.generation}, looks {found.looks}, manifest {found.manifest[:16]}")
        for problem in found.problems:
            out(f"  {problem}")
    return 0 if found.ok else 1
