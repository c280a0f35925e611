"""From pictures to arrays: fitted pixels, or features of a frozen pretrained network; frozen, stored as JSON (D07, N01)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.images import pixels
from phasewise.kinds.images.development import Development
from phasewise.kinds.images.fitting import Fitting
from phasewise.records.errors import UsageError
from phasewise.records.jobs import DataView

VERSION = 1
WEIGHTS_SIDE = 224
"""Side that pretrained networks expect (the yardstick of the given weights: 224)."""
OPTIONS = ("image_size", "channels", "resize", "features", "minority")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Class names in order."""

    name: str
    task: str
    classes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, eq=False)
class Preparing:
    """`transform(table)` -> `{"image": uint8 (n, C, H, W)}`, or `{"num": float32 (n, d)}` of standardised frozen features."""

    target: Target
    fitting: Fitting
    features: bool = False
    mean: list[float] = field(default_factory=list)
    """Per channel in [0, 1], or per feature."""
    std: list[float] = field(default_factory=list)
    chance: list[float] = field(default_factory=list)
    """Chance of augmentation per class (D14), or empty for always."""
    options: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    backbone: Any = None
    """Frozen network of the features (a torch module), carried beside the JSON."""

    @property
    def outputs(self) -> int:
        """Output units of a network: one for two classes."""
        return 1 if self.target.task == "binary" else len(self.target.classes)

    @property
    def roles(self) -> dict[str, str]:
        """Inputs and their roles."""
        return {"image": "image"}

    def transform(self, table: pl.DataFrame) -> dict[str, np.ndarray]:
        """Arrays of every row of a table of pictures."""
        return self.arrays(pixels.gather(table, self.fitting))

    def arrays(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """The same from pixels (n, size, size, channels)."""
        if not self.features:
            return {"image": np.ascontiguousarray(images.transpose(0, 3, 1, 2))}
        from phasewise.kinds.images import transfer

        raw = transfer.features(self.backbone, images)
        return {"num": self.scaled(raw)}

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """Features (n, d) standardised by the training rows."""
        return ((raw - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)).astype(np.float32)

    def to_json(self) -> str:
        """Everything but the frozen network."""
        return json.dumps({
            "version": VERSION, "target": vars(self.target), "fitting": vars(self.fitting), "features": self.features, "mean": self.mean, "std": self.std,
            "chance": self.chance, "options": self.options, "rows": self.rows,
        })

    @staticmethod
    def from_json(text: str, backbone: Any = None) -> "Preparing":
        """What `to_json` wrote; ValueError, KeyError or TypeError when it is damaged."""
        held = json.loads(text)
        if held.pop("version", 0) > VERSION:
            raise ValueError("written by a newer Phasewise")
        return Preparing(target=Target(**held.pop("target")), fitting=Fitting(**held.pop("fitting")), backbone=backbone, **held)


def fit(dev: Development, rows: np.ndarray, view: DataView, options: Mapping[str, Any] | None = None) -> Preparing:
    """Statistics of some development rows (positions, int array) and nothing else.

    Options: `image_size`, `channels`, `resize`, `features` (frozen features of the weights that the view names), `minority` (augment
    rare classes more, D14). Raises `UsageError` for validation rows (D09) or features without weights.
    """
    chosen = {k: v for k, v in (options or {}).items() if k in OPTIONS and v not in (None, False)}
    rows = np.asarray(rows, np.int64)
    if dev.folds is None and not np.isin(rows, dev.train).all():
        raise UsageError("a preparation is fitted on training rows only", f"{int((~np.isin(rows, dev.train)).sum()):,} of the {len(rows):,} rows are validation rows.", "Fit on training rows; apply the result everywhere.")
    target = Target(name=dev.target, task=dev.task, classes=list(dev.classes))
    if chosen.get("features"):
        return _of_features(dev, rows, target, chosen)
    fitting = dev.fitting.changed(chosen)
    mean, std = channel_statistics(dev.pixels(fitting), rows)
    return Preparing(target=target, fitting=fitting, mean=mean, std=std, chance=_chances(dev, rows) if chosen.get("minority") else [], options=chosen, rows=len(rows))


def _of_features(dev: Development, rows: np.ndarray, target: Target, chosen: dict[str, Any]) -> Preparing:
    from phasewise.kinds.images import transfer

    if not dev.weights:
        raise UsageError("no pretrained weights are given", "Frozen features need a weights file.", "Name one (approach.weights_file), or train from scratch.")
    network = transfer.backbone(dev.weights, dev.network)
    said = network.said
    side = network.side if network.fixed else int(chosen.get("image_size") or (said and said.side) or WEIGHTS_SIDE)
    fitting = Fitting(size=side, channels=3, resize=str(chosen.get("resize") or (said and said.resize) or dev.fitting.resize), white=dev.fitting.white)
    empty = Preparing(target=target, fitting=fitting, features=True, options=chosen, rows=len(rows), backbone=network)
    raw = transfer.of_development(dev, empty)[rows]
    std = raw.std(0)
    return replace(empty, mean=[float(v) for v in raw.mean(0)], std=[float(v) if v > 1e-6 else 1.0 for v in std])


def channel_statistics(images: np.ndarray, rows: np.ndarray, limit: int = 5000) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel in [0, 1] over (at most `limit`, evenly taken) rows."""
    picked = rows[:: max(1, len(rows) // limit)]
    total, square, count = np.zeros(images.shape[3]), np.zeros(images.shape[3]), 0
    for part in np.array_split(np.sort(picked), max(1, len(picked) // 256)):
        block = images[part].reshape(-1, images.shape[3]).astype(np.float64) / 255
        total, square, count = total + block.sum(0), square + (block**2).sum(0), count + len(block)
    mean = total / max(count, 1)
    std = np.sqrt(np.maximum(square / max(count, 1) - mean**2, 0))
    return [float(v) for v in mean], [float(v) if v > 1e-4 else 1.0 for v in std]


def _chances(dev: Development, rows: np.ndarray) -> list[float]:
    """The common class is left as it is half of the time less than the rare one: share missing to the majority, at least a tenth (D14)."""
    counts = np.maximum(np.bincount(dev.y[rows], minlength=len(dev.classes)), 1)
    return [float(max(0.1, 1 - c / counts.max())) for c in counts]
