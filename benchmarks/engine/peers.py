"""Peers in an environment of their own: finds its Python, hands over the same rows, runs a contestant alone in a process, reads its JSON."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from phasewise.kinds.shared import allocator

HERE = Path(__file__).resolve().parent
PYTHON = HERE.parents[1] / "build" / "peers" / "tabular" / "bin" / "python"
FASTAI = HERE.parents[1] / "build" / "peers" / "fastai" / "bin" / "python"
ABSENT = "The peers' environment is absent (`make build/peers/tabular/.ok` sets it up)."
TUNED = {"MALLOC_MMAP_THRESHOLD_": str(allocator.LARGEST), "MALLOC_TRIM_THRESHOLD_": str(allocator.KEPT)}
"""glibc reads from the environment what our engine process sets for itself; torch keeps its freed memory with it."""


def there(python: Path = PYTHON) -> bool:
    """Whether an environment was made."""
    return python.exists() and (python.parents[1] / ".ok").exists()


def rows_file(x: Tensor, y: Tensor) -> Path:
    """The rows as a file both environments read; in a folder the caller's process leaves behind among temporary files."""
    path = Path(tempfile.mkdtemp(prefix="phasewise-peers-")) / "rows.npz"
    np.savez(path, x=x.numpy(), y=y.numpy())
    return path


def run(script: str, *arguments: str, ours: bool = False, tuned: bool = False, by: Path = PYTHON) -> dict[str, Any]:
    """The JSON a contestant prints last; its error output is shown where it fails. One thread."""
    env: Mapping[str, str] = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"} | (TUNED if tuned else {})
    python = sys.executable if ours else str(by)
    done = subprocess.run([python, str(HERE / script), *arguments], capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
