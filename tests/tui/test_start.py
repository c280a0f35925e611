"""What is loaded before the first paint, and which rooms the app's modules may name."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TUI = Path(__file__).resolve().parents[2] / "src" / "phasewise" / "tui"
HEAVY = ("torch", "sklearn", "scipy", "skops", "polars", "plotext", "numpy", "pydantic", "markdown_it")


def loaded(code: str) -> set[str]:
    out = subprocess.run([sys.executable, "-c", code + "\nimport sys; print(' '.join(sys.modules))"], capture_output=True, text=True, check=True, timeout=60)
    return set(out.stdout.split())


@pytest.mark.parametrize("screen", ["main", "start"])
def test_nothing_heavy_is_loaded_before_the_first_paint(screen):
    modules = loaded(f"import phasewise.tui.app, phasewise.tui.screens.{screen}, phasewise.tui.themes")
    assert not [m for m in HEAVY if m in modules]
    assert len(modules) <= 430


def test_the_keys_can_be_listed_without_textual():
    modules = loaded("from phasewise.tui.keys import listing; assert listing()")
    assert "textual" not in modules


def test_only_plot_knows_plotext_and_nobody_knows_the_machinery():
    for path in TUI.rglob("*.py"):
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {a.name for a in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
        assert path.name == "plot.py" or not any(n.startswith("plotext") for n in names), path
        assert not any(n.startswith(("phasewise.engine", "phasewise.worker", "phasewise.kinds", "torch")) for n in names), path
