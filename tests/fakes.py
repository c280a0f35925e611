"""A runner that plays scripted jobs in this process: events, results and failures as a real engine would write them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from phasewise.project.folder import Project
from phasewise.project.runs import RunFolder
from phasewise.project.writer import RunWriter
from phasewise.records.errors import PhasewiseError


@dataclass
class Script:
    """What a job of one kind does: events first (`(kind, payload)`), then its result, error, stop or disappearance."""

    result: Any = None
    """A result record, a dict, or `f(job) -> result`; None with reason `done` is only for tests of odd engines."""
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    reason: str = "done"
    error: PhasewiseError | None = None
    lost: bool = False
    """End without a `finished` event, as after kill -9."""
    hold: bool = False
    """Stay running (lock held) until `FakeRunner.go_on(run)`."""


class FakeRunner:
    """Has the methods of `LocalRunner`; `scripts` maps a job kind to a `Script`, a result or `f(job) -> result`.

    Everything happens inside `start`, so a test never waits; with `hold` the run stays live until `go_on`.
    """

    def __init__(self, project: Project, scripts: Mapping[str, Any] | None = None) -> None:
        self.project = project
        self.scripts = dict(scripts or {})
        self.started: list[RunFolder] = []
        self.warmed = 0
        self.closed = False
        self._held: dict[str, tuple[RunWriter, Script, Any]] = {}

    def start(self, run: RunFolder) -> None:
        """Plays the script of the run's job kind; a kind without a script fails like an engine without a handler."""
        self.started.append(run)
        run.launched()
        job = run.job()
        found = self.scripts.get(job.kind, Script(error=PhasewiseError(f"no script for {job.kind!r}", "FakeRunner", "Give it one.")))
        script = found if isinstance(found, Script) else Script(result=found)
        writer = RunWriter(run, beat=0)
        writer.emit("hello", job=job.kind, pid=1, host="fake", versions={"torch": "0"}, device="cpu", threads=1)
        writer.emit("started", title=job.title)
        for kind, payload in script.events:
            writer.emit(kind, **payload)
        writer.flush()
        if script.hold:
            writer.heartbeat()
            self._held[run.id] = (writer, script, job)
        else:
            self._end(writer, script, job)

    def emit(self, run: RunFolder, kind: str, **payload: Any) -> None:
        """One more event of a held run."""
        writer = self._held[run.id][0]
        writer.emit(kind, **payload)
        writer.flush()

    def commands(self, run: RunFolder) -> list[dict[str, Any]]:
        """Takes the commands of a held run, acknowledges them and obeys pause and resume, as a real engine does."""
        writer = self._held[run.id][0]
        found = writer.commands()
        for command in found:
            if command["command"] in ("pause", "resume"):
                writer.paused = command["command"] == "pause"
            writer.emit("ack", command=command["command"], id=command["id"], accepted=True)
            writer.heartbeat()
        return found

    def go_on(self, run: RunFolder, **change: Any) -> None:
        """Ends a held run as its script says, with fields of the script changed."""
        writer, script, job = self._held.pop(run.id)
        for name, value in change.items():
            setattr(script, name, value)
        self._end(writer, script, job)

    def warm(self) -> None:
        """Counts."""
        self.warmed += 1

    def close(self) -> None:
        """Lets held runs go as lost ones."""
        self.closed = True
        for writer, _, _ in self._held.values():
            writer.close()
        self._held.clear()

    def _end(self, writer: RunWriter, script: Script, job: Any) -> None:
        if script.lost:
            writer.close()
        elif script.error is not None:
            e = script.error
            writer.emit("error", type=type(e).__name__, message=e.title, cause=e.cause, remedy=e.remedy, exit_code=e.exit_code)
            writer.finish(None, "failed", e.exit_code)
        else:
            result = script.result(job) if isinstance(script.result, Callable) else script.result  # type: ignore[arg-type]
            writer.finish(result, script.reason, 0)
