"""Members side by side on several cores: compiled code lets go of the interpreter, so threads are enough, and nobody waits for a barrier (C6)."""

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import torch

VARIABLE = "PHASEWISE_CORES"
"""Cores that members may use; without it as many as torch has threads."""
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def cores(most: int) -> int:
    """Cores for so many pieces of work, at least one."""
    asked = os.environ.get(VARIABLE, "")
    return max(1, min(most, int(asked) if asked.isdigit() and int(asked) else torch.get_num_threads()))


def share(work: Callable[[int, int], None], items: Iterable[int], count: int, begin: Callable[[], object] | None = None) -> None:
    """Calls `work(k, item)` for every item, on `count` threads numbered k; each takes the next item when it is free. The first error is raised.

    `begin` is called on every thread but the caller's own before its first item.
    """
    waiting = deque(items)

    def take(k: int) -> None:
        if k and begin is not None:
            begin()
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            work(k, item)

    if count == 1:
        return take(0)
    key = (os.getpid(), count)  # threads do not survive a fork
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(count - 1, thread_name_prefix="members")
    others = [_pools[key].submit(take, k) for k in range(1, count)]
    try:
        take(0)
    finally:
        waiting.clear()
        for other in others:
            other.result()
