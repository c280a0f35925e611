"""Fixtures all rooms share."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# What the machine that runs the tests says of itself (a CI service, no colour, another terminal) is not what a test asks about.
for _name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "TERM_PROGRAM", "TMUX", "SSH_CONNECTION", "SSH_TTY", "LC_ALL", "NO_MOTION", "TEXTUAL_ANIMATIONS", "PHASEWISE_MARKERS", "PHASEWISE_THEME", "PHASEWISE_NO_INPUT", "PHASEWISE_DEBUG"):
    os.environ.pop(_name, None)


def data_root() -> Path | None:
    """The folder of real data sets beside the checkout, or none."""
    named = os.environ.get("PHASEWISE_DATA")
    found = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    return found if found.is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets; the test is skipped where they are absent."""
    root = data_root()
    if root is None:
        pytest.skip("the real data sets are not beside this checkout (set PHASEWISE_DATA)")
    return root
