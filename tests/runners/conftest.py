"""A project, and a stand-in for Python that runs the demo engine instead of `phasewise.worker`."""

import sys
from pathlib import Path

import pytest

from phasewise.project.folder import Project

WORKER_TESTS = Path(__file__).parents[1] / "worker"
sys.path.insert(0, str(WORKER_TESTS))


@pytest.fixture
def project(tmp_path):
    """An open project."""
    with Project.create(tmp_path / "p", "demo") as project:
        yield project


@pytest.fixture
def demo_python(tmp_path):
    """A program that takes `-P -m phasewise.worker ARGS` and runs the demo engine with ARGS."""
    path = tmp_path / "demo-python"
    path.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "-P -m phasewise.worker" ] || exit 64\nshift 3\nexec {sys.executable} -P {WORKER_TESTS / "demo_engine.py"} "$@"\n')
    path.chmod(0o700)
    return str(path)
