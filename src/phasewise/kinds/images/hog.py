"""Histograms of edge directions per cell, blocks normalised (Dalal & Triggs 2005), in numpy."""

import numpy as np

BINS = 9
CELLS = 8
BLOCK = 512
SIDE = 64


def features(images: np.ndarray) -> np.ndarray:
    """float32 (n, d) of uint8 (n, size, size, channels): unsigned gradient directions, 2 x 2 blocks of cells at norm 1."""
    parts = [_some(images[i : i + BLOCK]) for i in range(0, len(images), BLOCK)]
    return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)


def _some(images: np.ndarray) -> np.ndarray:
    step = max(1, images.shape[1] // SIDE)
    grey = images.mean(3, dtype=np.float32)
    if step > 1:
        side = grey.shape[1] // step
        grey = grey[:, : side * step, : side * step].reshape(len(grey), side, step, side, step).mean((2, 4))
    n, side, _ = grey.shape
    dy, dx = np.zeros_like(grey), np.zeros_like(grey)
    dx[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    dy[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    size = np.hypot(dx, dy)
    place = (np.arctan2(dy, dx) % np.pi) / np.pi * BINS
    low = np.floor(place).astype(np.int64) % BINS
    share = (place - np.floor(place)).astype(np.float32)
    cells = min(CELLS, max(2, side // 4))
    edge = np.minimum(np.arange(side) * cells // side, cells - 1)
    where = (np.arange(n)[:, None, None] * cells + edge[None, :, None]) * cells + edge[None, None, :]
    flat = np.zeros(n * cells * cells * BINS, np.float32)
    for bins, weight in ((low, size * (1 - share)), ((low + 1) % BINS, size * share)):
        flat += np.bincount((where * BINS + bins).ravel(), weights=weight.ravel(), minlength=len(flat)).astype(np.float32)
    table = flat.reshape(n, cells, cells, BINS)
    blocks = np.concatenate([table[:, :-1, :-1], table[:, 1:, :-1], table[:, :-1, 1:], table[:, 1:, 1:]], axis=3)
    blocks = blocks / np.sqrt((blocks**2).sum(3, keepdims=True) + 1e-3)
    return np.minimum(blocks, 0.2).reshape(n, -1).astype(np.float32)
