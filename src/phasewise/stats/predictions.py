"""What a model says about rows, in one shape for all models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phasewise.records.metrics import Task


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions for n rows.

    `classes` are the class names in column order (empty for regression); for a binary task `classes[1]` is the
    positive class. `proba` [n, k] float, rows sum to 1 (classification); `values` [n] float (regression).
    """

    task: Task
    classes: tuple[str, ...] = ()
    proba: np.ndarray | None = None
    values: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of rows."""
        held = self.values if self.proba is None else self.proba
        return 0 if held is None else len(held)

    def labels(self, threshold: float | None = None) -> np.ndarray:
        """Class indices [n]: `proba[:, 1] >= threshold` for a binary task with a threshold, else the largest probability."""
        if self.proba is None:
            raise ValueError("a regression has no labels")
        if threshold is not None and self.proba.shape[1] == 2:
            return (self.proba[:, 1] >= threshold).astype(np.int64)
        return self.proba.argmax(axis=1)

    def names(self, threshold: float | None = None) -> list[str]:
        """Class names [n] of `labels`."""
        return [self.classes[i] for i in self.labels(threshold)]

    def take(self, rows: np.ndarray) -> "Predictions":
        """The predictions of some rows (indices or mask)."""
        return Predictions(
            task=self.task,
            classes=self.classes,
            proba=None if self.proba is None else self.proba[rows],
            values=None if self.values is None else self.values[rows],
        )


def encode(y: Sequence | np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Class indices [n] of labels given as indices or as class names; an unknown name is a `ValueError`."""
    array = np.asarray(y)
    if array.dtype.kind in "iub":
        return array.astype(np.int64)
    if array.dtype.kind == "f" and np.all(array == np.floor(array)):
        return array.astype(np.int64)
    index = {str(c): i for i, c in enumerate(classes)}
    try:
        return np.fromiter((index[str(v)] for v in array), dtype=np.int64, count=len(array))
    except KeyError as err:
        raise ValueError(f"label {err.args[0]!r} is not among the classes") from None
