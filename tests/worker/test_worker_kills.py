"""kill -9 at random moments and at every I/O call: resumed until done, the result and every loss are the same (T1, T2)."""

import os
import random
import signal
import time

import pytest
from worker_help import demo_job, ended, events_of, in_child, losses, until

from phasewise.project import atomic
from phasewise.records.errors import StorageError


def reference(project, **options):
    run = project.runs.create(demo_job(**options))
    assert ended(in_child(run)) == 0 and run.state() == "finished"
    return run


def kill_at_random(project, count, seed):
    """Kills, resumes until done, compares; returns how many kills hit a living engine and the most steps done twice."""
    whole = reference(project)
    rng = random.Random(seed)
    kills, worst = 0, 0
    while kills < count:
        run = project.runs.create(demo_job())
        while True:
            child = in_child(run)
            time.sleep(rng.random() * 0.12)
            os.kill(child, signal.SIGKILL)
            code = ended(child)
            kills += code == -9
            if run.state() == "finished":
                break
            assert run.state() in ("lost", "queued")
        assert run.result() == whole.result()
        known = losses(run)
        for step, values in losses(whole).items():
            assert known.get(step, values) == values, f"step {step}"
        steps = [e.step for e in events_of(run) if e.kind == "checkpoint"]
        assert steps == sorted(set(steps)), "a checkpointed step was done twice"
        worst = max(worst, len(steps))
        assert not list(run.path.glob("**/*.tmp"))
    return kills


def test_killed_at_random_moments_the_result_is_the_same(project):
    assert kill_at_random(project, 25, seed=5) >= 25


@pytest.mark.slow
def test_five_hundred_kills(project):
    print(kill_at_random(project, 500, seed=6), "kills, 0 mismatches")


class Killing:
    """Stands in for `atomic.os`: dies at the n-th call that changes the disk, with half of a write done."""

    NAMES = ("open", "write", "fsync", "fdatasync", "replace", "unlink", "ftruncate")

    def __init__(self, at):
        self.left = at

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in self.NAMES:
            return real

        def call(*args, **kwargs):
            self.left -= 1
            if self.left == 0:
                if name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return call


def test_killed_at_every_io_call_the_result_is_the_same(project):
    options = {"steps": 11}
    whole = reference(project, **options)
    points = 0
    while True:
        run = project.runs.create(demo_job(**options))
        code = ended(in_child(run, lambda n=points + 1: setattr(atomic, "os", Killing(n))))
        if code == 0:
            break
        points += 1
        assert code == -9 and run.state() in ("lost", "queued", "finished")
        assert ended(in_child(run)) == 0
        assert run.state() == "finished" and run.result() == whole.result(), points
        known = losses(run)
        assert all(known.get(step, values) == values for step, values in losses(whole).items()), points
    assert points > 40


def test_a_finished_run_started_again_does_nothing(project):
    run = reference(project)
    before = run.events_path.read_bytes()
    assert ended(in_child(run)) == 0
    assert run.events_path.read_bytes() == before and run.state() == "finished"


def test_two_engines_never_work_on_one_run(project):
    run = project.runs.create(demo_job(pause=0.02))
    first = in_child(run)
    until(lambda: run.state() == "running")
    assert ended(in_child(run)) == 5
    assert ended(first) == 0
    assert [e.kind for e in events_of(run)].count("hello") == 1


def test_resume_tells_where_it_goes_on(project):
    run = project.runs.create(demo_job(pause=0.01))
    child = in_child(run)
    until(lambda: any(e.kind == "checkpoint" for e in events_of(run)))
    os.kill(child, signal.SIGKILL)
    ended(child)
    assert run.state() == "lost" and run.lost_because()
    assert ended(in_child(run)) == 0
    said = [e.text for e in events_of(run) if e.kind == "log"]
    assert any("Attempt 2: going on from checkpoint" in text for text in said)
    assert [e.seq for e in events_of(run)] == list(range(1, len(events_of(run)) + 1))


def test_checkpoints_that_are_gone_are_an_error_not_a_silent_start_from_zero(project):
    run = project.runs.create(demo_job(pause=0.01))
    child = in_child(run)
    until(lambda: any(e.kind == "checkpoint" for e in events_of(run)))
    os.kill(child, signal.SIGKILL)
    ended(child)
    for path in run.checkpoints_dir.iterdir():
        path.unlink()
    assert ended(in_child(run)) == StorageError.exit_code
    error = next(e for e in events_of(run) if e.kind == "error")
    assert "no checkpoint" in error.message and "start this run over" in error.remedy
    run.start_over()
    assert ended(in_child(run)) == 0 and run.state() == "finished"
