"""stdout is data, stderr is talk."""

import json
import os
import sys
from typing import Any

from phasewise.records.errors import PhasewiseError
from phasewise.records.text import safe_text


def out(text: str) -> None:
    """A line of data."""
    print(text, file=sys.stdout)


def out_json(value: Any) -> None:
    """One JSON document."""
    if hasattr(value, "model_dump_json"):
        print(value.model_dump_json(indent=2), file=sys.stdout)
    else:
        print(json.dumps(value, indent=2, ensure_ascii=False, default=str), file=sys.stdout)


def say(text: str) -> None:
    """A line of talk."""
    print(text, file=sys.stderr, flush=True)


def tell_error(error: PhasewiseError) -> None:
    """Title, cause, remedy; control characters never reach the terminal."""
    for line in error.lines():
        say(safe_text(line, 4000, keep_newlines=True))


def tell_crash(error: BaseException, log: Any, resume: str) -> None:
    """A short message, the log's path, the command to come back; the traceback goes into the log only."""
    import time
    import traceback

    say(f"error: something went wrong inside Phasewise ({type(error).__name__}).")
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as handle:
            handle.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv[1:])}\n")
            handle.write("".join(traceback.format_exception(error)))
        say(f"  details: {log}")
    except OSError:
        say("  details: could not be written; run again with PHASEWISE_DEBUG=1 to see them here")
    if os.environ.get("PHASEWISE_DEBUG"):
        traceback.print_exception(error)
    say("  a running engine is not touched; nothing that was acknowledged is lost")
    say(f"  come back with: {resume}")


def table(rows: list[list[str]], head: list[str]) -> str:
    """Columns padded to their widest cell."""
    cells = [head, *[[safe_text(c, 60) for c in row] for row in rows]]
    widths = [max(len(r[i]) for r in cells) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in cells)
