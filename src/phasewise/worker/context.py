"""What a handler gets: project, run, job, and the ways to speak, to save and to be steered."""

import os
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from phasewise.project.checkpoints import CheckpointStore, Saved, check_room
from phasewise.project.folder import Project
from phasewise.project.runs import RunFolder
from phasewise.project.writer import RunWriter
from phasewise.records.errors import UsageError
from phasewise.worker import cores
from phasewise.worker.control import Control

PROGRESS_EVERY = 0.1


class RunContext:
    """One run as its handler sees it; `project` is open for reading only."""

    def __init__(self, *, project: Project, run: RunFolder, job: Any, writer: RunWriter, threads: int, past: list[Any]) -> None:
        self.project = project
        self.run = run
        self.job = job
        self.writer = writer
        self.threads = threads
        """Torch and OpenMP threads; the same when the run is resumed."""
        self.control = Control(writer)
        self.checkpoints = CheckpointStore.of_events(run.checkpoints_dir, self._announce, past)
        self.attempt = sum(1 for e in past if e.kind == "hello") + 1
        self._progress_at = -1.0

    @cached_property
    def device(self) -> str:
        """`"cpu"` or `"cuda"`, decided on first use because it imports torch.

        Raises `UsageError` when a GPU was asked for and there is none.
        """
        if self.job.device == "cpu":
            return "cpu"
        import torch

        if torch.cuda.is_available():
            return "cuda"
        if self.job.device == "cuda":
            raise UsageError("there is no GPU that torch can use", "The job asks for device cuda; torch sees none.", "Set device to auto or cpu.")
        return "cpu"

    @cached_property
    def resume_from(self) -> Saved | None:
        """The newest whole checkpoint of earlier attempts, or None when none was ever saved.

        Raises `StorageError` when checkpoints were saved and none can be used: a run never restarts from zero unasked.
        """
        return self.checkpoints.newest()

    def emit(self, kind: str, **payload: Any) -> None:
        """One event."""
        self.writer.emit(kind, **payload)

    def started(self, title: str = "", plan: dict[str, Any] | None = None) -> None:
        """The job's real work begins."""
        self.emit("started", title=title or self.job.title, plan=plan or {})

    def progress(self, done: float, total: float, *, unit: str = "steps", note: str = "", eta_low: float | None = None, eta_high: float | None = None) -> None:
        """How far; at most ten a second are written, the last one always. ETA in seconds."""
        now = time.monotonic()
        if done < total and now - self._progress_at < PROGRESS_EVERY:
            return
        self._progress_at = now
        self.emit("progress", done=done, total=total, unit=unit, note=note, eta_low=eta_low, eta_high=eta_high)

    def metrics(self, series: str, columns: list[str], rows: list[list[float | None]]) -> None:
        """Points of a series, `step` first; grouped into at most 20 blocks a second."""
        self.emit("metrics", series=series, columns=list(columns), rows=[list(r) for r in rows])

    def log(self, text: str, level: str = "info") -> None:
        """A line for the log pane."""
        self.emit("log", text=text, level=level)

    def finding(self, id: str, severity: str, title: str, detail: str = "") -> None:
        """Something noticed during the run."""
        self.emit("finding", id=id, severity=severity, title=title, detail=detail)

    def model_dir(self, name: str) -> Path:
        """The folder of a model of this run, made if needed; `name` is letters, digits, `-`, `_` and dots inside."""
        if not name or not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name.startswith("."):
            raise ValueError(f"not a model name: {name!r}")
        path = self.run.models_dir / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def require_room(self, size: int) -> None:
        """Raises `DiskFull` when fewer than `size` bytes are free in the project."""
        check_room(self.run.path, size)

    def _announce(self, **payload: Any) -> None:
        self.emit("checkpoint", **payload)


SINGLE = ("find_lr", "fit", "checkup", "ladder", "search", "try_ideas", "ablate", "combine")
"""Jobs whose networks are too small to share: with two threads and anything else running, barriers made them 10 times slower (measured)."""
SHORT = ("profile", "preview", "predict")
"""Jobs that a person waits for: no time to look whether cores are free."""
MOST = 4


def choose_threads(asked: int | None, before: int | None, job: str = "", kind: str = "") -> int:
    """How many threads: as asked, else as in the run's first attempt (same bits), else one for small table networks, else the environment's, else the free cores, at most four."""
    if asked or before:
        return int(asked or before or 1)
    if kind == "tabular" and job in SINGLE:
        return 1
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return cores.free(MOST) if kind == "images" and job not in SHORT else min(MOST, cores.cores())
