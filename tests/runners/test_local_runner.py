"""The local runner: detached engines that outlive their starter, a warm worker, no zombies, nothing run twice (T6)."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from worker_help import demo_job, events_of, until

from phasewise.project.folder import Project
from phasewise.records.errors import RunError
from phasewise.records.jobs import DataView, ProfileJob
from phasewise.runners.local import LocalRunner

UI = Path(__file__).parent / "ui_process.py"


def zombies_of(pid):
    """Dead children of a process that nobody collected."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[1] == str(pid) and fields[0] == "Z":
            found.append(stat.parent.name)
    return found


def test_a_cold_start_runs_detached_and_leaves_no_zombie(project, demo_python):
    runner = LocalRunner(project, python=demo_python)
    run = project.runs.create(demo_job())
    runner.start(run)
    until(lambda: run.state() == "finished")
    pid = events_of(run)[0].pid
    until(lambda: (run.path / "exit.json").exists())
    assert zombies_of(os.getpid()) == [] and not Path(f"/proc/{pid}").exists()


def test_the_engine_has_its_own_session_and_no_stdin(project, demo_python):
    runner = LocalRunner(project, python=demo_python)
    run = project.runs.create(demo_job(pause=0.02))
    runner.start(run)
    until(lambda: run.state() == "running" and events_of(run))
    pid = events_of(run)[0].pid
    assert os.getsid(pid) != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    assert os.readlink(f"/proc/{pid}/fd/1") == str(run.log_path)
    os.kill(pid, signal.SIGHUP)
    until(lambda: run.state() == "finished")


def test_kill_9_of_the_engine_is_lost_and_said(project, demo_python):
    runner = LocalRunner(project, python=demo_python)
    run = project.runs.create(demo_job(pause=0.05))
    runner.start(run)
    until(lambda: len(events_of(run)) > 2)
    os.kill(events_of(run)[0].pid, signal.SIGKILL)
    until(lambda: run.state() == "lost", 2)
    until(lambda: "signal 9" in run.lost_because(), 2)
    runner.start(run)
    until(lambda: run.state() == "finished")
    assert [e.kind for e in events_of(run)].count("hello") == 2


def test_an_engine_that_dies_at_birth_is_lost_at_once(project, tmp_path):
    bad = tmp_path / "bad"
    bad.write_text("#!/bin/sh\necho no torch here >&2\nexit 3\n")
    bad.chmod(0o700)
    run = project.runs.create(demo_job())
    LocalRunner(project, python=str(bad)).start(run)
    until(lambda: run.state() == "lost", 5)
    assert "exit code 3" in run.lost_because() and "no torch here" in run.log_path.read_text()


def test_a_missing_python_is_a_clear_error(project):
    with pytest.raises(RunError, match="cannot be started"):
        LocalRunner(project, python="/nowhere/python").start(project.runs.create(demo_job()))


def test_a_warm_worker_runs_many_jobs_each_in_its_own_session(project, demo_python):
    runner = LocalRunner(project, python=demo_python)
    runner.warm()
    runner.warm()
    until(lambda: list(project.hidden.glob("warm-*/ready")))
    assert len(list(project.hidden.glob("warm-*"))) == 1
    runs = [project.runs.create(demo_job(seed=s)) for s in range(3)]
    for run in runs:
        runner.start(run)
    until(lambda: all(r.state() == "finished" for r in runs))
    pids = {events_of(r)[0].pid for r in runs}
    assert len(pids) == 3 and len({r.result()["x"] for r in runs}) == 3
    until(lambda: all((r.path / "exit.json").exists() for r in runs))
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)  # collected by the warm worker
    runner.close()
    until(lambda: not list(project.hidden.glob("warm-*")))


def test_a_warm_worker_gives_the_same_result_as_a_cold_start(project, demo_python):
    cold, warm = (project.runs.create(demo_job()) for _ in range(2))
    runner = LocalRunner(project, python=demo_python)
    runner.start(cold)
    runner.warm()
    runner.start(warm)
    until(lambda: cold.state() == warm.state() == "finished")
    assert cold.result() == warm.result()
    runner.close()


def test_jobs_left_behind_by_a_dying_warm_worker_are_started_cold(project, demo_python):
    runner = LocalRunner(project, python=demo_python)
    runner.warm()
    os.kill(runner._warm.process.pid, signal.SIGSTOP)
    run = project.runs.create(demo_job())
    runner.start(run)
    time.sleep(0.1)
    assert run.state() == "queued"
    os.kill(runner._warm.process.pid, signal.SIGKILL)
    until(lambda: run.state() == "finished")
    assert [e.kind for e in events_of(run)].count("hello") == 1


def test_closing_lets_running_engines_go_on(project, demo_python):
    runner = LocalRunner(project, python=demo_python)
    runner.warm()
    run = project.runs.create(demo_job(pause=0.02))
    runner.start(run)
    until(lambda: run.state() == "running")
    runner.close()
    assert run.state() == "running"
    until(lambda: run.state() == "finished")


def test_the_warm_worker_leaves_when_its_folder_or_its_parent_is_gone(project, demo_python):
    import shutil

    runner = LocalRunner(project, python=demo_python)
    runner.warm()
    until(lambda: list(project.hidden.glob("warm-*/ready")))
    process = runner._warm.process
    shutil.rmtree(next(project.hidden.glob("warm-*")))
    until(lambda: process.poll() is not None)


def test_an_idle_warm_worker_leaves(tmp_path):
    (tmp_path / "p" / "w").mkdir(parents=True)
    code = "import sys; from pathlib import Path; from phasewise.worker.warm import serve; sys.exit(serve(Path(sys.argv[1]), idle=0.1, modules=()))"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "p" / "w")], timeout=120).returncode == 0


@pytest.mark.parametrize("warm", ["cold", "warm"])
@pytest.mark.parametrize("how", ["kill -9", "terminal closed", "stopped"])
def test_the_engine_survives_its_starter(tmp_path, demo_python, how, warm):
    """kill -9 of the app, the terminal closed under it (SIGHUP to its session), the app stopped: the result is the same."""
    with Project.create(tmp_path / "p", "demo") as project:
        run = project.runs.create(demo_job(pause=0.02))
    command = [sys.executable, str(UI), str(project.path), run.id, demo_python, warm]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, command)
    while b"started" not in os.read(terminal, 1000):
        pass
    until(lambda: run.state() == "running" and len(events_of(run)) > 2)
    if how == "kill -9":
        os.kill(child, signal.SIGKILL)
    elif how == "stopped":
        os.kill(child, signal.SIGSTOP)
    os.close(terminal) if how == "terminal closed" else None
    until(lambda: run.state() == "finished")
    assert [e.kind for e in events_of(run)].count("hello") == 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if how != "terminal closed":
        os.close(terminal)
    with Project.open(project.path) as again:
        other = again.runs.create(demo_job())
        LocalRunner(again, python=demo_python).start(other)
        until(lambda: other.state() == "finished")
        assert other.result() == run.result()
        until(lambda: warm == "cold" or not _warm_processes(project.path))


def _warm_processes(folder):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{folder}/.phasewise/warm-" in path.read_bytes().decode():
                found.append(path)
        except OSError:
            continue
    return found


def test_a_module_in_the_project_is_never_imported(project):
    """The real worker: a `torch.py` or `json.py` lying in a project is data, not code."""
    for name in ("torch.py", "json.py", "polars.py", "phasewise.py"):
        (project.path / name).write_text(f"open({str(project.path / 'pwned')!r}, 'w').close()\n")
    runner = LocalRunner(project)
    run = project.runs.create(ProfileJob(phase="data", data=DataView(kind="tabular", file="missing.csv")))
    runner.start(run)
    until(lambda: run.state() in ("failed", "finished"), 60)
    assert not (project.path / "pwned").exists()
    assert events_of(run)[0].kind == "hello" and "torch" in events_of(run)[0].versions
