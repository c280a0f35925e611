"""One project on disk: `Project.create` and `Project.open`; the second writer becomes an observer with the reason why."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import phasewise
from phasewise.project import atomic
from phasewise.project.journal import Journal
from phasewise.project.lock import Lock
from phasewise.project.runs import RunStore
from phasewise.project.settings import FILE, SCHEMA, Settings
from phasewise.records.errors import StorageError
from phasewise.records.text import safe_text

JOURNAL = "journal.jsonl"
HIDDEN = ".phasewise"
_HARMLESS = {".git", ".gitignore", ".gitattributes", "README.md", "LICENSE", ".DS_Store"}
_IGNORED = """\
.phasewise/
vault/*.bin
vault/store/
runs/*/checkpoints/
runs/*/arrays/
runs/*/engine.log
runs/*/engine.lock
runs/*/inbox/
*.tmp
"""


class Project:
    """A project folder that is open; close it (or use `with`) so that the next writer can have it."""

    def __init__(self, path: Path, *, lock: Lock | None, why: str, clock: Callable[[], float]) -> None:
        self.path = path
        self.clock = clock
        self.notices: list[str] = []
        self._lock = lock
        self.read_only_why = why
        self.settings = Settings(path / FILE, read_only=True)
        if not why and self.settings.schema > SCHEMA:
            self._become_observer(f"it was written by a newer Phasewise (format {self.settings.schema}, this one knows {SCHEMA}); update Phasewise to change it")
        self.journal = self._open_journal()
        self.settings.read_only = self.read_only
        self.runs = RunStore(path / "runs", read_only=self.read_only, clock=clock)
        if not self.read_only:
            atomic.sweep(path)

    @classmethod
    def create(cls, folder: Path | str, name: str = "", *, clock: Callable[[], float] = time.time) -> "Project":
        """A new project in a folder that is missing or empty (git files do not count).

        Raises `StorageError` when there is a project already, when foreign files lie there, or when it cannot be written.
        """
        path = Path(folder).absolute()
        if is_project(path):
            raise StorageError(f"{path.name} is a project already", f"{path} holds {FILE}.", f"Open it: phasewise open {path.name}")
        foreign = sorted(_foreign(path)) if path.is_dir() else []
        if foreign:
            raise StorageError(f"{path.name} is not empty", f"It holds {safe_text(foreign[0])} and {len(foreign) - 1} more; a project needs a folder of its own.", "Name a new or empty folder.")
        with atomic.clear_errors(path, "create"):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for sub in ("runs", HIDDEN):
                (path / sub).mkdir(exist_ok=True, mode=0o700)
        lock = _writer_lock(path)
        if not lock.held:
            raise StorageError(f"cannot create a project in {path.name}", f"{lock.why_not}.", "Choose a folder you can write in.")
        name = name or path.name
        if not (path / ".gitignore").exists():
            atomic.replace(path / ".gitignore", _IGNORED.encode())
        first = Journal(path / JOURNAL, writable=True, clock=clock)
        if not first.entries():
            first.append("created", {"name": name, "tool": phasewise.__version__, "schema": SCHEMA})
        first.close()
        Settings(path / FILE).create(name)  # last: a folder with this file is a project, so a cut before it leaves none
        return cls(path, lock=lock, why="", clock=clock)

    @classmethod
    def open(cls, folder: Path | str, *, read_only: bool = False, clock: Callable[[], float] = time.time) -> "Project":
        """The project of a folder; read-only with a reason when another writer has it or it cannot be written.

        Raises `StorageError` when there is no project.
        """
        path = Path(folder).absolute()
        if not is_project(path):
            raise StorageError(f"there is no project in {path.name}", f"{path} holds no {FILE}.", "Make one with `phasewise new`, or name the project's folder.")
        if read_only:
            return cls(path, lock=None, why="it was opened for reading only", clock=clock)
        if not os.access(path, os.W_OK):
            return cls(path, lock=None, why="you have no permission to write in its folder", clock=clock)
        lock = _writer_lock(path)
        return cls(path, lock=lock if lock.held else None, why="" if lock.held else lock.why_not, clock=clock)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed here; `read_only_why` says why."""
        return bool(self.read_only_why)

    @property
    def name(self) -> str:
        """The project's name."""
        return self.settings.name

    @property
    def hidden(self) -> Path:
        """The folder of caches and locks, safe to delete while the project is closed."""
        return self.path / HIDDEN

    def close(self) -> None:
        """Gives journal and lock back; running engines go on."""
        self.journal.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _open_journal(self) -> Journal:
        journal = Journal(self.path / JOURNAL, writable=not self.read_only, clock=self.clock)
        if journal.damage and not self.read_only:
            self._become_observer(f"{JOURNAL} is damaged: {journal.damage}")
        if journal.damage:
            self.notices.append(f"{JOURNAL} is damaged: {journal.damage} The entries before it are shown.")
        if journal.repaired:
            self.notices.append(journal.repaired)
        return journal

    def _become_observer(self, why: str) -> None:
        self.read_only_why = why
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> "Project":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_project(folder: Path | str) -> bool:
    """Whether a folder holds a project."""
    return (Path(folder) / FILE).is_file()


def _foreign(path: Path) -> list[str]:
    """Names in a folder that are neither harmless nor left by a creation that was cut short."""
    ours = {HIDDEN, JOURNAL}
    if (path / "runs").is_dir() and not any((path / "runs").iterdir()):
        ours.add("runs")
    return [p.name for p in path.iterdir() if p.name not in _HARMLESS | ours and not p.name.endswith(atomic.TEMPORARY)]


def _writer_lock(path: Path) -> Lock:
    try:
        (path / HIDDEN).mkdir(exist_ok=True, mode=0o700)
    except OSError:
        pass  # the lock itself then says why
    lock = Lock(path / HIDDEN / "project.lock")
    lock.acquire()
    return lock
