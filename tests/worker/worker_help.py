"""Jobs and child processes for the tests of worker and runners."""

import os
import sys
import time

import demo_engine

from phasewise.records.jobs import DataView, FitJob
from phasewise.records.models import ModelConfig, NetworkSpec
from phasewise.worker.main import run_folder


def demo_job(seed=1, **options):
    """A job whose handler is the demo engine's."""
    return FitJob(phase="train", seed=seed, data=DataView(kind="tabular", file="x.csv", options=options), config=ModelConfig(network=NetworkSpec(family="mlp")))


def in_child(run, prepare=lambda: None):
    """Runs the demo engine on a run folder in a forked child; returns the process id."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            null = os.open(run.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(null, 1)
            os.dup2(null, 2)
            sys.stdout = sys.stderr = os.fdopen(null, "w", buffering=1)
            prepare()
            code = run_folder(run.path, find=demo_engine.find)
        finally:
            os._exit(code)
    return child


def ended(child):
    """The exit code of a child (negative: signal)."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def until(condition, seconds=60.0):
    """Waits for a condition; fails with its name when it does not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("the condition did not come true in time")


def events_of(run):
    """Every event so far."""
    return run.tail(0)[0]


def losses(run):
    """Every loss ever logged, by step, as a set of hex numbers."""
    found = {}
    for event in events_of(run):
        if event.kind == "metrics":
            for step, loss in event.rows:
                found.setdefault(int(step), set()).add(float(loss).hex())
    return found
