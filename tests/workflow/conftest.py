"""Sessions over a project in memory."""

from pathlib import Path

import pytest

from phasewise.workflow.session import Session
from workflow.fakes import Clock, FakeRecipe, FakeRunner, MemoryProject, World


@pytest.fixture
def data_file(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("age,town,label,other\n1,a,yes,no\n2,b,no,no\n")
    return path


@pytest.fixture
def make(data_file: Path, tmp_path: Path):
    def build(world: World | None = None, *, file: bool = True, project: MemoryProject | None = None) -> Session:
        session = Session(project or MemoryProject(tmp_path), runner=FakeRunner(world), clock=Clock(), recipes=lambda _: FakeRecipe())
        if file:
            session.answers.set("data", "file", str(data_file), source="flag")
        return session

    return build
