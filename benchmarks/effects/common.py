"""What the effect runs share: data, seeds, intervals and the words of a verdict."""

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("PHASEWISE_DATA") or ROOT.parent / "shared" / "data")
SEEDS = 10


def digits() -> tuple[Tensor, Tensor]:
    """8x8 digits as a table of 64 numbers."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return torch.tensor(data.data / 16, dtype=torch.float32), torch.tensor(data.target)


def compared(values: np.ndarray) -> str:
    """Mean of paired differences (positive is better) with its 95 % bootstrap interval and a word."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (4000, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    word = "helps" if low > 0 else "harms" if high < 0 else "no difference seen"
    return f"{values.mean():+.4f} [{low:+.4f}, {high:+.4f}] | {word}"


def lines(name: str, control: str, found: dict[str, list[float]], *, lower: bool = False) -> list[str]:
    """Rows of the table: the control first, every variant with its paired difference; `lower`: less of the score is better."""
    base, sign = np.array(found[control]), -1 if lower else 1
    out = [f"| {name} | {control} (control) | {base.mean():.4f} | | |"]
    return out + [f"| {name} | {v} | {np.mean(x):.4f} | {compared(sign * (np.array(x) - base))} |" for v, x in found.items() if v != control]
