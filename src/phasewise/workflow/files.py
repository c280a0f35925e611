"""Which file exactly: content digests of the files that answers name, cached by size and time."""

import hashlib
import os
from pathlib import Path


class FileIds:
    """Identities of data files and folders; a file that is away keeps the identity it had."""

    def __init__(self, folder: Path | str | None) -> None:
        self._folder = Path(folder) if folder is not None else None
        self._cache: dict[tuple[str, int, int], str] = {}
        self._last: dict[str, str] = {}

    def path(self, name: str) -> Path:
        """A path as answers spell it (relative to the project folder) as a real path."""
        given = Path(name).expanduser()
        return given if given.is_absolute() or self._folder is None else self._folder / given

    def identity(self, name: str | list[str] | None) -> str:
        """Sixteen hex digits for the content behind a path; `""` for none; folders by their files' names and sizes."""
        if not name:
            return ""
        if isinstance(name, list):
            return ",".join(self.identity(n) for n in name)
        path = self.path(name)
        try:
            stat = path.stat()
        except OSError:
            return self._last.get(name, "away")
        stamp = (str(path), stat.st_size, stat.st_mtime_ns)
        if stamp not in self._cache:
            self._cache[stamp] = _tree(path) if path.is_dir() else _digest(path) if path.is_file() else "no file"  # a pipe would wait for ever
        self._last[name] = self._cache[stamp]
        return self._cache[stamp]

    def remember(self, name: str, identity: str) -> None:
        """Take over the identity that evidence recorded, for when the file is away now."""
        self._last.setdefault(name, identity)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()[:16]
    except OSError:
        return "unreadable"


def _tree(path: Path) -> str:
    total = hashlib.sha256()
    for root, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            full = Path(root, name)
            try:
                total.update(f"{full.relative_to(path)}\0{full.stat().st_size}\n".encode("utf-8", "surrogateescape"))
            except OSError:
                continue
    return total.hexdigest()[:16]
