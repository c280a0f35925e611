"""Checkpoints that can be trusted: durable first, then announced with their hash; loading walks back to the newest whole one (rule 5)."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasewise.project import atomic
from phasewise.records.errors import StorageError

KEEP = 2
_NAME = re.compile(r"step-[0-9]{9}(-[0-9a-f]{6})?\.[a-z]{1,16}\Z")
Announce = Callable[..., Any]
"""`announce(file=, step=, sha256=, best=)`: writes the durable `checkpoint` event."""


@dataclass(frozen=True, kw_only=True)
class Saved:
    """One announced checkpoint."""

    path: Path
    step: int
    sha256: str
    best: bool = False

    def read(self) -> bytes:
        """The bytes."""
        return atomic.read(self.path)


class CheckpointStore:
    """The checkpoints of one run: the last two and the best are kept."""

    def __init__(self, folder: Path, announce: Announce, known: Iterable[Saved] = ()) -> None:
        self.folder = Path(folder)
        self._announce = announce
        self._known = list(known)
        self._size = 0

    @classmethod
    def of_events(cls, folder: Path, announce: Announce, events: Iterable[Any]) -> "CheckpointStore":
        """The store of a run as its events tell it; names that are not ours are passed over."""
        known = [
            Saved(path=Path(folder) / e.file, step=e.step, sha256=e.sha256, best=e.best)
            for e in events
            if getattr(e, "kind", "") == "checkpoint" and _NAME.match(e.file)
        ]
        return cls(folder, announce, known)

    @property
    def known(self) -> list[Saved]:
        """Every checkpoint ever announced, oldest first; old ones may be gone by now."""
        return list(self._known)

    def save(self, content: bytes | Callable[[Path], None], *, step: int, best: bool = False, suffix: str = "safetensors") -> Saved:
        """Saves bytes, or what `content(path)` writes, then announces it, then removes what is no longer needed.

        Raises `DiskFull` (the checkpoints before are intact) or `StorageError`.
        """
        self._check_room(len(content) if isinstance(content, bytes) else self._size)
        path = self._free_name(step, suffix)
        temporary = atomic.temporary_of(path)
        try:
            with atomic.clear_errors(path):
                if isinstance(content, bytes):
                    _create(temporary, content)
                else:
                    content(temporary)
            digest, self._size = _sha256(temporary)
            atomic.publish(temporary, path)
        except BaseException:
            atomic.remove(temporary)
            raise
        saved = Saved(path=path, step=step, sha256=digest, best=best)
        self._announce(file=path.name, step=step, sha256=digest, best=best)
        self._known.append(saved)
        self._prune()
        return saved

    def newest(self) -> Saved | None:
        """The newest checkpoint whose bytes are as announced, or None when nothing was ever announced.

        Raises `StorageError` when checkpoints were announced and none is whole: a run never restarts from zero unasked (rule 7).
        """
        for saved in reversed(self._known):
            try:
                if _sha256(saved.path)[0] == saved.sha256:
                    return saved
            except StorageError:
                continue
        if self._known:
            raise StorageError("no checkpoint of this run can be used", f"{len(self._known)} were saved; all are missing or damaged.", "Bring the checkpoints folder back, or start this run over: the same command once more does, from zero.")
        return None

    def best(self) -> Saved | None:
        """The newest whole checkpoint that was announced as best, or None."""
        for saved in reversed(self._known):
            if saved.best and saved.path.is_file() and _sha256(saved.path)[0] == saved.sha256:
                return saved
        return None

    def _prune(self) -> None:
        best = next((s for s in reversed(self._known) if s.best), None)
        keep = {s.path.name for s in self._known[-KEEP:]} | ({best.path.name} if best else set())
        for saved in self._known:
            if saved.path.name not in keep:
                atomic.remove(saved.path)

    def _free_name(self, step: int, suffix: str) -> Path:
        path = self.folder / f"step-{step:09d}.{suffix}"
        return path if not path.exists() else self.folder / f"step-{step:09d}-{os.urandom(3).hex()}.{suffix}"

    def _check_room(self, size: int) -> None:
        """Preflight: a checkpoint starts only where one more would fit too."""
        check_room(self.folder, 2 * size)


def check_room(folder: Path, size: int) -> None:
    """Raises `DiskFull` when fewer than `size` bytes are free where a folder lies."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise atomic.DiskFull("not enough room on the disk", f"{free / 1e6:.1f} MB are free, {size / 1e6:.1f} MB are needed in {folder}.", "Free some space, then resume: everything saved before is intact.")


def _create(path: Path, data: bytes) -> None:
    fd = atomic.os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        atomic.write_all(fd, data)
    finally:
        atomic.os.close(fd)


def _sha256(path: Path) -> tuple[str, int]:
    with atomic.clear_errors(path, "read"):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(fd).st_size
