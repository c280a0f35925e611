"""The command line: one small file per command, imported only when it is named."""

import importlib
import os
import sys
from collections.abc import Sequence

from phasewise.cli.table import COMMANDS

EXIT_CODES = "Exit codes: 0 done, 1 failed, 2 usage or missing answer, 3 gate not passed, 130 interrupted."


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; every error becomes a message and an exit code, never a traceback."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them costs a start 15 ms, and no foreign code sees the records
    args = list(sys.argv[1:] if argv is None else argv)
    return _guarded(args)


def help_text() -> str:
    """What `phasewise --help` prints."""
    lines = ["usage: phasewise [COMMAND] [OPTIONS]", "", "Without a command: the project here, else the start screen. A folder alone opens its project.", ""]
    lines += [f"  {name:<10} {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join([*lines, "", "phasewise COMMAND --help says more. --plain asks line by line, without a full screen.", EXIT_CODES])


def _guarded(args: list[str]) -> int:
    try:
        code = _dispatch(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        from phasewise.cli.talk import say

        say("interrupted; the same command goes on where it stopped")
        return _ended(args, 130, "stopped")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:  # the last guard: what nobody foresaw gets a message, a log and a way back
        from phasewise.records.errors import PhasewiseError

        if isinstance(error, PhasewiseError):
            from phasewise.cli.talk import tell_error

            tell_error(error)
            return _ended(args, error.exit_code, "failed", title=error.title, cause=error.cause, remedy=error.remedy)
        from phasewise.cli.places import log_file
        from phasewise.cli.talk import tell_crash

        tell_crash(error, log_file(), "phasewise " + " ".join(args))
        return _ended(args, 1, "failed", title="something went wrong inside Phasewise", cause=type(error).__name__, remedy=f"See {log_file()}.")


def _ended(args: list[str], code: int, reason: str, **more: str) -> int:
    """With `--json` an error is JSON too: one line of kind `finished`, the last of every command."""
    if "--json" in args:
        import json

        try:
            print(json.dumps({"kind": "finished", "reason": reason, "exit_code": code, **more}, ensure_ascii=False), flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code


def _dispatch(args: list[str]) -> int:
    if args and args[0] in ("-h", "--help", "help") and len(args) == 1:
        print(help_text())
        return 0
    if args and args[0] in ("-V", "--version"):
        import phasewise

        print(f"phasewise {phasewise.__version__}")
        return 0
    if not args or args[0].startswith("-"):
        return importlib.import_module("phasewise.cli.start").run(args)
    name, rest = args[0], args[1:]
    if name not in COMMANDS and os.path.isdir(name):  # the way back that the app prints
        name, rest = "open", args
    if name not in COMMANDS:
        import difflib

        from phasewise.records.errors import UsageError

        near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
        raise UsageError(f"unknown command {name!r}", f"Commands: {', '.join(COMMANDS)}.", f"Did you mean `phasewise {near[0]}`?" if near else "See phasewise --help.")
    module = importlib.import_module(f"phasewise.cli.{COMMANDS[name][0]}")
    from phasewise.cli.parser import Parser

    parser = Parser(prog=f"phasewise {name}", description=COMMANDS[name][1], epilog=EXIT_CODES)
    module.arguments(parser)
    return module.run(parser.parse_args(rest))
