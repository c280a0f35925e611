"""The command line over real project folders and a runner that answers at once."""

import sys
from pathlib import Path

import pytest

from phasewise.cli.main import main
from phasewise.project.writer import RunWriter
from workflow.fakes import FakeRecipe, World, result_for


class DiskRunner:
    """Does what the engine process does to a run folder, in this process, at once."""

    world = World(need="no", best_baseline=0.95, test=0.94)
    mode = "finish"
    started: list[str] = []

    def __init__(self, project, **_options) -> None:
        self.project = project

    def start(self, run) -> None:
        type(self).started.append(run.job().kind)
        writer = RunWriter(run, beat=0)
        try:
            writer.emit("hello", job=run.job().kind, pid=1, host="test")
            writer.emit("progress", done=1, total=2)
            if self.mode == "failed":
                writer.emit("error", type="Planted", message="the planted fault", cause="row 7", remedy="repair it", exit_code=1)
                writer.finish(None, "failed", 1)
            else:
                writer.finish(result_for(run.job(), run.id, self.world), "done", 0)
        finally:
            writer.close()

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def quiet_home(tmp_path, monkeypatch):
    """No real home, no real engine, nobody at the terminal."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name.lower()))
    import phasewise.runners.local as local
    import phasewise.workflow.session as session

    class Runner(DiskRunner):
        world, mode, started = World(need="no", best_baseline=0.95, test=0.94), "finish", []

    monkeypatch.setattr(local, "LocalRunner", Runner)
    monkeypatch.setattr(session, "_recipe_of", lambda _: FakeRecipe())
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return Runner


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("age,town,label,other\n" + "".join(f"{n},a,yes,no\n" for n in range(20)))
    return path


@pytest.fixture
def cli(capsys, monkeypatch):
    """Run a command: exit code, stdout, stderr."""

    def run(*args, stdin: str = ""):
        import io

        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main([str(a) for a in args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
