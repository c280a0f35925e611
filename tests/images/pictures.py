"""Small made-up picture sets and a project whose jobs run in this process."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "worker_jobs"))
from bench_project import Jobs  # noqa: E402

from phasewise.records.jobs import DataView  # noqa: E402
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec  # noqa: E402

SHAPES = ("circle", "cross", "square")


def shape(kind: str, rng: np.random.Generator, side: int = 24) -> Image.Image:
    """A coloured shape on noise."""
    image = Image.fromarray(rng.integers(0, 100, (side, side, 3), dtype=np.uint8))
    draw = ImageDraw.Draw(image)
    x, y, r = (int(v) for v in (rng.integers(side // 3, side - side // 3), rng.integers(side // 3, side - side // 3), rng.integers(side // 6, side // 4)))
    colour = tuple(int(v) for v in rng.integers(140, 255, 3))
    if kind == "circle":
        draw.ellipse([x - r, y - r, x + r, y + r], fill=colour)
    elif kind == "square":
        draw.rectangle([x - r, y - r, x + r, y + r], fill=colour)
    else:
        draw.line([x - r, y, x + r, y], fill=colour, width=3)
        draw.line([x, y - r, x, y + r], fill=colour, width=3)
    return image


def shapes(root: Path, each: int = 60, kinds: tuple[str, ...] = SHAPES, seed: int = 0, side: int = 24) -> Path:
    """Class folders with `each` pictures."""
    rng = np.random.default_rng(seed)
    for kind in kinds:
        (root / kind).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            shape(kind, rng, side).save(root / kind / f"{kind[0]}{i:03d}.png")
    return root


def project(folder: Path, data: Path, **view) -> Jobs:
    """A project on a folder of pictures."""
    jobs = Jobs(folder, data, "label", "accuracy", None)
    jobs.data = DataView(kind="images", file=str(data), target="label", metric="accuracy", **view)
    return jobs


def small(family: str = "conv2", *, options: dict | None = None, prepare: dict | None = None, **train) -> ModelConfig:
    """A network that trains in seconds."""
    return ModelConfig(
        network=NetworkSpec(family=family, batch_norm=True, options={"width": 8, **(options or {})}), prepare=prepare or {},
        train=TrainSpec(**{"optimizer": "adamw", "lr": 0.01, "epochs": 8, "batch_size": 32, "schedule": "one_cycle", **train}),
    )
