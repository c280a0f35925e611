"""Commands, signals and failures of a running job."""

import os
import signal
import sys
import time

import pytest
from worker_help import demo_job, ended, events_of, in_child, until

from phasewise.worker.context import choose_threads


def acks(run):
    return [(e.command, e.accepted) for e in events_of(run) if e.kind == "ack"]


def steps(run):
    return [row[0] for e in events_of(run) if e.kind == "metrics" for row in e.rows]


@pytest.fixture
def live(project):
    """A job that would take minutes, running in a child."""
    run = project.runs.create(demo_job(steps=20_000, pause=0.005))
    child = in_child(run)
    until(lambda: len(steps(run)) > 1)
    yield run, child
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def test_pause_and_resume_take_effect(live):
    run, _ = live
    run.post("pause")
    until(lambda: run.state() == "paused")
    time.sleep(0.1)
    before = len(steps(run))
    time.sleep(0.2)
    assert len(steps(run)) == before
    run.post("resume")
    until(lambda: run.state() == "running" and len(steps(run)) > before)
    assert acks(run) == [("pause", True), ("resume", True)]


@pytest.mark.parametrize("command", ["stop_now", "stop_epoch"])
def test_stop_saves_and_keeps_a_result(live, command):
    run, child = live
    run.post(command)
    assert ended(child) == 0
    assert run.state() == "stopped" and run.result()["steps"] == [e.step for e in events_of(run) if e.kind == "checkpoint"][-1]


def test_stop_works_while_paused(live):
    run, child = live
    run.post("pause")
    until(lambda: run.state() == "paused")
    run.post("stop_now")
    assert ended(child) == 0 and run.state() == "stopped"


def test_checkpoint_on_demand_also_while_paused_and_learning_rate_by_value(live):
    run, _ = live
    before = sum(e.kind == "checkpoint" for e in events_of(run))
    from phasewise.cli.main import main

    folder = str(run.path.parent.parent)
    assert main(["steer", run.id, "rate", "0.05", "-C", folder]) == 0
    assert main(["steer", run.id, "checkpoint", "-C", folder]) == 0
    until(lambda: sum(e.kind == "checkpoint" for e in events_of(run)) > before)
    until(lambda: ("checkpoint", True) in acks(run))
    assert ("set_lr", True) in acks(run)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops(live, number):
    run, child = live
    os.kill(child, number)
    assert ended(child) == 0
    assert run.state() == "stopped"
    assert any("signal" in e.text for e in events_of(run) if e.kind == "log")


def test_a_second_signal_leaves_at_once(project):
    run = project.runs.create(demo_job(steps=5, pause=30))
    child = in_child(run)
    until(lambda: len(steps(run)) >= 1)
    os.kill(child, signal.SIGTERM)
    time.sleep(0.1)
    os.kill(child, signal.SIGTERM)
    assert ended(child) == 128 + signal.SIGTERM
    assert run.state() == "lost"


def test_a_stopped_run_goes_on_when_started_again(live, project):
    run, child = live
    run.post("stop_now")
    ended(child)
    at = run.result()["steps"]
    again = in_child(run)
    until(lambda: run.state() == "running" and steps(run)[-1] > at + 3)
    run.post("stop_now")
    assert ended(again) == 0
    assert run.state() == "stopped" and run.result()["steps"] > at


@pytest.mark.parametrize(
    ("fail", "message", "remedy"),
    [
        ("value", "unexpected error (ValueError", "report"),
        ("memory", "out of memory", "smaller batch"),
        ("cpu memory", "out of memory", "smaller batch"),
        ("disk", "no room left", "Free some space"),
        ("exit", "unexpected error (SystemExit", "report"),
    ],
)
def test_failures_are_events_with_remedy_and_the_traceback_is_in_a_file(project, fail, message, remedy):
    run = project.runs.create(demo_job(fail=fail))
    assert ended(in_child(run)) == 1
    assert run.state() == "failed" and run.result() is None
    error, finished = events_of(run)[-2:]
    assert message in error.message and remedy in error.remedy and finished.reason == "failed"
    assert "demo_engine.py" in (run.path / error.traceback_file).read_text()
    assert "Traceback" not in run.log_path.read_text() and "remedy:" in run.log_path.read_text()
    assert error.resumable and run.resumable()


def test_a_failure_is_recorded_also_when_engine_log_has_no_room(project):
    """engine.log lies on the disk that is full: what cannot be said there must not keep the error from the events."""
    run = project.runs.create(demo_job(fail="disk"))

    def no_room():
        sys.stderr = os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", buffering=1)

    assert ended(in_child(run, no_room)) == 1
    assert run.state() == "failed" and [e.kind for e in events_of(run)[-2:]] == ["error", "finished"]


def test_a_job_without_a_handler_fails_with_what_is_valid(project):
    from phasewise.worker.main import run_folder

    run = project.runs.create(demo_job())
    job = (run.path / "job.json").read_text().replace('"kind":"fit"', '"kind":"fat"')
    (run.path / "job.json").write_text(job)
    child = os.fork()
    if child == 0:
        os._exit(run_folder(run.path))
    assert ended(child) == 1
    assert "job.json" in events_of(run)[0].message


def test_the_environment_is_not_written_anywhere(project):
    os.environ["PHASEWISE_TEST_SECRET"] = "canary-4711"
    try:
        run = project.runs.create(demo_job(fail="value"))
        ended(in_child(run))
    finally:
        del os.environ["PHASEWISE_TEST_SECRET"]
    for path in project.path.rglob("*"):
        assert not path.is_file() or b"canary-4711" not in path.read_bytes(), path


def test_threads_stay_the_same_when_resumed(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert choose_threads(None, None) == 3
    assert choose_threads(None, 2) == 2
    assert choose_threads(5, 2) == 5
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= choose_threads(None, None) <= 4
