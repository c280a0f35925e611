"""A project whose jobs run in this process, and the small sets of the evidence."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from phasewise.project.folder import Project
from phasewise.records.jobs import DataView, parse_job
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
from phasewise.records.results import RESULTS
from phasewise.worker.main import run_folder

DATA = Path(os.environ.get("PHASEWISE_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
WEIGHTS = DATA / "weights" / "mobilenetV1X0.25_pretrain.tar"


class Bench:
    """Runs jobs on a folder of pictures in a scratch project."""

    def __init__(self, data: Path, *, metric: str = "accuracy", weights: bool = False, **reading: Any) -> None:
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name) / "project"
        options = {"weights": str(WEIGHTS)} if weights else {}
        self.view = DataView(kind="images", file=str(data), target="label", metric=metric, options=options, reading=reading)
        with Project.create(self.folder, "evidence"):
            pass

    def run(self, kind: str, **fields: Any) -> Any:
        """A job's result record."""
        with Project.open(self.folder) as project:
            job = parse_job({"kind": kind, "phase": "train", "data": self.view.model_dump(), "device": "cpu", **fields})
            path = project.runs.create(job).path
        code = run_folder(path)
        if code:
            raise SystemExit((path / "engine.log").read_text()[-2000:] if (path / "engine.log").exists() else f"{kind} failed: {code}")
        with Project.open(self.folder, read_only=True) as project:
            return RESULTS[kind].model_validate(project.runs.get(path.name).result())


def config(family: str, *, options: dict[str, Any] | None = None, prepare: dict[str, Any] | None = None, batch_norm: bool = True, **train: Any) -> dict[str, Any]:
    """A model config as a job carries it."""
    spec = NetworkSpec(family=family, batch_norm=batch_norm, options=options or {})
    made = TrainSpec(**{"optimizer": "adamw", "lr": 4e-3, "schedule": "one_cycle", "weight_decay": 0.01, "batch_size": 32, "epochs": 15, **train})
    return ModelConfig(network=spec, train=made, prepare=prepare or {}).model_dump()


def digits(folder: Path, rows: int = 1500, seed: int = 0) -> Path:
    """scikit-learn's digits as class folders of 16 px pictures."""
    from PIL import Image
    from sklearn.datasets import load_digits

    found = load_digits()
    for i in np.random.default_rng(seed).permutation(len(found.target))[:rows]:
        place = folder / str(found.target[i])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((found.images[i] * 15.9).astype(np.uint8)).resize((16, 16)).save(place / f"{i}.png")
    return folder
