"""What exports of every wing share: the parity measure, refusals, sizes, texts, the bundle."""

import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from phasewise.records.errors import UsageError
from phasewise.records.results.verify import ExportedFile
from phasewise.stats.predictions import Predictions

TOLERANCE = 1e-4
PARITY_ROWS = 100
OPSET = 18


def made(formats: list[str], makers: dict[str, Callable[[Any], ExportedFile]], work: Any) -> list[ExportedFile]:
    """Each format once; a `UsageError` for an unknown one."""
    unknown = [f for f in formats if f not in makers]
    if unknown:
        raise UsageError(f"unknown export format {unknown[0]!r}", "", f"Choose from {', '.join(makers)}.")
    return [makers[f](work) for f in dict.fromkeys(formats)]


def text_of(name: str) -> str:
    """A text file of the package that exports carry."""
    return resources.files("phasewise").joinpath("content", "export", name).read_text(encoding="utf-8")


def difference(a: Predictions, b: np.ndarray) -> float:
    """Largest difference to the original: of probabilities, or of values relative to max(1, |value|)."""
    if a.task == "regression":
        values = np.asarray(a.values)
        return float(np.max(np.abs(values - b.reshape(-1)) / np.maximum(1, np.abs(values)), initial=0.0))
    return float(np.max(np.abs(a.proba - b), initial=0.0))


def size_of(path: Path) -> int:
    """Bytes of a file or a folder."""
    return path.stat().st_size if path.is_file() else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def refused(format_id: str, why: str) -> ExportedFile:
    """A format that the model cannot have, with the reason."""
    return ExportedFile(format=format_id, path="", size=0, ok=False, note=why)


def bundle(source: Path, output: Path, load: Callable[[Path], Any], table: Any, readme: str) -> ExportedFile:
    """The model folder, a script that predicts with it, and a page that says what it is; loaded again and compared."""
    target = output / "bundle"
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target / "model")
    (target / "predict.py").write_text(text_of("predict_script.txt"), encoding="utf-8")
    (target / "README.md").write_text(readme, encoding="utf-8")
    again = load(target / "model").predict(table)
    gap = difference(load(source).predict(table), again.values if again.proba is None else again.proba)
    return ExportedFile(format="bundle", path=str(target), size=size_of(target), parity=gap, rows=len(table), ok=gap <= TOLERANCE)
