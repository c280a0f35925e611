"""A small project on disk whose jobs run in this process, the way the worker process runs them."""

from pathlib import Path
from typing import Any

import numpy as np

from phasewise.project.folder import Project
from phasewise.records.jobs import DataView, parse_job
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
from phasewise.records.results import RESULTS
from phasewise.worker.main import run_folder


def write_csv(path: Path, columns: dict[str, Any]) -> Path:
    """A CSV from columns."""
    names = list(columns)
    rows = zip(*(columns[n] for n in names), strict=True)
    path.write_text(",".join(names) + "\n" + "\n".join(",".join(map(str, r)) for r in rows) + "\n")
    return path


def cancer_csv(path: Path, rows: int | None = None) -> Path:
    """Breast cancer (binary, 30 numbers) with a made-up category column."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    pick = np.random.default_rng(0).permutation(len(data.target))[:rows]
    columns = {name.replace(" ", "_"): data.data[pick, i].round(5) for i, name in enumerate(data.feature_names[:10])}
    columns["site"] = np.where(data.data[pick, 0] + np.random.default_rng(1).normal(0, 3, len(pick)) > 14, "left", "right")
    columns["outcome"] = np.array(["malignant", "benign"])[data.target[pick]]
    return write_csv(path, columns)


def moons_csv(path: Path, rows: int = 1500, noise: float = 0.25) -> Path:
    """Two moons with a noise column and a category."""
    from sklearn.datasets import make_moons

    x, y = make_moons(rows, noise=noise, random_state=3)
    rng = np.random.default_rng(4)
    return write_csv(path, {"a": x[:, 0].round(5), "b": x[:, 1].round(5), "noise": rng.normal(size=rows).round(5), "colour": rng.choice(["red", "green", "blue"], rows), "label": np.where(y == 1, "yes", "no")})


def diabetes_csv(path: Path) -> Path:
    """Diabetes (regression)."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes()
    columns = {name: data.data[:, i].round(6) for i, name in enumerate(data.feature_names)}
    return write_csv(path, {**columns, "progression": data.target})


def small_config(family: str = "one_hidden", **train: Any) -> ModelConfig:
    """A network that trains in a second."""
    hidden = [16] if family != "linear" else []
    return ModelConfig(network=NetworkSpec(family=family, hidden=hidden), train=TrainSpec(**{"optimizer": "adamw", "lr": 0.01, "epochs": 12, "batch_size": 64, **train}))


class Jobs:
    """Creates and runs jobs in a project folder."""

    def __init__(self, folder: Path, file: Path, target: str, metric: str, task: str | None = None, **view: Any) -> None:
        self.folder = folder
        self.data = DataView(kind="tabular", file=str(file), target=target, metric=metric, task=task, **view)
        with Project.create(folder, "demo"):
            pass

    def prepare(self, kind: str, **fields: Any) -> Path:
        """A run folder with its job."""
        with Project.open(self.folder) as project:
            job = parse_job({"kind": kind, "phase": fields.pop("phase", "train"), "data": self.data.model_dump(), "device": "cpu", "threads": 1, **fields})
            return project.runs.create(job).path

    def run(self, kind: str, *, code: int = 0, **fields: Any) -> Any:
        """Runs a job and gives its result record; the exit code is asserted."""
        path = self.prepare(kind, **fields)
        found = run_folder(path)
        log = (path / "traceback.txt").read_text() if (path / "traceback.txt").exists() else ""
        assert found == code, log
        data = self.result(path)
        return RESULTS[kind].model_validate(data) if data is not None else path

    def result(self, path: Path) -> dict[str, Any] | None:
        """The result of a run folder."""
        with Project.open(self.folder, read_only=True) as project:
            return project.runs.get(path.name).result()

    def split(self, **fields: Any) -> Any:
        """Profile is not needed; the split is."""
        return self.run("split", phase="data", **{"policy": "stratified", **fields})
