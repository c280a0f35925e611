"""`phasewise trust FILE`: agree to run a file of your own code; the consent is bound to its bytes and kept outside every project (A07)."""

import argparse
import sys
from pathlib import Path
from typing import Any

from phasewise.cli.talk import out, say
from phasewise.records import trust
from phasewise.records.errors import UsageError
from phasewise.records.text import safe_text

SHOWN = 60


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("file", metavar="FILE", help="a .py file that defines loss(outputs, y)")
    parser.add_argument("--yes", action="store_true", help="agree without being asked: you have read the file")
    parser.add_argument("--withdraw", action="store_true", help="take the consent back")


def run(args: Any) -> int:
    """Shows the file, asks, and writes the consent down."""
    path = Path(args.file).expanduser()
    data, digest = trust.read(path)
    if args.withdraw:
        out(f"{'withdrawn' if trust.withdraw(digest) else 'there was no consent'}: {path.name} (SHA-256 {digest[:16]})")
        return 0
    if trust.agreed(digest):
        out(f"agreed already: {path.name} (SHA-256 {digest[:16]})")
        return 0
    if not args.yes:
        _ask(path, data, digest)
    trust.agree(digest, str(path.absolute()))
    out(f"agreed: {path.name} (SHA-256 {digest[:16]}); any change needs a new consent")
    return 0


def _ask(path: Path, data: bytes, digest: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError(f"nobody is here to agree to {path.name}", "There is no terminal to ask in.", "Read the file, then give --yes.")
    lines = data.decode("utf-8", errors="replace").splitlines()
    say(f"{path.name}, {len(lines)} lines, SHA-256 {digest[:16]}:")
    for line in lines[:SHOWN]:
        say(f"  | {safe_text(line, 200)}")
    if len(lines) > SHOWN:
        say(f"  | ... {len(lines) - SHOWN} more lines: read them in an editor first")
    say("This code will run with your rights whenever a network is trained with it.")
    print("Type yes to agree:", end=" ", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != "yes":
        raise UsageError("not agreed", "Nothing was written down.", "The file is not run.")
