"""Any run is done again from its record, bit for bit on a CPU (R22); a record that was touched is found out."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv, small_config  # noqa: E402

from phasewise.project.folder import Project  # noqa: E402
from phasewise.records.errors import UsageError  # noqa: E402
from phasewise.worker.main import run_folder  # noqa: E402
from phasewise.workflow import reproducing  # noqa: E402


class InProcess:
    """Runs a run here instead of in a process of its own."""

    def __init__(self, project):
        self.project = project

    def start(self, run):
        run.launched()
        run.exited(run_folder(run.path))

    def close(self):
        pass


@pytest.fixture(scope="module")
def moons(tmp_path_factory) -> Jobs:
    folder = tmp_path_factory.mktemp("moons")
    made = Jobs(folder / "p", moons_csv(folder / "moons.csv", rows=400), "label", "accuracy", task="binary", positive="yes")
    made.split()
    return made


@pytest.fixture
def session(moons):
    """What reproducing asks of a session, over the same folder."""
    journal = []
    with Project.open(moons.folder) as project:
        yield SimpleNamespace(folder=moons.folder, name="moons", runs=project.runs.list, read_only=False, journal=lambda kind, data: journal.append((kind, data)), written=journal)


CONFIG = small_config(epochs=4).model_dump()
IDEAS = [{"id": "wide", "title": "wider", "change": {"network.hidden": "*2"}}]
SPACE = {"train.lr": {"kind": "log", "low": 1e-4, "high": 3e-2}}
JOBS = {
    "baselines": {"phase": "baseline", "models": ["linear"]}, "fit": {"config": CONFIG, "seeds": [0]}, "find_lr": {"config": CONFIG, "sweeps": 2},
    "try_ideas": {"phase": "tune", "config": CONFIG, "ideas": IDEAS, "seeds": [0, 1, 2]}, "search": {"phase": "tune", "config": CONFIG, "space": SPACE, "trials": 4},
}


@pytest.fixture(scope="module")
def done(moons):
    for kind, fields in JOBS.items():
        moons.run(kind, **fields)
    return moons


@pytest.mark.parametrize("kind", sorted(JOBS))
def test_every_kind_of_run_repeats_bit_for_bit(done, session, kind):
    run = next(r for r in session.runs() if r.id.endswith(kind))
    found = reproducing.reproduce(session, run.id, runner=InProcess)
    assert found.equal and not found.differences, found.differences
    assert found.numbers > 5 and (found.files > 0 or kind == "find_lr")
    assert session.written == [("reproduced", {"run": run.id, "equal": True, "numbers": found.numbers, "files": found.files, "differences": []})]
    assert not (session.folder / ".phasewise" / "again").exists()


def test_a_touched_result_or_weight_is_found(done, session):
    run = next(r for r in session.runs() if r.id.endswith("fit"))
    path, weights = run.path / "result.json", next(run.path.rglob("model.safetensors"))
    text, raw = path.read_text(), weights.read_bytes()
    changed = json.loads(text)
    changed["model"]["validation"]["value"] += 1e-12
    try:
        path.write_text(json.dumps(changed))
        weights.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        found = reproducing.reproduce(session, run.id, runner=InProcess)
    finally:
        path.write_text(text)
        weights.write_bytes(raw)
    assert not found.equal and any("validation.value" in d for d in found.differences) and any("other bytes" in d for d in found.differences)
    assert session.written[0][1]["equal"] is False


def test_runs_that_open_the_vault_or_read_files_are_not_repeated(done, session):
    split = next(r.id for r in session.runs() if r.id.endswith("split"))
    with pytest.raises(UsageError, match="not done again"):
        reproducing.reproduce(session, split, runner=InProcess)
    with pytest.raises(UsageError, match="no run"):
        reproducing.reproduce(session, "9999-fit", runner=InProcess)
