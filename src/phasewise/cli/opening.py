"""Opening a project for a command: the session, its notices, and closing it whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from phasewise.cli.places import need_project
from phasewise.cli.talk import say


@contextmanager
def session_of(named: str | Path | None, *, read_only: bool = False) -> Iterator[Any]:
    """The session of the named project or the one here."""
    from phasewise.workflow.session import Session

    session = Session.open(need_project(str(named) if named else None), read_only=read_only)
    try:
        for notice in getattr(session.project, "notices", []):
            say(f"note: {notice}")
        if session.read_only and not read_only:
            say(f"note: opened for reading only: {session.read_only_why}")
        yield session
    finally:
        session.close()
