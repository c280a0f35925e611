"""How many cores of this machine have nothing to do, so that threads do not wait for each other behind other people's work."""

import os
import time
from collections.abc import Callable
from pathlib import Path

LOOK = 0.25
"""Seconds between the two looks: as long as a start-up burst of another program, too short to be noticed."""
STAT = Path("/proc/stat")


QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(path: Path = QUOTA) -> int:
    """Cores this process may use: those it may run on, and no more than a container's quota grants."""
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        granted, period = (int(word) for word in path.read_text().split())
    except (OSError, ValueError):  # no container, or "max": no quota
        return most
    return max(1, min(most, -(-granted // period))) if period > 0 else most


def idle(path: Path = STAT, look: float = LOOK, wait: Callable[[float], None] = time.sleep) -> float:
    """Share of all cores that was idle for a moment, in [0, 1]; 1 where the system does not say (no Linux)."""
    try:
        before = _ticks(path)
        wait(look)
        after = _ticks(path)
    except (OSError, ValueError, IndexError):
        return 1.0
    total = sum(after) - sum(before)
    return (after[3] + after[4] - before[3] - before[4]) / total if total > 0 else 1.0


def free(most: int, *, share: Callable[[], float] = idle) -> int:
    """Threads that find a core each: between 1 and `most`.

    Measured on two cores: with one other program running, a training step of MobileNet at 224 px took 226 to 328 ms with one thread
    and 548 to 1,173 ms with two, because every parallel region ends at a barrier and the late thread waits for a slice of its core.
    """
    have = cores()
    return max(1, min(most, have, int(share() * have + 0.5)))


def _ticks(path: Path) -> list[int]:
    """user, nice, system, idle, iowait, ... of all cores together."""
    return [int(v) for v in path.read_text().split("\n", 1)[0].split()[1:9]]
