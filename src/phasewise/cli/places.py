"""Where Phasewise keeps its own files (XDG), and which project is meant."""

import os
from collections.abc import Mapping
from pathlib import Path

from phasewise.records.errors import StorageError, UsageError

APP = "phasewise"
PROJECT_FILE = "phasewise.toml"


def _xdg(env: Mapping[str, str], name: str, fallback: str) -> Path:
    given = env.get(name, "")
    base = Path(given) if given.startswith("/") else Path(env.get("HOME") or "~").expanduser() / fallback
    return base / APP


def config_dir(env: Mapping[str, str] = os.environ) -> Path:
    """Settings of the user."""
    return _xdg(env, "XDG_CONFIG_HOME", ".config")


def data_dir(env: Mapping[str, str] = os.environ) -> Path:
    """Demo projects."""
    return _xdg(env, "XDG_DATA_HOME", ".local/share")


def state_dir(env: Mapping[str, str] = os.environ) -> Path:
    """Logs and the list of recent projects."""
    return _xdg(env, "XDG_STATE_HOME", ".local/state")


def log_file(env: Mapping[str, str] = os.environ) -> Path:
    """Where tracebacks go."""
    return state_dir(env) / "errors.log"


def find_project(named: str | None, start: Path | None = None) -> Path | None:
    """The project folder: the named one, else the current folder or the nearest above it that holds a project."""
    if named:
        path = Path(named).expanduser()
        if not (path / PROJECT_FILE).is_file():
            raise StorageError(f"there is no project in {named}", f"{path / PROJECT_FILE} does not exist.", "Make one with `phasewise new`, or name the right folder.")
        return path
    here = (start or Path.cwd()).absolute()
    return next((p for p in (here, *here.parents) if (p / PROJECT_FILE).is_file()), None)


def need_project(named: str | None) -> Path:
    """The project folder; a `UsageError` when there is none here."""
    found = find_project(named)
    if found is None:
        raise UsageError("there is no project here", f"Neither {Path.cwd()} nor a folder above it holds a {PROJECT_FILE}.", "Make one with `phasewise new --data FILE`, or name one with -C DIR.")
    return found
