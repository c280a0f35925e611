"""`phasewise` alone: the project here, else the start screen; without a terminal the status, or exit code 2."""

from pathlib import Path

from phasewise.cli.interactive import why_not
from phasewise.cli.parser import Parser, project_option
from phasewise.records.errors import UsageError


def run(argv: list[str]) -> int:
    """Open what is here."""
    from phasewise.cli.places import find_project

    parser = Parser(prog="phasewise")
    project_option(parser)
    parser.add_argument("--plain", action="store_true", help="ask the questions line by line, without a full screen")
    parser.add_argument("--no-input", action="store_true", help="never ask")
    parser.add_argument("--read-only", action="store_true", help="look, change nothing")
    args = parser.parse_args(argv)
    folder = find_project(args.project)
    if args.plain:
        return plain(folder)
    closed = why_not(no_input=args.no_input)
    if not closed:
        from phasewise.cli.app import open_app

        return open_app(folder)
    if folder is not None:
        from phasewise.cli import status

        return status.run(StatusArgs(project=str(folder)))
    raise UsageError("there is nothing to open here", f"There is no project in {Path.cwd()} and nobody can be asked ({closed}).", "Name a command: phasewise new --data FILE, or phasewise --help.")


def plain(folder: Path | None) -> int:
    """The same questions line by line."""
    from phasewise.cli.opening import session_of
    from phasewise.cli.plain import walk
    from phasewise.records.phases import PHASES

    if folder is None:
        raise UsageError("there is no project here", "--plain works on a project.", "Make one with `phasewise new --data FILE --plain`.")
    with session_of(folder) as session:
        return walk(session, list(PHASES))


class StatusArgs:
    """Arguments of `status` as the parser would give them."""

    json = False

    def __init__(self, *, project: str) -> None:
        self.project = project
