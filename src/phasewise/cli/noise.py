"""`phasewise noise`: which of the gains so far are noise, and how large a gain must be to be seen (checks section 8)."""

import argparse
import dataclasses
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, table
from phasewise.records.text import safe_text

WORDS = {"better": "gain", "noise": "noise", "worse": "worse", "broken": "did not train"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Print the account."""
    from phasewise.workflow import noise

    with session_of(args.project, read_only=True) as session:
        found = noise.read(session.view)
    if args.json:
        out_json(dataclasses.asdict(found))
        return 0
    for _, sentence in noise.told(found, lambda x: f"{x:.3g}"):
        out(sentence)
    if found.tried:
        out("")
        out(table([[safe_text(t.title, 60), f"{t.gain:+.4g}", f"[{t.low:+.4g}, {t.high:+.4g}]", str(t.seeds), WORDS[t.verdict]] for t in found.tried], ["idea", "gain", "95 %", "seeds", "verdict"]))
    return 0
