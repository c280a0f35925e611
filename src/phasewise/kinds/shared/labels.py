"""The target in numbers, whatever the rows are."""

from dataclasses import dataclass

import numpy as np

from phasewise.records.metrics import Task


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The target in numbers: class indices int64 [n] (-1 missing) or values float64 [n] (NaN missing)."""

    task: Task
    classes: tuple[str, ...]
    y: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Boolean mask of rows with a label."""
        return self.y >= 0 if self.task != "regression" else np.isfinite(self.y)
