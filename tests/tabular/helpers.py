"""Small projects and tables for the tests of the tabular wing."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl

from phasewise.kinds.tabular import development, splitting
from phasewise.project.folder import Project
from phasewise.records.jobs import DataView, SplitJob


def quiet(*_: object, **__: object) -> None:
    """A progress callback that says nothing."""


def view(file: Path | str, target: str = "", **more: object) -> DataView:
    """A view of a table."""
    return DataView(kind="tabular", file=str(file), target=target, **more)


def mixed(n: int = 300, seed: int = 0, task: str = "binary") -> pl.DataFrame:
    """Numbers with gaps, a category with gaps, a date, an id and a target that depends on them."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(50, 10, n), rng.exponential(3, n)
    colour = rng.choice(["red", "green", "blue"], n)
    signal = (x - 50) / 10 + (colour == "red") * 1.5 + rng.normal(0, 0.5, n)
    target: object = np.where(signal > 0.5, "yes", "no")
    if task == "multiclass":
        target = np.array(["a", "b", "c"])[np.digitize(signal, [-0.3, 0.9])]
    if task == "regression":
        target = np.round(signal * 100, 3)
    frame = pl.DataFrame({"key": [f"k{i:06d}" for i in range(n)], "x": x.round(3), "z": z.round(3), "colour": colour, "target": target})
    day = pl.Series("day", np.datetime64("2020-01-01") + rng.integers(0, 700, n)).dt.strftime("%Y-%m-%d")
    gaps = pl.Series(rng.random(n) < 0.1)
    holes = pl.Series(rng.random(n) < 0.05)
    return frame.with_columns(day, pl.when(gaps).then(None).otherwise(pl.col("x")).alias("x"), pl.when(holes).then(None).otherwise(pl.col("colour")).alias("colour")).select("key", "x", "z", "colour", "day", "target")


def project(tmp_path: Path, frame: pl.DataFrame, target: str = "target", **job: object) -> tuple[Project, DataView]:
    """A project whose table is split and sealed."""
    file = tmp_path / "data.csv"
    frame.write_csv(file)
    made = Project.create(tmp_path / "project")
    options = {"policy": "stratified", **job}
    wished = view(file, target)
    splitting.split(made, SplitJob(phase="data", data=wished, **options), quiet)
    return made, wished


def developed(tmp_path: Path, frame: pl.DataFrame, target: str = "target", **job: object) -> tuple[development.Development, DataView]:
    """The development rows of such a project."""
    made, wished = project(tmp_path, frame, target, **job)
    return development.load(made, wished), wished


def packed(path: Path, data: bytes) -> Path:
    """A gzip file."""
    path.write_bytes(gzip.compress(data))
    return path
