"""Errors a person can act on: title, cause, remedy; never a bare traceback."""


class PhasewiseError(Exception):
    """The base of every error shown to a person.

    `title` says what happened, `cause` why (naming file, row or column), `remedy` what to do next;
    `exit_code` is the process exit code of the headless twin.
    """

    exit_code = 1

    def __init__(self, title: str, cause: str = "", remedy: str = "", *, where: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.cause = cause
        self.remedy = remedy
        self.where = where

    def lines(self) -> list[str]:
        """The error as it is printed, one part a line."""
        parts = [f"error: {self.title}"]
        if self.cause:
            parts.append(f"  cause: {self.cause}")
        if self.remedy:
            parts.append(f"  remedy: {self.remedy}")
        return parts


class UsageError(PhasewiseError):
    """A wrong or missing answer, flag or file: exit code 2."""

    exit_code = 2


class BadInputError(UsageError):
    """A data file that cannot be used as it is; names file, row or column."""


class GateError(PhasewiseError):
    """A gate that did not open: exit code 3."""

    exit_code = 3


class StorageError(PhasewiseError):
    """Something about the project folder: locked, read-only, full, newer, damaged."""


class RunError(PhasewiseError):
    """A job that failed in the engine process."""
