"""Inbox commands: a closed set with a strict schema; nothing in them can name code or paths (reliability.md 1.4)."""

import json
import math
import os
import re
from pathlib import Path
from typing import Any

from phasewise.project import atomic
from phasewise.records.errors import StorageError, UsageError

COMMANDS: dict[str, tuple[str, ...]] = {
    "pause": (), "resume": (), "stop_epoch": (), "stop_now": (), "checkpoint": (), "set_lr": ("factor", "value"),
}
"""Command -> arguments it may have."""
_ID = re.compile(r"[0-9]{20}-[0-9a-f]{8}\Z")
_SIZE = 4096


def check(value: Any) -> dict[str, Any]:
    """A command as `{"id", "command", "args"}`, checked; raises `UsageError` naming what is wrong."""
    if not isinstance(value, dict) or set(value) != {"id", "command", "args"}:
        raise _wrong("A command has exactly the keys id, command and args.")
    name, args = value["command"], value["args"]
    if not isinstance(value["id"], str) or not _ID.match(value["id"]):
        raise _wrong("Its id is not one of ours.")
    if not isinstance(name, str) or name not in COMMANDS:
        raise _wrong(f"There is no command of this name; there are: {', '.join(COMMANDS)}.")
    if not isinstance(args, dict) or not set(args) <= set(COMMANDS[name]):
        raise _wrong(f"{name} takes {', '.join(COMMANDS[name]) or 'no arguments'}.")
    if name == "set_lr":
        _check_lr(args)
    return {"id": value["id"], "command": name, "args": args}


def _check_lr(args: dict[str, Any]) -> None:
    if len(args) != 1:
        raise _wrong("set_lr takes either factor or value.")
    number = next(iter(args.values()))
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number) or not 0 < number <= 1e6:
        raise _wrong("The learning rate's factor or value must be a number above 0 and at most 1e6.")


def take(inbox: Path) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Takes every waiting command out of an inbox, in the order they were sent.

    Returns the valid ones and, for each refused one, its id and why.
    """
    good: list[dict[str, Any]] = []
    refused: list[tuple[str, str]] = []
    try:
        with os.scandir(inbox) as entries:
            names = sorted(e.name for e in entries if not e.name.startswith(".") and not e.is_dir(follow_symlinks=False))
    except OSError:
        return [], []
    for name in names:
        path = inbox / name
        try:
            found = check(json.loads(atomic.read(path, limit=_SIZE)))
            if name != f"{found['id']}.json":
                raise _wrong("Its file name is not its id.")
            good.append(found)
        except (StorageError, UsageError) as error:
            refused.append((Path(name).stem[:40], error.cause or error.title))
        except (ValueError, RecursionError):
            refused.append((Path(name).stem[:40], "It is not valid JSON."))
        atomic.remove(path)
    return good, refused


def _wrong(cause: str) -> UsageError:
    return UsageError("this command is not understood", cause, "Use the keys of the run page, or `phasewise` on the command line.")
