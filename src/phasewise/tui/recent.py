"""The projects a person used lately: path, phase, state; written when one is left, read by the start screen."""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

MOST = 50


@dataclass(frozen=True, kw_only=True)
class Recent:
    """One project as it was when it was last left."""

    path: str
    name: str
    phase: str = ""
    state: str = ""
    best: str = ""
    t: float = 0.0


def file(env: dict[str, str] | None = None) -> Path:
    """Where the list lies (`$XDG_STATE_HOME/phasewise/recent.json`)."""
    env = dict(os.environ) if env is None else env
    home = env.get("XDG_STATE_HOME") or str(Path(env.get("HOME", "~")).expanduser() / ".local" / "state")
    return Path(home) / "phasewise" / "recent.json"


def load(path: Path | None = None) -> list[Recent]:
    """Newest first; folders that are gone and anything unreadable are left out."""
    try:
        rows = json.loads((path or file()).read_text(encoding="utf-8"))
        found = [Recent(**{k: r[k] for k in ("path", "name", "phase", "state", "best", "t") if k in r}) for r in rows]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    return sorted((r for r in found if Path(r.path).is_dir()), key=lambda r: -r.t)[:MOST]


def remember(entry: Recent, path: Path | None = None) -> None:
    """Put a project at the top of the list; a list that cannot be written is no error."""
    path = path or file()
    rest = [r for r in load(path) if r.path != entry.path]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(json.dumps([asdict(r) for r in [entry, *rest][:MOST]]), encoding="utf-8")
        os.replace(fresh, path)
    except OSError:
        return


def ago(t: float, now: float | None = None) -> str:
    """How long ago, in words."""
    seconds = (time.time() if now is None else now) - t
    for limit, unit, word in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if seconds < limit:
            return f"{max(int(seconds / unit), 0)} {word} ago"
    return f"{int(seconds / 86_400)} days ago"
