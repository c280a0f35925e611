"""`phasewise preview`: training pictures as the augmentation shows them to the network, and whether it is too strong (R10, R11)."""

import argparse
import sys
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json
from phasewise.records.text import safe_text

SHADES = " .:-=+*#%@"
GAP = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--again", action="store_true", help="draw it again even where the same preview is recorded")
    parser.add_argument("--no-colour", action="store_true", help="brightness as characters instead of colours (also where the output is no terminal)")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Draw the grid; exit code 3 where the augmentation is too strong."""
    from phasewise.cli.progress import Reporter
    from phasewise.workflow import previewing
    from phasewise.workflow.drive import Drive

    with session_of(args.project) as session:
        job = previewing.job(session)
        known = None if args.again else session.facts.evidence.find("preview", job.inputs)
        if known is None:
            reporter = Reporter()
            known = Drive(session=session, on_event=(lambda _: None) if args.json else reporter.event, tell=reporter.line).work(job)
        found = known.result
    if args.json:
        out_json(found)
    else:
        out("\n".join(lines(found, colour=sys.stdout.isatty() and not args.no_colour)))
    return 3 if found.strength.get("too_strong") else 0


def lines(found: Any, *, colour: bool) -> list[str]:
    """The policy in words, the grid (plain picture first), the figure."""
    text = [f"augmentation: {'; '.join(found.said) or 'none'}"]
    if found.pictures:
        text.append(f"every epoch shows another version: {found.versions} of each picture. First column: the picture as it is.")
    for one in found.pictures:
        text += ["", safe_text(one["label"], 40)]
        blocks = [[_row(line, colour) for line in cell] for cell in one["cells"]]
        text += [(" " * GAP).join(parts) for parts in zip(*blocks, strict=True)]
    return [*text, "", safe_text(found.advice, 600)] if found.advice else text


def _row(cells: list[Any], colour: bool) -> str:
    if colour:
        return "".join(f"\x1b[38;2;{_rgb(top)};48;2;{_rgb(low)}m\u2580" for top, low in cells) + "\x1b[0m"
    return "".join(SHADES[min(int((sum(top) + sum(low)) / 1531 * len(SHADES)), len(SHADES) - 1)] for top, low in cells)


def _rgb(colour: Any) -> str:
    return ";".join(str(min(max(int(v), 0), 255)) for v in colour[:3])
