"""Where notes for later jobs are kept that can be made again (XDG cache; safe to delete)."""

import os
from collections.abc import Mapping
from pathlib import Path


def folder(env: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/phasewise`, or `~/.cache/phasewise`."""
    given = env.get("XDG_CACHE_HOME", "")
    base = Path(given) if given.startswith("/") else Path(env.get("HOME") or "~").expanduser() / ".cache"
    return base / "phasewise"
