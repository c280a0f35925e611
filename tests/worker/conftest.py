"""A fresh project for the tests of the worker."""

import pytest

from phasewise.project.folder import Project


@pytest.fixture
def project(tmp_path):
    """An open project."""
    with Project.create(tmp_path / "p", "demo") as project:
        yield project
