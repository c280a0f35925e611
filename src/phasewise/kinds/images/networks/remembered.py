"""What a search through a thousand architectures found, kept for the jobs that follow (XDG cache; safe to delete)."""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from phasewise.project import atomic
from phasewise.records import cache
from phasewise.records.base import fingerprint


def place(env: Mapping[str, str] = os.environ) -> Path:
    """The folder of the notes."""
    return cache.folder(env) / "networks"


def fitting(weights: Mapping[str, Any], versions: Mapping[str, str], search: Callable[[], list[str]], folder: Path | None = None) -> list[str]:
    """What `search` gives for tensors of these names and shapes and these library versions; asked once a machine."""
    key = fingerprint({"tensors": sorted((n, list(t.shape)) for n, t in weights.items()), "versions": dict(versions)})
    note = (folder or place()) / f"{key}.json"
    with contextlib.suppress(OSError, ValueError):
        held = json.loads(note.read_text(encoding="utf-8"))
        if isinstance(held, list) and all(isinstance(n, str) for n in held):
            return held
    found = search()
    with contextlib.suppress(OSError):  # a machine whose home cannot be written searches again
        note.parent.mkdir(parents=True, exist_ok=True)
        atomic.replace(note, json.dumps(found).encode())
    return found
