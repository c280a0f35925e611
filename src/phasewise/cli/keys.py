"""`phasewise keys`: all bindings with their ids, for remapping."""

import argparse
from typing import Any

from phasewise.cli.parser import json_option
from phasewise.cli.talk import out, out_json, table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    json_option(parser)


def run(args: Any) -> int:
    """Print the table the app itself reads."""
    from phasewise.tui.keys import KEYS

    if args.json:
        out_json([{"id": k.id, "keys": k.keys.split(","), "title": k.title, "group": k.group} for k in KEYS])
    else:
        out(table([[k.id, k.keys.replace(",", " "), k.title] for k in KEYS], ["id", "keys", "what it does"]))
    return 0
