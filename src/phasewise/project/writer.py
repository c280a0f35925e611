"""The engine's side of a run folder: events, heartbeat, commands, the end. One writer per run, the holder of `engine.lock`."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phasewise.project import atomic, commands, lines
from phasewise.project.lock import Lock
from phasewise.project.runs import RunFolder
from phasewise.records.errors import StorageError
from phasewise.records.events import EVENT_VERSION, parse_event

DURABLE = frozenset({"started", "checkpoint", "finished", "error"})
"""Kinds that are on the disk before anybody may act on them; the rest may lose its last second at a power cut."""
BEAT = 2.0
METRICS_EVERY = 0.05
_RESERVE = 64 << 10


class RunBusy(StorageError):
    """Another process holds the run's lock (or the lock cannot be had): exit code 5."""

    exit_code = 5


class RunWriter:
    """Writes the events of one run; every method may be called from any thread.

    `beat` is the heartbeat's period in seconds (0: no thread, for tests in one process).
    """

    def __init__(self, run: RunFolder, *, beat: float = BEAT, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.run = run
        self.paused = False
        self._clock, self._monotonic = clock, monotonic
        self._lock = Lock(run.lock_path)
        if not self._lock.acquire():
            raise RunBusy(f"run {run.id} is being worked on already", f"{self._lock.why_not}.", "Wait for it, or stop it first.")
        self._guard = threading.RLock()
        self._pending: dict[tuple[str, tuple[str, ...]], list[list[float | None]]] = {}
        self._flushed = -1.0
        self._beats = 0
        self._failure: StorageError | None = None
        self._started = monotonic()
        for folder in (run.path, run.checkpoints_dir):
            atomic.sweep(folder)
        self.repaired, self._seq = self._open_events()
        self._reserve = run.path / ".reserve"
        _fill(self._reserve)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, args=(beat,), name="heartbeat", daemon=True) if beat > 0 else None
        if self._thread is not None:
            self._thread.start()

    def emit(self, kind: str, **payload: Any) -> dict[str, Any]:
        """Appends one event and returns it as written; metrics are grouped to at most 20 blocks a second.

        Raises `DiskFull` or `StorageError` when it cannot be written, also for a heartbeat that failed since the last call.
        """
        with self._guard:
            if self._failure is not None and kind != "error":
                failure, self._failure = self._failure, None
                raise failure
            if kind == "metrics":
                return self._collect(payload)
            self._flush()
            return self._write(kind, payload)

    def flush(self) -> None:
        """Writes metrics that still wait for company."""
        with self._guard:
            self._flush()

    def heartbeat(self) -> None:
        """Says "alive" now, with memory in MB and whether the run is paused."""
        with self._guard:
            self._beats += 1
            self._write("heartbeat", {"count": self._beats, "memory_mb": round(memory_mb(), 1), "paused": self.paused})

    def commands(self) -> list[dict[str, Any]]:
        """Takes the waiting commands as `{"id", "command", "args"}`; what is not understood is refused with an `ack` event."""
        good, refused = commands.take(self.run.inbox)
        for command_id, why in refused:
            self.emit("ack", command="", id=command_id, accepted=False, note=why)
        return good

    def seconds(self) -> float:
        """Seconds since this writer was opened, by the monotonic clock."""
        return self._monotonic() - self._started

    def finish(self, result: Any = None, reason: str = "done", exit_code: int = 0) -> None:
        """Writes `result.json` (a record, a dict or None), then the `finished` event, and gives the lock back."""
        self._end_thread()
        with self._guard:
            self._failure = None
            self._flush()
            if result is not None:
                data = result.model_dump_json() if hasattr(result, "model_dump_json") else json.dumps(result)
                self._with_reserve(lambda: atomic.replace(self.run.path / "result.json", data.encode()))
            self._write("finished", {"reason": reason, "seconds": round(self.seconds(), 3), "exit_code": exit_code})
        self.close()

    def close(self) -> None:
        """Gives everything back without saying how the run ended; such a run counts as lost."""
        self._end_thread()
        atomic.remove(self._reserve)
        self._events.close()
        self._lock.release()

    def _open_events(self) -> tuple[str, int]:
        """Opens the event journal, cuts a torn tail (kept beside it) and finds the last sequence number."""
        path = self.run.events_path
        data = atomic.read(path) if path.exists() else b""
        pieces = data.split(b"\n")
        good = max((i for i, piece in enumerate(pieces[:-1]) if lines.decode(piece) is not None), default=-1)
        length = sum(len(piece) + 1 for piece in pieces[: good + 1])
        repaired = ""
        self._events = atomic.Appender(path)
        if length < len(data):
            side = path.with_name(f"{path.name}.torn-{length}")
            atomic.replace(side, data[length:])
            self._events.cut(length)
            repaired = f"{len(data) - length} bytes of an unfinished last event were cut and kept in {side.name}."
        last = lines.decode(pieces[good]) if good >= 0 else None
        return repaired, int((last or {}).get("seq", 0))

    def _collect(self, payload: dict[str, Any]) -> dict[str, Any]:
        key = (str(payload.get("series", "train")), tuple(payload["columns"]))
        self._pending.setdefault(key, []).extend(payload["rows"])
        if self._monotonic() - self._flushed >= METRICS_EVERY:
            self._flush()
        return payload

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        for (series, columns), rows in pending.items():
            self._write("metrics", {"series": series, "columns": list(columns), "rows": rows})
        if pending:
            self._flushed = self._monotonic()

    def _write(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        value = {"v": EVENT_VERSION, "seq": self._seq + 1, "t": round(self._clock(), 3), "run": self.run.id, "kind": kind, **payload}
        parse_event(value)
        line = lines.encode(value) + b"\n"
        durable = kind in DURABLE
        if durable:
            self._with_reserve(lambda: self._events.append(line, durable=True))
        else:
            self._events.append(line, durable=False)
        self._seq += 1
        return value

    def _with_reserve(self, write: Callable[[], None]) -> None:
        """On a full disk the reserve is given up once, so that the end of the run can still be recorded."""
        try:
            write()
        except atomic.DiskFull:
            if not self._reserve.exists():
                raise
            atomic.remove(self._reserve)
            write()

    def _live(self, beat: float) -> None:
        last = self._monotonic()
        while not self._stop.wait(min(0.25, beat)):
            try:
                self.flush()
                if self._monotonic() - last >= beat:
                    last = self._monotonic()
                    self.heartbeat()
            except StorageError as error:
                self._failure = error

    def _end_thread(self) -> None:
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)
            self._thread = None


def _fill(path: Path) -> None:
    """Keeps some room back; without room there is simply no reserve."""
    try:
        atomic.replace(path, bytes(_RESERVE), durable=False)
    except StorageError:
        atomic.remove(path)


def memory_mb() -> float:
    """Resident memory of this process in MB; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
