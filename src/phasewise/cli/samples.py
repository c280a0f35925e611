"""Sample data that ships with scikit-learn, written as plain files; the package is found, never imported."""

import csv
import gzip
import importlib.util
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from phasewise.records.errors import UsageError

_CELLS = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry", "fractal dimension")
BREAST_CANCER = [*(f"mean {c}" for c in _CELLS), *(f"{c} error" for c in _CELLS), *(f"worst {c}" for c in _CELLS)]
WINE = ["alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids", "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline"]
IRIS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
DIABETES = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]


def names() -> list[str]:
    """All samples."""
    return list(_WRITERS)


def write(name: str, folder: Path) -> tuple[Path, str]:
    """Write a sample into a folder; returns the data file (or picture folder) and its target column."""
    if name not in _WRITERS:
        import difflib

        near = difflib.get_close_matches(name, _WRITERS, n=1, cutoff=0.4)
        raise UsageError(f"unknown demo {name!r}", f"Demos: {', '.join(_WRITERS)}.", f"Did you mean {near[0]!r}?" if near else "")
    folder.mkdir(parents=True, exist_ok=True)
    return _WRITERS[name](folder)


def _source(file: str) -> Path:
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("scikit-learn is not installed", "The demo data ships with it.", "Install Phasewise with its dependencies, or use your own data: phasewise new --data FILE")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / file


def _lines(file: str) -> Iterator[str]:
    path = _source(file)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as handle:
        yield from (line.strip() for line in handle if line.strip())


def _table(path: Path, head: list[str], rows: Iterator[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)
    return path


def _classes(file: str, columns: list[str], target: str) -> Callable[[Path], tuple[Path, str]]:
    def write_it(folder: Path) -> tuple[Path, str]:
        lines = _lines(file)
        labels = next(lines).split(",")[2:]
        rows = ([*cells[:-1], labels[int(cells[-1])]] for cells in (line.split(",") for line in lines))
        return _table(folder / f"{file.split('.')[0].removesuffix('_data')}.csv", [*columns, target], rows), target

    return write_it


def _diabetes(folder: Path) -> tuple[Path, str]:
    pairs = zip(_lines("diabetes_data_raw.csv.gz"), _lines("diabetes_target.csv.gz"), strict=True)
    rows = ([*line.split(), f"{float(value):g}"] for line, value in pairs)
    return _table(folder / "diabetes.csv", [*DIABETES, "progression"], rows), "progression"


def _digits(folder: Path) -> tuple[Path, str]:
    head = [f"pixel_{i // 8}_{i % 8}" for i in range(64)]
    rows = (line.split(",") for line in _lines("digits.csv.gz"))
    return _table(folder / "digits.csv", [*head, "digit"], ([*r[:64], r[64]] for r in rows)), "digit"


def _digit_pictures(folder: Path) -> tuple[Path, str]:
    root = folder / "digits"
    for number, line in enumerate(_lines("digits.csv.gz")):
        cells = [int(float(c)) for c in line.split(",")]
        place = root / str(cells[64])
        place.mkdir(parents=True, exist_ok=True)
        pixels = [bytes(min(255, v * 16) for v in cells[r * 8 : r * 8 + 8]) for r in range(8)]
        (place / f"{number:04d}.png").write_bytes(png(pixels))
    return root, ""


def png(rows: list[bytes]) -> bytes:
    """A grey 8-bit PNG of equally long rows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


_WRITERS: dict[str, Callable[[Path], tuple[Path, str]]] = {
    "breast_cancer": _classes("breast_cancer.csv", BREAST_CANCER, "diagnosis"),
    "wine": _classes("wine_data.csv", WINE, "cultivar"),
    "iris": _classes("iris.csv", IRIS, "species"),
    "diabetes": _diabetes,
    "digits": _digits,
    "digit-pictures": _digit_pictures,
}
