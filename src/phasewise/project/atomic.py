"""The only place of the project room that writes: atomic replace, appended lines, safe reads (reliability.md 1.2, rules 1-4).

Every call goes through this module's `os`, so that a test can record the trace of calls and build every state
that a power cut could leave behind (T3).
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phasewise.records.errors import StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
DENIED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
TEMPORARY = ".tmp"
READ_LIMIT = 1 << 30
_NOFOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC


class DiskFull(StorageError):
    """No room left (or the file-size limit reached); what was written before is intact."""


@contextmanager
def clear_errors(path: Path, doing: str = "write") -> Iterator[None]:
    """Turns an `OSError` about a path into a `StorageError` a person can act on; the cause is kept as `__cause__`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path, doing) from error


def storage_error(error: OSError, path: Path, doing: str = "write") -> StorageError:
    """The clear form of an `OSError` that happened while `doing` something with a path."""
    name = Path(path).name
    if error.errno in FULL:
        return DiskFull(f"no room left to {doing} {name}", f"{error.strerror} in {Path(path).parent}.", "Free some space, then resume: everything saved before is intact.")
    if error.errno in DENIED:
        return StorageError(f"cannot {doing} {name}", f"{error.strerror}: {path}.", "Give yourself write permission on the project folder, or copy the project.")
    if error.errno == errno.ELOOP:
        return StorageError(f"{name} is a symbolic link", f"{path} points elsewhere; Phasewise does not follow links inside a project.", "Replace the link by the real file.")
    if error.errno == errno.ENOENT:
        return StorageError(f"{name} is not there", f"{path} does not exist any more.", "Bring the project folder back, or open it where it lies now.")
    return StorageError(f"cannot {doing} {name}", f"{error.strerror or error}: {path}.", "Check the disk and the project folder.")


def write_all(fd: int, data: bytes) -> None:
    """Writes every byte; a short write goes on where it stopped."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def fsync_folder(folder: Path) -> None:
    """Makes the entries of a folder durable (creation, rename, removal)."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def temporary_of(path: Path) -> Path:
    """A fresh temporary name in the same folder; the sweep knows it by its suffix."""
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}{TEMPORARY}")


def replace(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replaces a file in one step: old or new, never a mixture, also through a power cut (rule 1).

    Raises `DiskFull` or `StorageError`; the old file is then untouched and the temporary is gone.
    """
    path = Path(path)
    temporary = temporary_of(path)
    with clear_errors(path):
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o600)
            try:
                write_all(fd, data)
                if durable:
                    os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(temporary, path)
        except BaseException:
            remove(temporary)
            raise
        if durable:
            fsync_folder(path.parent)


def publish(temporary: Path, path: Path) -> None:
    """Makes a finished temporary file durable under its final name: fsync, rename, fsync of the folder."""
    with clear_errors(path):
        fd = os.open(temporary, os.O_RDONLY | _NOFOLLOW)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, path)
        fsync_folder(path.parent)


def remove(path: Path) -> None:
    """Removes a file if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass


def sweep(folder: Path) -> int:
    """Removes temporaries that a killed process left behind; call only while holding the folder's lock."""
    found = 0
    with clear_errors(folder, "sweep"):
        for name in os.listdir(folder):
            if name.endswith(TEMPORARY) and name.startswith("."):
                remove(folder / name)
                found += 1
    return found


def read(path: Path, *, limit: int = READ_LIMIT) -> bytes:
    """The bytes of a regular file of ours; links, devices and pipes are refused (security 2.2)."""
    with clear_errors(path, "read"):
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _NOFOLLOW)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise StorageError(f"{Path(path).name} is not a file", f"{path} is a device, a pipe or a folder.", "Replace it by the real file.")
            if info.st_size > limit:
                raise StorageError(f"{Path(path).name} is too large", f"{info.st_size} bytes, the limit is {limit}.", "Check where this file comes from.")
            return _read_from(fd)
        finally:
            os.close(fd)


def _read_from(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def read_from(path: Path, offset: int, limit: int) -> bytes:
    """At most `limit` bytes of a growing file from an offset; empty when the file is not there yet."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _NOFOLLOW)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise storage_error(error, path, "read") from error
    try:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, limit)
    finally:
        os.close(fd)


class Appender:
    """An append-only file with one writer; a failed write is taken back, a failed fsync closes it for good (rules 2 and 4)."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.broken = ""
        with clear_errors(self.path, "open"):
            fresh = not os.path.lexists(self.path)
            self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NOFOLLOW, 0o600)
            self.length = os.fstat(self._fd).st_size
            if fresh:
                fsync_folder(self.path.parent)

    def append(self, data: bytes, *, durable: bool) -> None:
        """Appends bytes whole or not at all; with `durable` they survive a power cut once this returns."""
        if self.broken:
            raise StorageError(f"{self.path.name} cannot be written any more", self.broken, "Close and open the project again; what was saved before is intact.")
        self._still_there()
        try:
            write_all(self._fd, data)
        except OSError as error:
            self._take_back()
            raise storage_error(error, self.path) from error
        if durable:
            self.sync()
        self.length += len(data)

    def sync(self) -> None:
        """Makes everything appended so far durable; a failed sync is not tried again."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            self.broken = f"The disk reported a failed sync ({error.strerror}); it is not tried again on the same file."
            raise storage_error(error, self.path, "save") from error

    def _still_there(self) -> None:
        """A file that was deleted or exchanged under us must not swallow what it is given."""
        with clear_errors(self.path):
            if os.stat(self.path, follow_symlinks=False).st_ino != os.fstat(self._fd).st_ino:
                raise StorageError(f"{self.path.name} was exchanged", f"{self.path} is not the file that was opened.", "Close and open the project again.")

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._fd, self.length)
        except OSError as error:
            self.broken = f"A half-written line could not be taken back ({error.strerror})."

    def cut(self, length: int) -> None:
        """Shortens the file to a length, durably: the torn tail goes."""
        with clear_errors(self.path, "repair"):
            os.ftruncate(self._fd, length)
            os.fsync(self._fd)
            self.length = length

    def close(self) -> None:
        """Closes the descriptor; nothing is flushed because nothing is buffered."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "Appender":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
