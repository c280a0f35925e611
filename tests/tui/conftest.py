"""The user's own settings and history stay out of tests."""

import pytest


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Config and state folders inside the test's folder; no colours or theme from outside."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("NO_COLOR", "PHASEWISE_THEME", "PHASEWISE_MARKERS"):
        monkeypatch.delenv(name, raising=False)
