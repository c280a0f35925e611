"""Development rows as every job sees them: training and validation, never test."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from phasewise.records.metrics import Task

ROW = "__row__"
"""The column that holds a row's number in its source."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Development:
    """Development rows: training and validation, never test.

    `table` [n] holds every column with remedies and casts applied (row number and target included); `natural` [n] the
    same rows before casts (what checks look at). `y` [n] is a class index int64 or a value float64. `train` and
    `validation` are positions in `table`; under cross-validation `folds` [n] holds fold ids, `fold_repeats` [n, 5] those of
    all repeats, and fold 0 stands in as `validation`. `clusters` [n] numbers rows that belong together.
    """

    table: pl.DataFrame
    y: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    task: Task
    classes: tuple[str, ...] = ()
    folds: np.ndarray | None = None
    fold_repeats: np.ndarray | None = None
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None
    clusters: np.ndarray | None = None
    natural: pl.DataFrame = field(default_factory=pl.DataFrame)
    roles: dict[str, str] = field(default_factory=dict)
    """Effective role of every column but target and row number."""
    formats: dict[str, str] = field(default_factory=dict)
    target: str = ""
    split: dict[str, Any] = field(default_factory=dict)
    """What `splits/split.json` says."""
    beyond: Any = None
    """Of a table larger than memory: the training rows in its file, of which `train` is a sample (`kinds.tabular.large.Beyond`)."""

    @property
    def rows(self) -> np.ndarray:
        """Row numbers in the source file, int64 [n]."""
        return self.table[ROW].to_numpy().astype(np.int64)

    @property
    def features(self) -> list[str]:
        """Input columns: every role but `ignore`, never the target."""
        present = set(self.table.columns)
        return [c for c, r in self.roles.items() if r != "ignore" and c in present]

    def rounds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(train, validation) positions: one pair, or one per fold."""
        if self.folds is None:
            return [(self.train, self.validation)]
        return [(np.flatnonzero(self.folds != f), np.flatnonzero(self.folds == f)) for f in range(int(self.folds.max()) + 1)]
