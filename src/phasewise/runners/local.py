"""The local runner: one detached engine process per run on this machine, from a warm worker where one waits.

A detached engine survives kill -9 of its starter and the closing of the terminal (reliability.md 1.4).
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from phasewise.project import atomic
from phasewise.project.folder import Project
from phasewise.project.runs import RunFolder
from phasewise.records.errors import RunError, StorageError

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")


class LocalRunner:
    """Starts runs of one project; `keep_warm` makes it hold a warm worker ready from the second job on, so that a single job pays for none."""

    def __init__(self, project: Project, *, python: str = sys.executable, env: Mapping[str, str] | None = None, keep_warm: bool = False) -> None:
        self.project = project
        self._python = python
        self._env = dict(os.environ if env is None else env)
        self._keep_warm = keep_warm
        self._jobs = 0
        self._guard = threading.RLock()
        self._warm: _Warm | None = None
        self._closed = False
        self._waiters: list[threading.Thread] = []

    def start(self, run: RunFolder) -> None:
        """Starts (or resumes) a run and returns at once; whether it lives is told by `run.state()`.

        Raises `RunError` when no process can be started.
        """
        with self._guard:
            self._jobs += 1
            run.launched()
            if self._warm is None or not self._warm.assign(run):
                self._start_cold(run, run.job().threads)
            if self._keep_warm and self._jobs > 1:
                self.warm()

    def warm(self) -> None:
        """Starts a process that imports the slow libraries and waits for jobs; does nothing when there is one already."""
        with self._guard:
            if self._closed or self.project.read_only or (self._warm is not None and self._warm.alive):
                return
            folder = self.project.hidden / f"warm-{os.getpid()}-{secrets.token_hex(3)}"
            try:
                folder.mkdir(mode=0o700)
                process = self._popen(["--warm", str(folder)], folder / "log", None)
            except (OSError, StorageError):
                return  # a warm worker only saves time
            self._warm = _Warm(folder, process)
            self._wait_for(process, self._warm)

    def close(self) -> None:
        """Lets the warm worker go; running engines go on."""
        with self._guard:
            self._closed = True
            warm, self._warm = self._warm, None
        if warm is not None:
            warm.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                warm.process.wait(timeout=5)

    def _start_cold(self, run: RunFolder, threads: int | None) -> None:
        try:
            process = self._popen([str(run.path)], run.log_path, threads)
        except OSError as error:
            raise RunError("the engine process cannot be started", f"{error.strerror}: {self._python}.", "Check the installation of Python and Phasewise.") from error
        self._wait_for(process, run)

    def _popen(self, args: list[str], log: Path, threads: int | None) -> subprocess.Popen[bytes]:
        """A process in its own session: no terminal, no stdin, output into a file.

        `-P` keeps the working folder off the import path: a `torch.py` in a project must never be imported.
        """
        env = {"OMP_WAIT_POLICY": "PASSIVE", **self._env}  # spinning threads on busy cores cost more than they win
        if threads:
            env.update({name: str(threads) for name in _THREADS})
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            return subprocess.Popen(
                [self._python, "-P", "-m", "phasewise.worker", *args],
                stdin=subprocess.DEVNULL, stdout=fd, stderr=fd, start_new_session=True, cwd=self.project.path, env=env,
            )
        finally:
            os.close(fd)

    def _wait_for(self, process: subprocess.Popen[bytes], what: "RunFolder | _Warm") -> None:
        thread = threading.Thread(target=self._wait, args=(process, what), name="engine-waiter", daemon=True)
        self._waiters = [t for t in self._waiters if t.is_alive()] + [thread]
        thread.start()

    def _wait(self, process: subprocess.Popen[bytes], what: "RunFolder | _Warm") -> None:
        """Collects the process when it ends (no zombie); jobs a warm worker left behind get a process of their own."""
        code = process.wait()
        with contextlib.suppress(StorageError, RunError):
            if isinstance(what, RunFolder):
                what.exited(code)
                return
            with self._guard:
                what.alive = False
                for run in what.withdraw():
                    self._start_cold(run, None)
            shutil.rmtree(what.folder, ignore_errors=True)


class _Warm:
    """A warm worker as its starter sees it: a folder for assignments and the process."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process
        self.alive = True
        self._sent: dict[str, RunFolder] = {}

    def assign(self, run: RunFolder) -> bool:
        """Puts a run before the worker; False when the worker is gone."""
        if not self.alive or self.process.poll() is not None:
            return False
        name = f"job-{len(self._sent):06d}.json"
        try:
            atomic.replace(self.folder / name, json.dumps({"run": str(run.path)}).encode(), durable=False)
        except StorageError:
            return False
        self._sent[name] = run
        return True

    def withdraw(self) -> list[RunFolder]:
        """The runs the worker never took; renaming decides, so no run is started twice."""
        back = []
        for name, run in self._sent.items():
            try:
                os.rename(self.folder / name, self.folder / f"withdrawn-{name}")
            except OSError:
                continue
            back.append(run)
        return back
