"""A bench with new rows appended: the transforms stay those of the old training rows, the new rows only join the training parts (X14)."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from phasewise.worker.bench import Bench, Stage


@dataclass(kw_only=True)
class Fed(Bench):
    """A bench whose table ends with fed rows. Validation rows, folds and preparing are those of `old`."""

    old: Bench
    fed: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """Positions of the rows that were fed."""

    @property
    def splits(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The old pairs with the fed rows in every training part."""
        return [(np.concatenate([train, self.fed]), validation) for train, validation in self.old.splits]

    def stages(self, options: Any = None) -> list[Stage]:
        """The old stages over the longer table: statistics and vocabularies are not fitted again."""
        batches = self.kind.room("batches")
        made = []
        for stage, (train, validation) in zip(self.old.stages(options), self.splits, strict=True):
            data = batches.dataset(self.dev, stage.preparing, self.device)
            made.append(Stage(fold=stage.fold, train=train, validation=validation, preparing=stage.preparing, data=data, info=batches.info(stage.preparing, data, stage.train)))
        return made


def held_out(hashes: np.ndarray, every: int = 3) -> np.ndarray:
    """Mask [n] of the rows kept to judge, by their content: the same row is on the same side in every feed."""
    mixed = (hashes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    return (mixed % np.uint64(every)) == 0


def appended(bench: Bench, tables: list[Any], ys: list[np.ndarray]) -> Fed:
    """The bench with rows appended; columns the old table has and the new ones lack are empty there."""
    import polars as pl

    dev = bench.dev
    columns = dev.table.columns
    number = int(dev.rows.max()) + 1 if len(dev.y) else 0
    parts = [dev.table]
    for table in tables:
        made = []
        for name in columns:
            if name == "__row__":
                made.append(pl.Series(name, np.arange(number, number + table.height), dtype=dev.table.schema[name]))
            elif name in table.columns:
                made.append(table[name].cast(dev.table.schema[name], strict=False))
            else:
                made.append(pl.Series(name, [None] * table.height, dtype=dev.table.schema[name]))
        parts.append(pl.DataFrame(made))
        number += table.height
    y = np.concatenate([np.asarray(dev.y), *(np.asarray(v, dtype=np.asarray(dev.y).dtype) for v in ys)])
    extra = len(y) - len(dev.y)

    def longer(values: Any, fill: Any) -> Any:
        return None if values is None else np.concatenate([np.asarray(values), fill])

    top = 0 if dev.groups is None else int(np.asarray(dev.groups).max()) + 1
    longer_dev = replace(
        dev, table=pl.concat(parts), y=y, folds=longer(dev.folds, np.full(extra, -1)), groups=longer(dev.groups, np.arange(top, top + extra)),
        fold_repeats=None, clusters=None, weights=None, beyond=None,  # of a table larger than memory the held rows and the new ones train
    )
    return Fed(kind=bench.kind, view=bench.view, dev=longer_dev, device=bench.device, metric=bench.metric, old=bench, fed=np.arange(len(dev.y), len(y)))
