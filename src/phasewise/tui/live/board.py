"""All runs the app follows: feeds events to their runs, replays history on attach, says what changed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from phasewise.tui.live.run import LiveRun

REPLAY_EVENTS = 4000
"""How many events of a replay are taken in one tick, so that no tick is long."""


@dataclass(slots=True)
class Board:
    """Runs by id, in order of appearance, and replays that are still going on."""

    runs: dict[str, LiveRun] = field(default_factory=dict)
    current: str = ""
    _replays: dict[str, tuple[Any, int, list[Any]]] = field(default_factory=dict)
    _held: dict[str, list[Any]] = field(default_factory=dict)

    def run(self, run_id: str) -> LiveRun:
        """The run of an id, made on first use."""
        return self.runs.setdefault(run_id, LiveRun(run_id))

    def feed(self, events: Iterable[Any]) -> set[str]:
        """Hand events to their runs; events of a run whose replay goes on are held back until it is done."""
        groups: dict[str, list[Any]] = {}
        for e in events:
            groups.setdefault(e.run, []).append(e)
        touched = set()
        for run_id, group in groups.items():
            if run_id in self._replays:
                self._held.setdefault(run_id, []).extend(group)
            elif self.run(run_id).feed(group):
                touched.add(run_id)
        return touched

    def attach(self, folder: Any, *, job: str = "", phase: str = "", title: str = "") -> LiveRun:
        """Replay a run from its folder (`.id`, `.tail(offset)`), a bounded piece per `step`."""
        run = self.run(folder.id)
        run.job, run.phase, run.title = job or run.job, phase or run.phase, title or run.title
        if run.seq < 0 and folder.id not in self._replays:
            self._replays[folder.id] = (folder, 0, [])
        return run

    def step(self) -> set[str]:
        """One bounded piece of every replay; returns the runs that changed."""
        touched = set()
        for run_id, (folder, offset, waiting) in list(self._replays.items()):
            if not waiting:
                waiting, offset = folder.tail(offset)
            now, later = waiting[:REPLAY_EVENTS], waiting[REPLAY_EVENTS:]
            if self.run(run_id).feed(now):
                touched.add(run_id)
            if later or now:
                self._replays[run_id] = (folder, offset, later)
                continue
            del self._replays[run_id]
            self.run(run_id).feed(self._held.pop(run_id, []))
            self.run(run_id).state = folder.state()  # events alone cannot tell a lost run from one that is quiet
            touched.add(run_id)
        return touched

    @property
    def replaying(self) -> bool:
        """Whether history is still being read."""
        return bool(self._replays)

    def live(self) -> list[LiveRun]:
        """Runs that go on."""
        return [r for r in self.runs.values() if r.state in ("running", "paused", "queued")]
