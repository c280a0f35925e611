"""One writer at a time: `flock` plus a record of the owner; readers never lock (reliability.md 1.2, rule 8).

Whether an owner lives is asked of the lock, never of a process number: numbers are used again, locks die with their owner.
"""

import contextlib
import fcntl
import json
import os
import secrets
import socket
import time
import weakref
from pathlib import Path
from typing import Any

from phasewise.project import atomic
from phasewise.records.errors import StorageError

_RETRIES = 10
_PAUSE = 0.01
_NOT_SUPPORTED = "this file system does not support locks"


class Lock:
    """A held or refused lock on one file; `held` says which, `why_not` the reason in words."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.why_not = ""
        self._fd = -1

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd >= 0

    def acquire(self) -> bool:
        """Takes the lock or says in `why_not` why it could not; never waits longer than a tenth of a second.

        The short retry exists because a reader that asks `is_held` holds a shared lock for some microseconds.
        """
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            self.why_not = f"the lock {self.path.name} cannot be written ({error.strerror})"
            return False
        for attempt in range(_RETRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE if attempt + 1 < _RETRIES else 0)
                continue
            except OSError as error:
                os.close(fd)
                self.why_not = f"{_NOT_SUPPORTED} ({error.strerror})"
                return False
            self._fd = fd
            self.why_not = ""
            _close_in_children(self)
            self._sign()
            return True
        os.close(fd)
        self.why_not = f"another Phasewise has it open ({describe(owner(self.path))})"
        return False

    def release(self) -> None:
        """Gives the lock back, also where a child that was forked a moment ago still has the descriptor."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        self.forget()

    def forget(self) -> None:
        """Closes the descriptor and leaves the lock to the process that forked this one."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _sign(self) -> None:
        record = {"host": socket.gethostname(), "pid": os.getpid(), "boot": _boot_id(), "nonce": secrets.token_hex(4), "t": round(time.time(), 3)}
        data = json.dumps(record).encode()
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, data, 0)
        except OSError:
            pass  # the record informs people; the lock itself is held

    def __del__(self) -> None:
        self.release()


def _close_in_children(lock: Lock) -> None:
    """A forked child must not keep the lock alive after its owner died (the trap measured in reliability.md 1.2)."""
    reference = weakref.ref(lock)

    def close() -> None:
        found = reference()
        if found is not None:
            found.forget()

    os.register_at_fork(after_in_child=close)


def is_held(path: Path) -> bool:
    """Whether some living process holds the lock; a file that is not there is held by nobody."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise StorageError("cannot tell whether the engine lives", f"{_NOT_SUPPORTED} ({error.strerror}).", "Keep the project on a local disk.") from error
    finally:
        os.close(fd)
    return False


def owner(path: Path) -> dict[str, Any]:
    """The record the last owner left; empty when there is none or it cannot be read."""
    try:
        value = json.loads(atomic.read(path, limit=4096))
    except (StorageError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def describe(record: dict[str, Any]) -> str:
    """An owner record in words."""
    if not record:
        return "owner unknown"
    return f"process {record.get('pid')} on {record.get('host')}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
