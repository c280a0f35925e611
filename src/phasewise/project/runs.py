"""Runs as folders: what the two processes share. State is read from the folder alone, never from a process number.

A run is finished only when it says so (`result.json`, then the `finished` event); alive while `engine.lock` is held; else it is lost.
"""

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from phasewise.project import atomic, commands, lines, lock
from phasewise.records.errors import StorageError

State = Literal["queued", "running", "paused", "finished", "failed", "stopped", "lost"]
REASONS: dict[str, State] = {"done": "finished", "stopped": "stopped", "failed": "failed"}
START_LIMIT = 30.0
"""Seconds a started process may take until it holds its lock; after that the run counts as lost."""
_ID = re.compile(r"[0-9]{4,8}-[a-z_]{1,32}\Z")
_TAIL = 64 << 10
_CHUNK = 1 << 20


class RunFolder:
    """One run on disk; cheap to make, holds no state of its own."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        self.id = self.path.name
        self.read_only = read_only

    @property
    def models_dir(self) -> Path:
        """Folder of the trained models."""
        return self.path / "models"

    @property
    def checkpoints_dir(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def arrays_dir(self) -> Path:
        """Folder of the arrays (predictions, curves)."""
        return self.path / "arrays"

    @property
    def events_path(self) -> Path:
        """The event journal of the engine."""
        return self.path / "events.jsonl"

    @property
    def lock_path(self) -> Path:
        """The lock the engine holds while it lives."""
        return self.path / "engine.lock"

    @property
    def log_path(self) -> Path:
        """What the engine process printed."""
        return self.path / "engine.log"

    @property
    def inbox(self) -> Path:
        """Where commands wait."""
        return self.path / "inbox"

    def job(self) -> Any:
        """The job record. Raises `StorageError` when job.json is not there or not a job."""
        from pydantic import ValidationError

        from phasewise.records.jobs import parse_job

        try:
            return parse_job(atomic.read(self.path / "job.json", limit=64 << 20))
        except ValidationError as error:
            raise StorageError(f"job.json of run {self.id} cannot be read", f"{error.error_count()} fields are not understood.", "Start the job again from its phase.") from error

    def result(self) -> dict[str, Any] | None:
        """The result as written by the engine, or None while there is none."""
        try:
            value = json.loads(atomic.read(self.path / "result.json"))
        except (StorageError, ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def state(self) -> State:
        """Where the run stands, from the folder alone."""
        if lock.is_held(self.lock_path):
            return "paused" if self._paused() else "running"
        last = self._last_line()
        if last and last.get("kind") == "finished":
            return REASONS.get(str(last.get("reason")), "failed")
        if not last and (self.path / "result.json").is_file():
            return "finished"  # a copy without its events, as git may leave it
        if last or (self.path / "exit.json").exists() or not self.path.is_dir():
            return "lost"
        return "lost" if self._launched_for() > START_LIMIT else "queued"

    def resumable(self) -> bool:
        """Whether the same work may go on in this folder: lost, stopped, or failed for a reason that passes (no room, no memory)."""
        state = self.state()
        if state != "failed":
            return state in ("lost", "stopped")
        return bool(next((v.get("resumable") for v in self._last_lines() if v.get("kind") == "error"), False))

    def tail(self, offset: int) -> tuple[list[Any], int]:
        """Events from a byte offset and the offset to go on from; an unfinished last line waits, a damaged one is passed over."""
        from phasewise.records.events import parse_event

        data = atomic.read_from(self.events_path, offset, _CHUNK)
        end = data.rfind(b"\n") + 1
        values = (lines.decode(line) for line in data[:end].split(b"\n") if line)
        events = []
        for value in values:
            try:
                events.append(parse_event(value or {}))
            except ValueError:
                continue
        return events, offset + end

    def post(self, command: str, **args: Any) -> str:
        """Puts a command into the inbox in one step and returns its id; the engine answers with an `ack` event.

        Raises `UsageError` for a command or argument that does not exist, `StorageError` when the project is read-only.
        """
        if self.read_only:
            raise StorageError("this run cannot be steered from here", "The project is open for reading only.", "Use the Phasewise that has the project open.")
        command_id = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        checked = commands.check({"id": command_id, "command": command, "args": args})
        atomic.replace(self.inbox / f"{command_id}.json", json.dumps(checked).encode())
        return command_id

    def launched(self) -> None:
        """Notes that a process was asked for; from then on a missing engine is found within `START_LIMIT`."""
        atomic.remove(self.path / "exit.json")
        atomic.replace(self.path / "launch.json", json.dumps({"t": round(time.time(), 3)}).encode(), durable=False)

    def exited(self, code: int) -> None:
        """Notes how the process ended (negative: by a signal); informs people, decides nothing once the run has finished."""
        atomic.replace(self.path / "exit.json", json.dumps({"code": code, "t": round(time.time(), 3)}).encode(), durable=False)

    def lost_because(self) -> str:
        """Why a lost run was probably lost, in one sentence."""
        try:
            code = json.loads(atomic.read(self.path / "exit.json", limit=4096)).get("code")
        except (StorageError, ValueError, AttributeError):
            return "The engine process is gone; nothing tells why (killed, or the machine went down)."
        if code == -9:
            return "The engine process was killed (signal 9): probably the machine ran out of memory."
        if isinstance(code, int) and code < 0:
            return f"The engine process was ended by signal {-code}."
        return f"The engine process ended with exit code {code} without finishing; see engine.log."

    def start_over(self) -> None:
        """Puts events, checkpoints and result of all attempts aside so that the run starts from zero; a person must have asked for it."""
        if self.read_only or lock.is_held(self.lock_path):
            raise StorageError(f"run {self.id} cannot start over", "It is running, or the project is read-only.", "Stop the run first.")
        aside = self.path / f"before-{secrets.token_hex(3)}"
        with atomic.clear_errors(self.path, "start over"):
            aside.mkdir()
            for name in ("events.jsonl", "checkpoints", "result.json", "exit.json", "launch.json"):
                if (self.path / name).exists():
                    os.replace(self.path / name, aside / name)
            self.checkpoints_dir.mkdir()

    def _last_lines(self) -> Iterator[dict[str, Any]]:
        """The valid lines of the last piece of the event journal, the last one first."""
        try:
            size = os.stat(self.events_path, follow_symlinks=False).st_size
        except OSError:
            return
        start = max(0, size - _TAIL)
        pieces = atomic.read_from(self.events_path, start, _TAIL).split(b"\n")
        yield from (value for piece in reversed(pieces) if (value := lines.decode(piece)) is not None)

    def _last_line(self) -> dict[str, Any] | None:
        return next(self._last_lines(), None)

    def _paused(self) -> bool:
        beat = next((v for v in self._last_lines() if v.get("kind") == "heartbeat"), None)
        return bool(beat and beat.get("paused"))

    def _launched_for(self) -> float:
        """Seconds since the process was asked for; 0 when nobody asked."""
        try:
            return time.time() - os.stat(self.path / "launch.json").st_mtime
        except OSError:
            return 0.0


class RunStore:
    """All runs of a project; ids count up, so their order does not hang on any clock."""

    def __init__(self, folder: Path, *, read_only: bool = False, clock: Callable[[], float] = time.time) -> None:
        self.folder = Path(folder)
        self.read_only = read_only
        self.clock = clock

    def create(self, job: Any) -> RunFolder:
        """A new run folder with its job; ids look like `0007-fit`.

        Raises `StorageError` when the project is read-only or there is no room.
        """
        if self.read_only:
            raise StorageError("no run can be started here", "The project is open for reading only.", "Close the other writer, then open the project again.")
        with atomic.clear_errors(self.folder, "create"):
            self.folder.mkdir(exist_ok=True, mode=0o700)
            number = max((int(r.id.split("-")[0]) for r in self.list()), default=0) + 1
            while True:
                path = self.folder / f"{number:04d}-{job.kind}"
                try:
                    path.mkdir(mode=0o700)
                    break
                except FileExistsError:
                    number += 1
            for name in ("inbox", "checkpoints", "models", "arrays"):
                (path / name).mkdir(mode=0o700)
            atomic.replace(path / "job.json", job.model_dump_json().encode())
            atomic.fsync_folder(self.folder)
        return RunFolder(path)

    def get(self, run_id: str) -> RunFolder:
        """The run of an id. Raises `StorageError` when there is none."""
        path = self.folder / run_id
        if not _ID.match(run_id) or path.is_symlink() or not path.is_dir():
            raise StorageError(f"there is no run {run_id!r}", f"{self.folder.name}/ holds no such run folder.", "`phasewise runs` lists the runs of this project.")
        return RunFolder(path, read_only=self.read_only)

    def list(self) -> list[RunFolder]:
        """All runs in the order they were created; foreign folders and links are passed over."""
        try:
            found = [e.name for e in os.scandir(self.folder) if _ID.match(e.name) and e.is_dir(follow_symlinks=False)]
        except OSError:
            return []
        ordered = sorted(found, key=lambda name: (int(name.split("-")[0]), name))
        return [RunFolder(self.folder / name, read_only=self.read_only) for name in ordered]
