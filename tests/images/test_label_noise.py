"""Wrong labels among pictures (I15): named where two kinds of model agree, silent where pictures are merely hard."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from phasewise.kinds.images import checks_labels


def _table(images: np.ndarray, y: np.ndarray) -> SimpleNamespace:
    dev = SimpleNamespace(
        pixels=lambda: images, y=y, classes=[str(c) for c in range(int(y.max()) + 1)], weights="", held={},
        table=pl.DataFrame({"path": [f"{i}.png" for i in range(len(y))], "__row__": np.arange(len(y))}),
    )
    return SimpleNamespace(subject=dev, seed=0)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    images, y = load_digits(return_X_y=True)
    return (images.reshape(-1, 8, 8, 1).repeat(2, 1).repeat(2, 2) * 15.9).astype(np.uint8), y


def _flipped(y: np.ndarray, share: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    hit = rng.random(len(y)) < share
    return np.where(hit, (y + rng.integers(1, 10, len(y))) % 10, y)


def test_changed_labels_are_named_and_untouched_ones_are_not():
    images, y = _digits()
    clean = checks_labels.label_noise(_table(images, y))
    assert [f.severity for f in clean] in ([], ["info"])
    noisy = checks_labels.label_noise(_table(images, _flipped(y, 0.08)))
    assert [f.severity for f in noisy] == ["warn"]
    assert noisy[0].numbers["share"] == pytest.approx(0.08, abs=0.03)
    assert next(r for r in noisy[0].remedies if r.recommended).action == "review-labels"


def test_hard_pictures_are_not_called_wrong():
    """Half of the pictures are noise: models are unsure, often wrong and sometimes sure, but no label was changed."""
    images, y = _digits()
    rng = np.random.default_rng(0)
    hidden = rng.random(len(y)) < 0.5
    images = np.where(hidden[:, None, None, None], rng.integers(0, 256, images.shape), images).astype(np.uint8)
    assert all(f.severity == "info" for f in checks_labels.label_noise(_table(images, y)))
