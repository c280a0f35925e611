"""The append-only journal: a sequence number, a checksum and the hash of the line before, in every line.

A torn last line is cut on open, kept beside the file and reported; damage in the middle opens read-only and is
raised as soon as somebody wants to write (reliability.md 1.2, rules 2-4).
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasewise.project import atomic, lines
from phasewise.records.errors import StorageError

START = "0" * 64
"""The `prev` of the first entry."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line: `t` is seconds since the epoch, informational; order is by `seq`."""

    seq: int
    t: float
    kind: str
    data: dict[str, Any]
    prev: str
    digest: str
    """SHA-256 of this line's JSON: the `prev` of the next."""
    durable: bool = True


class Journal:
    """One journal file with one writer; readers open it with `writable=False` and never change a byte."""

    def __init__(self, path: Path, *, writable: bool, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self.damage = ""
        self.repaired = ""
        self._clock = clock
        self._entries: list[Entry] = []
        self._read_to = 0
        self._file: atomic.Appender | None = None
        self._load()
        if writable and not self.damage:
            self._open()

    @property
    def writable(self) -> bool:
        """Whether `append` can work."""
        return self._file is not None

    def entries(self, kind: str = "") -> list[Entry]:
        """All entries in order, or those of one kind; a reader sees what the writer added since."""
        if self._file is None:
            self._refresh()
        return [e for e in self._entries if not kind or e.kind == kind]

    def append(self, kind: str, data: dict[str, Any], *, durable: bool = True) -> Entry:
        """Appends one entry; with `durable` it survives a power cut once this returns.

        Raises `StorageError` when the journal is read-only or damaged, `DiskFull` when there is no room; the file is then as before.
        """
        if self._file is None:
            raise StorageError(f"{self.path.name} is read-only", self.damage or "This project is open for reading only.", "Close the other writer or repair the file, then open the project again.")
        seq = self._entries[-1].seq + 1 if self._entries else 1
        prev = self._entries[-1].digest if self._entries else START
        value: dict[str, Any] = {"seq": seq, "t": round(self._clock(), 3), "kind": kind, "data": data, "prev": prev}
        if not durable:
            value["soft"] = True
        line = lines.encode(value)
        if durable and self._entries and not self._entries[-1].durable:
            self._file.sync()  # so that whatever lies before a durable line on the disk is whole: else it is damage
        self._file.append(line + b"\n", durable=durable)
        payload = lines.payload_of(line) or b""
        entry = _entry(value, payload)
        assert entry is not None
        self._entries.append(entry)
        self._read_to += len(line) + 1
        return entry

    def close(self) -> None:
        """Gives the file back; reading goes on working."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _load(self) -> None:
        if not self.path.exists() and not self.path.is_symlink():
            self._tail = b""
            return
        found = lines.scan(atomic.read(self.path))
        good, self._read_to = self._chain(found)
        self._tail = found.tail
        if good < len(found.lines):
            self.damage = f"Line {good + 1} does not continue line {good}: lines were changed, removed or put in."
        elif any(not value.get("soft") for value in found.later):
            self.damage = f"Line {good + 1} is damaged and valid lines follow it."

    def _chain(self, found: lines.Scan) -> tuple[int, int]:
        """Takes the lines that continue the chain; returns how many, and the bytes they span."""
        size = self._read_to
        for number, (payload, value) in enumerate(found.lines):
            entry = _entry(value, payload)
            before = self._entries[-1] if self._entries else None
            if entry is None or entry.seq != (before.seq + 1 if before else 1) or entry.prev != (before.digest if before else START):
                return number, size
            self._entries.append(entry)
            size += len(payload) + 10
        return len(found.lines), size

    def _open(self) -> None:
        file = atomic.Appender(self.path)
        if self._tail:
            side = self.path.with_name(f"{self.path.name}.torn-{self._read_to}")
            atomic.replace(side, self._tail)
            file.cut(self._read_to)
            self.repaired = f"{len(self._tail)} bytes of an unfinished last line were cut from {self.path.name} and kept in {side.name}; nothing saved was lost."
            self._tail = b""
        self._file = file

    def _refresh(self) -> None:
        """Reads what the writer of another process added; an unfinished last line waits for its end."""
        if self.damage:
            return
        added = atomic.read_from(self.path, self._read_to, atomic.READ_LIMIT)
        if added:
            _, self._read_to = self._chain(lines.scan(added))


def _entry(value: dict[str, Any], payload: bytes) -> Entry | None:
    seq, t, kind, data, prev = (value.get(k) for k in ("seq", "t", "kind", "data", "prev"))
    if not (isinstance(seq, int) and isinstance(t, int | float) and isinstance(kind, str) and isinstance(data, dict) and isinstance(prev, str)):
        return None
    return Entry(seq=seq, t=float(t), kind=kind, data=data, prev=prev, digest=hashlib.sha256(payload).hexdigest(), durable=not value.get("soft"))
