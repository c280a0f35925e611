"""What tells the class of a picture without showing the thing: how it was saved, its light and colour, its rim, a mark in a corner (I13).

Every signal is judged by itself and cross-fitted: a shortcut is no less one because there are others. Corners and rims are judged by a ridge
regression on their pixels, so that what is found is something at a fixed place: a watermark, a date, a frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

ROWS = 1_500
FOLDS = 5
SIDE = 16
"""Pixels of a side of what is looked at of a corner."""
FEWEST = 8
"""Pictures of a class from which on it is judged."""
SAVED = ("width", "height", "format", "mode")
LOOKS = ("brightness", "contrast", "saturation", "sharpness", "bytes")
PLACES = {(0, 0): "the upper left corner", (0, 1): "the upper edge", (0, 2): "the upper right corner", (1, 0): "the left edge", (1, 2): "the right edge", (2, 0): "the lower left corner", (2, 1): "the lower edge", (2, 2): "the lower right corner"}


@dataclass(frozen=True, kw_only=True)
class Signal:
    """How well one signal alone tells each class from the rest: areas under the ROC curve [classes] by folds it did not see, nan where a class has too few pictures, and their lower bounds."""

    name: str
    auc: np.ndarray
    low: np.ndarray
    scores: np.ndarray
    y: np.ndarray
    fold: np.ndarray

    @property
    def best(self) -> int:
        """The class that it tells best; -1 where none can be judged."""
        return int(np.nanargmax(self.auc)) if np.isfinite(self.auc).any() else -1

    def apart(self, c: int) -> float:
        """How well it tells the other classes from each other (the best of them): near 0.5 when only class `c` stands out; 0.5 where there is one other."""
        rest, others = self.y != c, [o for o in np.flatnonzero(np.isfinite(self.auc)) if o != c]
        return max((_auc(self.y[rest] == o, self.scores[rest, o], self.fold[rest]) for o in others), default=0.5) if len(others) > 1 else 0.5


def _auc(positive: np.ndarray, scores: np.ndarray, fold: np.ndarray) -> float:
    """Mean area under the ROC curve within folds; nan where no fold has both sides."""
    from scipy.stats import rankdata

    found = []
    for f in range(FOLDS):
        mine = fold == f
        p, n = int(positive[mine].sum()), int((~positive[mine]).sum())
        if p and n:
            found.append((rankdata(scores[mine])[positive[mine]].sum() - p * (p + 1) / 2) / (p * n))
    return float(np.mean(found)) if found else float("nan")


def judged(name: str, x: np.ndarray, y: np.ndarray, classes: int, fold: np.ndarray, *, strength: float = 1e-3) -> Signal:
    """A signal from its values float [n, d] by ridge regression on class indicators (as a linear discriminant), scored on folds [n] it did not see."""
    scores, target = np.zeros((len(y), classes)), np.eye(classes)[y]
    for f in range(FOLDS):
        train, test = fold != f, fold == f
        mean, std = x[train].mean(0), x[train].std(0)
        std = np.where(std > 1e-6, std, np.inf)
        a, b = (x[train] - mean) / std, (x[test] - mean) / std
        aim = target[train] - target[train].mean(0)
        if a.shape[1] <= len(a):
            scores[test] = b @ np.linalg.solve(a.T @ a + strength * len(a) * np.eye(a.shape[1]), a.T @ aim)
        else:
            scores[test] = b @ (a.T @ np.linalg.solve(a @ a.T + strength * len(a) * np.eye(len(a)), aim))
    held = np.bincount(y, minlength=classes)
    auc = np.array([_auc(y == c, scores[:, c], fold) if held[c] >= FEWEST else np.nan for c in range(classes)])
    low = auc - 1.96 * np.sqrt(np.maximum(auc * (1 - auc), 0.25 / np.maximum(held, 1)) / np.maximum(held, 1) / 2)
    return Signal(name=name, auc=auc, low=low, scores=scores, y=y, fold=fold)


def folds_of(dev: Any, rows: np.ndarray, seed: int) -> np.ndarray:
    """Fold of each row [m]; copies and groups stay together."""
    from phasewise.kinds.shared.assigning import folds_of

    cluster = np.arange(len(dev.y)) if dev.clusters is None else np.asarray(dev.clusters)
    keys = np.random.default_rng(seed).permutation(len(dev.y)).astype(np.uint64)
    return folds_of(keys[rows], dev.y[rows], np.unique(cluster[rows], return_inverse=True)[1], FOLDS, seed)


def curved(values: np.ndarray) -> np.ndarray:
    """Columns with their squares and products, float [n, d]: bands and circles become linear."""
    x = values.reshape(len(values), -1).astype(float)
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    return np.column_stack([x, *(x[:, i] * x[:, j] for i in range(x.shape[1]) for j in range(i, x.shape[1]))])


def levels(values: Sequence[Any]) -> np.ndarray:
    """Indicator columns of up to twelve frequent values, float [n, k]."""
    found, index, counts = np.unique([str(v) for v in values], return_inverse=True, return_counts=True)
    keep = np.argsort(-counts, kind="stable")[:12]
    return (index[:, None] == keep[None]).astype(float)


def colour(images: np.ndarray) -> np.ndarray:
    """Shares of red and green in the light of a picture, float [n, 2]; nothing for grey ones."""
    total = images.reshape(len(images), -1, images.shape[3]).mean(1, dtype=np.float64)
    return (total / np.maximum(total.sum(1, keepdims=True), 1))[:, :2] if images.shape[3] == 3 else np.zeros((len(images), 0))


def grain(images: np.ndarray) -> np.ndarray:
    """Logarithm of the tenth and fiftieth percentile of the differences to the neighbours, float [n, 2]: the noise of a camera, not edges."""
    grey = images.mean(3, dtype=np.float32)
    away = np.abs(4 * grey[:, 1:-1, 1:-1] - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:])
    return np.log1p(np.percentile(away.reshape(len(away), -1), (10, 50), axis=1)).T


def frame(images: np.ndarray, inset: float = 0.0) -> np.ndarray:
    """Mean and deviation of each channel along the four sides of the picture, or of what is left `inset` (share of the side) further in, float [n, 8 * channels]."""
    place = round(inset * (images.shape[1] - 1))
    inner = images[:, place : images.shape[1] - place, place : images.shape[2] - place]
    lines = [inner[:, 0], inner[:, -1], inner[:, :, 0], inner[:, :, -1]]
    return np.concatenate([np.concatenate([a.mean(1, dtype=np.float64), a.astype(np.float64).std(1)], 1) for a in lines], 1)


def patch(images: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """A quarter of the side at one of three by three places, without its mean, float32 [n, d] (at most 16 x 16 pixels a channel)."""
    side = images.shape[1]
    size = max(side // 4, min(4, side))
    starts = [(0, (side - size) // 2, side - size)[p] for p in place]
    part = images[:, starts[0] : starts[0] + size, starts[1] : starts[1] + size].astype(np.float32)
    if size > SIDE:
        edges = np.linspace(0, size, SIDE + 1).astype(int)[:-1]
        part = np.add.reduceat(np.add.reduceat(part, edges, 1), edges, 2)
    part -= part.mean((1, 2), keepdims=True)
    return part.reshape(len(part), -1)
