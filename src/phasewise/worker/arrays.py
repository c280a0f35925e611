"""Predictions on development rows, kept per run in `arrays/<name>.npz` for paired comparisons; never of test rows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phasewise.records.errors import RunError
from phasewise.stats.predictions import Predictions, encode


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Predictions [n] with the row numbers of the development table they belong to and the truth."""

    rows: np.ndarray
    y: np.ndarray
    predictions: Predictions

    def at(self, rows: np.ndarray) -> "Stored":
        """The same for some row numbers in the order given; KeyError when one is missing."""
        where = {int(r): i for i, r in enumerate(self.rows)}
        index = np.array([where[int(r)] for r in rows], dtype=np.int64)
        return Stored(rows=np.asarray(rows), y=self.y[index], predictions=self.predictions.take(index))


def save(folder: Path, name: str, *, rows: np.ndarray, y: np.ndarray, predictions: Predictions) -> Path:
    """Write `<folder>/<name>.npz`: `rows` int64 [n], `y` (class index or value) [n], `proba` [n, k] or `values` [n], `classes`, `task`."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = np.asarray(y, float) if predictions.task == "regression" else encode(y, predictions.classes)
    arrays: dict[str, np.ndarray] = {
        "rows": np.asarray(rows, np.int64), "y": truth, "task": np.array(predictions.task), "classes": np.array(predictions.classes, dtype=str),
    }
    if predictions.proba is not None:
        arrays["proba"] = np.asarray(predictions.proba, np.float32)
    else:
        arrays["values"] = np.asarray(predictions.values, np.float64)
    path = folder / f"{name}.npz"
    part = folder / f".{name}.part.npz"
    np.savez(part, **arrays)
    part.replace(path)
    return path


def load(folder: Path, name: str) -> Stored:
    """Read what `save` wrote; a RunError names the file when it is missing or not ours."""
    path = folder / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as held:
            task = str(held["task"])
            predictions = Predictions(
                task=task, classes=tuple(str(c) for c in held["classes"]),
                proba=held["proba"].astype(float) if "proba" in held else None, values=held["values"] if "values" in held else None,
            )
            return Stored(rows=held["rows"], y=held["y"], predictions=predictions)
    except (OSError, KeyError, ValueError) as err:
        raise RunError(f"the stored predictions of {name!r} cannot be read", f"{path.name}: {err}", "Run the job that made this model again.") from err
