"""The form of the house: file sizes, torch-free rooms, no pickle."""

import ast
import statistics
from pathlib import Path

SRC = Path(__file__).resolve().parents[2] / "src" / "phasewise"
TORCH_FREE = ("cli", "tui", "workflow", "project", "records", "checks", "stats", "report", "content")
BANNED = {"pickle", "joblib", "dill", "shelve", "marshal", "cloudpickle"}


def _files() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(a.name.split(".")[0] for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_no_file_is_over_400_lines_and_the_median_is_under_150():
    sizes = {p: len(p.read_text().splitlines()) for p in _files()}
    over = {str(p.relative_to(SRC)): n for p, n in sizes.items() if n > 400}
    assert not over
    assert statistics.median(sizes.values()) < 150


def test_torch_stays_out_of_the_person_side():
    bad = [p for room in TORCH_FREE for p in (SRC / room).rglob("*.py") if "torch" in _imports(p)]
    assert bad == []


def test_nothing_unpickles():
    bad = {str(p.relative_to(SRC)): _imports(p) & BANNED for p in _files() if _imports(p) & BANNED}
    assert bad == {}
