"""How a picture looks in a terminal: half blocks, two pixels a cell, as plain text with colours in 24 bits."""

from pathlib import Path

import numpy as np

from phasewise.records.text import safe_text


def thumbnail(pixels: np.ndarray, width: int = 24) -> list[list[tuple[tuple[int, int, int], tuple[int, int, int]]]]:
    """Rows of (upper colour, lower colour) cells for a uint8 array (channels, height, width)."""
    channels, height, wide = pixels.shape
    cells = min(width, wide)
    rows = max(2, round(height * cells / wide)) // 2 * 2
    picked = pixels[:, np.linspace(0, height - 1, rows).round().astype(int)][:, :, np.linspace(0, wide - 1, cells).round().astype(int)]
    colour = np.repeat(picked, 3, 0) if channels == 1 else picked[:3]
    lines = colour.transpose(1, 2, 0)
    return [[(tuple(map(int, top)), tuple(map(int, low))) for top, low in zip(lines[i], lines[i + 1], strict=True)] for i in range(0, rows, 2)]  # type: ignore[misc]


def row(frame, position: int) -> list[str]:  # noqa: ANN001
    """What identifies a picture in a list: its path and its size."""
    record = frame.row(position, named=True)
    return [safe_text(Path(str(record.get("path", ""))).as_posix(), 80), f"{record.get('width', '?')}x{record.get('height', '?')}"]
