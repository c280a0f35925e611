"""Following runs: events by byte offset, ends noticed once."""

import time
from collections.abc import Callable
from typing import Any

OPEN = ("queued", "running", "paused")
MOST = 5000
"""About as many events as one call takes from a run: attaching to a long run fills its picture over some frames, none of which waits."""
START_LIMIT = 30.0
"""Seconds a run that was taken up again may look ended until its new process shows itself."""


class Follower:
    """Tails the runs that are going on; attach is replay and follow."""

    def __init__(self, runs: Any, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._runs = runs
        self._monotonic = monotonic
        self._offsets: dict[str, int] = {}
        self._open: dict[str, Any] = {}
        self._phases: dict[str, str] = {}
        self._waiting: dict[str, float] = {}

    def follow(self, run: Any, *, again: bool = False) -> None:
        """Follow a run from its first event; `again`: it is being taken up, only what is new counts, and it may still look ended."""
        if run.id in self._open:
            return
        self._open[run.id] = run
        self._offsets[run.id] = 0
        self._phases[run.id] = run.job().phase
        if again:
            while self._read(run):
                pass
            self._waiting[run.id] = self._monotonic() + START_LIMIT

    def phases_running(self) -> set[str]:
        """Phases that a followed run works for."""
        return {self._phases[run_id] for run_id in self._open}

    def active(self) -> list[Any]:
        """Runs that are followed."""
        return list(self._open.values())

    def poll(self) -> tuple[list[Any], list[Any]]:
        """New events of all followed runs, and the runs that ended since the last call."""
        events: list[Any] = []
        ended: list[Any] = []
        for run_id, run in list(self._open.items()):
            over = run.state() not in OPEN  # asked first: what is written before the end is read below
            new = self._read(run)
            events += new
            if run_id in self._waiting:
                if not over or new or self._monotonic() > self._waiting[run_id]:
                    del self._waiting[run_id]
                # Seen alive just now, or not seen yet: whether it has ended is for the next call to say.
                continue
            if over and len(new) < MOST:  # else there is more to read first
                ended.append(run)
                del self._open[run_id]
        return events, ended

    def _read(self, run: Any) -> list[Any]:
        events: list[Any] = []
        while True:
            new, offset = run.tail(self._offsets[run.id])
            events += new
            if offset == self._offsets[run.id]:
                return events
            self._offsets[run.id] = offset
            if len(events) >= MOST:
                return events
