"""A disk that forgets: records every call the project room makes, then builds each state a power cut could leave (T3).

The model: data written since the last sync of a file may be absent, there up to any byte, zeros, or zeros in the first half;
folder entries made since the last sync of the folder may be missing, the later ones first. `drop` names calls whose
effect is taken out of the trace: a mutant of the code under test.
"""

import itertools
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path


class Recorder:
    """Stands in for `atomic.os`: does everything for real and writes down what it did."""

    def __init__(self):
        self.trace: list[tuple] = []
        self._files: dict[int, tuple[str, bool]] = {}

    def __getattr__(self, name):
        return getattr(os, name)

    def mark(self, what):
        self.trace.append(("mark", what))

    def open(self, path, flags, mode=0o777):
        fresh = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        fd = os.open(path, flags, mode)
        self._files[fd] = (str(path), stat.S_ISDIR(os.fstat(fd).st_mode))
        if fresh:
            self.trace.append(("create", str(path)))
        return fd

    def write(self, fd, data):
        done = os.write(fd, data)
        self.trace.append(("write", self._files[fd][0], bytes(data[:done])))
        return done

    def _sync(self, fd, how):
        path, folder = self._files[fd]
        self.trace.append(("sync folder" if folder else how, path))

    def fsync(self, fd):
        os.fsync(fd)
        self._sync(fd, "fsync")

    def fdatasync(self, fd):
        os.fdatasync(fd)
        self._sync(fd, "fdatasync")

    def ftruncate(self, fd, length):
        os.ftruncate(fd, length)
        self.trace.append(("truncate", self._files[fd][0], length))

    def replace(self, a, b):
        os.replace(a, b)
        self.trace.append(("rename", str(a), str(b)))

    def unlink(self, path):
        os.unlink(path)
        self.trace.append(("unlink", str(path)))


@dataclass
class Inode:
    durable: bytes = b""
    pending: list[tuple] = field(default_factory=list)

    def variants(self):
        """What the file may hold after the cut."""
        if not self.pending:
            return [self.durable]
        whole, added = self.durable, b""
        found = {self.durable}
        for kind, value in self.pending:
            if kind == "truncate":
                whole, added = whole[:value], b""
            else:
                whole, added = whole + value, added + value
            found.add(whole)
        base = whole[: len(whole) - len(added)]
        found.update(base + added[:n] for n in range(len(added)))
        found.add(base + bytes(len(added)))
        found.add(base + bytes(len(added) // 2) + added[len(added) // 2 :])
        return sorted(found)

    def sync(self):
        for kind, value in self.pending:
            self.durable = self.durable[:value] if kind == "truncate" else self.durable + value
        self.pending = []


class Disk:
    """Files and folder entries, durable and pending."""

    def __init__(self):
        self.entries: dict[str, Inode] = {}
        self.waiting: list[tuple] = []
        self.now: dict[str, Inode] = {}

    def apply(self, op):
        kind, *args = op
        if kind == "create":
            self.now[args[0]] = Inode()
            self.waiting.append(("link", args[0], self.now[args[0]]))
        elif kind == "write":
            self.now[args[0]].pending.append(("append", args[1]))
        elif kind == "truncate":
            self.now[args[0]].pending.append(("truncate", args[1]))
        elif kind in ("fsync", "fdatasync"):
            self.now[args[0]].sync()
        elif kind == "rename":
            self.now[args[1]] = self.now.pop(args[0])
            self.waiting.append(("rename", args[0], args[1], self.now[args[1]]))
        elif kind == "unlink":
            self.now.pop(args[0], None)
            self.waiting.append(("unlink", args[0]))
        elif kind == "sync folder":
            self.entries = _after(self.entries, self.waiting)
            self.waiting = []

    def states(self):
        """Every folder content that a cut at this moment could leave, as name -> bytes."""
        for count in range(len(self.waiting) + 1):
            entries = _after(self.entries, self.waiting[:count])
            names = sorted(entries)
            for contents in itertools.product(*(entries[n].variants() for n in names)):
                yield dict(zip(names, contents, strict=True))


def _after(entries, waiting):
    found = dict(entries)
    for kind, name, *rest in waiting:
        if kind == "link":
            found[name] = rest[0]
        elif kind == "rename":
            found.pop(name, None)
            found[rest[0]] = rest[1]
        else:
            found.pop(name, None)
    return found


def crash_states(trace, *, drop=()):
    """Yields (marks before the cut, folder content), each different state once per set of marks."""
    disk, marks, seen = Disk(), [], set()
    for op in [*trace, ("mark", "end")]:
        for state in disk.states():
            key = (len(marks), tuple(sorted(state.items())))
            if key not in seen:
                seen.add(key)
                yield list(marks), state
        if op[0] == "mark":
            marks.append(op[1])
        elif op[0] not in drop:
            disk.apply(op)


def build(state, source: Path, target: Path):
    """Lays a state down in a real folder."""
    target.mkdir()
    for name, content in state.items():
        (target / Path(name).relative_to(source)).write_bytes(content)
