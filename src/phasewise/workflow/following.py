"""Following runs: events by byte offset, ends noticed once."""

from typing import Any

OPEN = ("queued", "running", "paused")


class Follower:
    """Tails the runs that are going on; attach is replay and follow."""

    def __init__(self, runs: Any) -> None:
        self._runs = runs
        self._offsets: dict[str, int] = {}
        self._open: dict[str, Any] = {}
        self._phases: dict[str, str] = {}

    def follow(self, run: Any) -> None:
        """Follow a run from its first event."""
        if run.id not in self._open:
            self._open[run.id] = run
            self._offsets[run.id] = 0
            self._phases[run.id] = run.job().phase

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
            while True:
                new, offset = run.tail(self._offsets[run_id])
                events += new
                moved = offset != self._offsets[run_id]
                self._offsets[run_id] = offset
                if not moved:
                    break
            if over:
                ended.append(run)
                del self._open[run_id]
        return events, ended
