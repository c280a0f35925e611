"""argparse with our manners: an unknown flag names the nearest one, errors are `UsageError`s."""

import argparse
import difflib
import re
from typing import Any, NoReturn

from phasewise.records.errors import UsageError


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of exiting."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        """A `UsageError` with the nearest flag or choice."""
        raise UsageError(f"{self.prog}: {message}", self.usage_line(), self._nearest(message))

    def usage_line(self) -> str:
        """The usage on one line."""
        return " ".join(self.format_usage().split()).replace("usage: ", "Usage: ", 1)

    def _nearest(self, message: str) -> str:
        unknown = re.search(r"unrecognized arguments: (\S+)", message)
        if unknown:
            flags = [f for a in self._actions for f in a.option_strings]
            near = difflib.get_close_matches(unknown[1].partition("=")[0], flags, n=1, cutoff=0.5)
            return f"Did you mean {near[0]}?" if near else f"Flags: {', '.join(f for f in flags if f.startswith('--'))}."
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if choice:
            near = difflib.get_close_matches(choice[1], re.findall(r"[\w-]+", choice[2]), n=1, cutoff=0.5)
            return f"Did you mean {near[0]!r}?" if near else f"Choose from {choice[2]}."
        return f"See {self.prog} --help."


def project_option(parser: argparse.ArgumentParser) -> None:
    """`-C DIR`: the project folder, else the one around the current folder."""
    parser.add_argument("-C", "--project", metavar="DIR", help="project folder (default: the one here or above)")


def json_option(parser: argparse.ArgumentParser) -> None:
    """`--json`: one JSON document on stdout."""
    parser.add_argument("--json", action="store_true", help="print JSON")
