"""Code of a person's own that Phasewise may run: digests the person agreed to on this machine, kept outside every project."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from phasewise.records.errors import StorageError, UsageError

MOST = 1 << 20
"""Bytes of a file of code; more is no loss function."""


def store(env: Mapping[str, str] = os.environ) -> Path:
    """The list of digests (XDG state): never inside a project, so that no project can bring its own consent along."""
    given = env.get("XDG_STATE_HOME", "")
    base = Path(given) if given.startswith("/") else Path(env.get("HOME") or "~").expanduser() / ".local/state"
    return base / "phasewise" / "trusted-code"


def read(path: Path) -> tuple[bytes, str]:
    """A file's bytes with their SHA-256 in hex; `UsageError` where it is no readable file of code."""
    try:
        if not path.is_file() or path.stat().st_size > MOST:
            raise UsageError(f"{path.name} is no file of Python code", "It is missing, a folder, or larger than 1 MiB.", "Name a .py file.")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read", str(error.strerror), "Check its permissions.") from None
    return data, hashlib.sha256(data).hexdigest()


def agreed(digest: str, held: Path | None = None) -> bool:
    """Whether a person agreed to this very code."""
    try:
        lines = (held or store()).read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return digest in {line.partition(" ")[0] for line in lines}


def agree(digest: str, name: str, held: Path | None = None) -> None:
    """Writes the consent down."""
    path = held or store()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as handle:
            handle.write(f"{digest} {' '.join(name.split())}\n")
    except OSError as error:
        raise StorageError("the consent cannot be written down", f"{error.strerror}: {path}", "Check the folder's permissions.") from None


def withdraw(digest: str, held: Path | None = None) -> bool:
    """Takes a consent back; false when there was none."""
    path = held or store()
    if not agreed(digest, path):
        return False
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if line.partition(" ")[0] != digest]
    path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    return True
