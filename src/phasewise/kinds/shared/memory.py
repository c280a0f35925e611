"""How much memory there is and how much is left, so that a file too large for it is streamed or refused in words before the system kills the process without any."""

import os
from pathlib import Path

from phasewise.records.errors import BadInputError
from phasewise.records.text import safe_text

MEMINFO, GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
GIB = 2**30


def available(meminfo: Path = MEMINFO, group: Path = GROUP) -> int | None:
    """Bytes that can be had without swapping: the system's own estimate, or what is left of a container's limit; None where neither is told."""
    found: list[int] = []
    try:
        found += [int(line.split()[1]) * 1024 for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable:")]
    except (OSError, ValueError):
        pass
    try:
        limit = (group / "memory.max").read_text().strip()
        if limit != "max":
            found.append(max(0, int(limit) - int((group / "memory.current").read_text())))
    except (OSError, ValueError):
        pass
    found += [max(0, soft - _taken(name)) for name, soft in _limits()]
    return min(found, default=None)


def _limits() -> list[tuple[str, int]]:
    """Limits of this process (`ulimit -v`, `-d`) under the name of what counts against them."""
    import resource

    soft = (("VmSize", resource.getrlimit(resource.RLIMIT_AS)[0]), ("VmData", resource.getrlimit(resource.RLIMIT_DATA)[0]))
    return [(name, value) for name, value in soft if value != resource.RLIM_INFINITY]


def _taken(name: str) -> int:
    """Bytes of a line of /proc/self/status; 0 where it is not told."""
    try:
        return next((int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":")), 0)
    except (OSError, ValueError):
        return 0


def give_back() -> None:
    """Returns freed memory to the system where the C library can (glibc keeps what a pass over a table used)."""
    import ctypes
    import gc

    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def limit(group: Path = GROUP) -> int:
    """Bytes that this process may take in all: the machine's memory, or a container's or a process's limit (RLIMIT_AS, RLIMIT_DATA) where that is less."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *(soft for _, soft in _limits())]
    try:
        told = (group / "memory.max").read_text().strip()
        found += [int(told)] if told != "max" else []
    except (OSError, ValueError):
        pass
    return min(found)


def allowed(setting: str) -> int:
    """Bytes that data may take: as many MiB as an environment variable says, else half of `limit`."""
    asked = os.environ.get(setting, "")
    return int(asked) * 2**20 if asked.isdecimal() and int(asked) else limit() // 2


def require(needed: int, path: Path, what: str, *, left: int | None = None) -> None:
    """Raises a `BadInputError` where `needed` bytes, for `what`, are more than `left` (by default what is available)."""
    left = available() if left is None else left
    if left is None or needed <= left:
        return
    raise BadInputError(
        f"{safe_text(str(path), 160)} does not fit into memory", f"{what} needs about {needed / GIB:.1f} GiB; {left / GIB:.1f} GiB are free here.",
        "Close other programs, use a machine with more memory, or take a sample of the rows (a random one: the first rows are often not like the rest).", where=str(path),
    )
