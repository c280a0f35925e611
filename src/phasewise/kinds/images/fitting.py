"""How pictures become equal arrays: side, channels, crop or pad or squash."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from phasewise.kinds.images import decode

DEFAULT_SIDE = 128
SMALL_SIDE = 64
DEPTHS = (1, 255, 1023, 4095, 16383, 65535)
"""Levels that count as white in deep grey: fractions, and 8 to 16 bits."""


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """How pictures become equal arrays: side in pixels, channels 1 or 3, and `crop`, `pad` or `squash`."""

    size: int
    channels: int
    resize: str = "crop"
    white: int = 0
    """Level of deep grey (16 or 32 bit) that is white: the smallest depth that holds every picture looked at; 0 for what the file could hold."""

    def changed(self, options: Mapping[str, Any]) -> "Fitting":
        """With `image_size`, `channels` or `resize` of some options in place of its own."""
        return Fitting(
            size=int(options.get("image_size") or self.size), channels=int(options.get("channels") or self.channels), resize=str(options.get("resize") or self.resize), white=self.white,
        )

    @property
    def mark(self) -> str:
        """A short name, for files that hold arrays fitted this way."""
        return f"{self.size}x{self.channels}-{self.resize}" + (f"-{self.white}" if self.white else "")


def white_of(brightest: float) -> int:
    """Cameras and scanners keep 10, 12 or 14 bits in files of 16: what they call white, from the highest level seen; 0 where no deep grey was seen."""
    return next((level for level in DEPTHS if 0 < brightest <= level), DEPTHS[-1] if brightest else 0)


def fitting_of(reading: Mapping[str, Any], sides: list[tuple[int, int]], modes: list[str], brightest: float = 0.0) -> Fitting:
    """The reading's wishes, else native size for small pictures and 128 px for large ones; grey only when all are grey. `brightest` is the highest level of deep grey seen."""
    middle = int(np.median([min(s) for s in sides])) if sides else DEFAULT_SIDE
    size = int(reading.get("image_size") or 0) or (middle if middle <= SMALL_SIDE else DEFAULT_SIDE)
    grey = bool(modes) and all(m in ("L", "1", "I;16", "I;16B", "I", "F", "LA") for m in modes)
    return Fitting(size=size, channels=int(reading.get("channels") or (1 if grey else 3)), resize=str(reading.get("resize") or "crop"), white=int(reading["white"]) if "white" in reading else white_of(brightest))


def refit(images: np.ndarray, fitting: Fitting) -> np.ndarray:
    """Arrays (n, h, w, c) uint8 at the fitting's size and channels; unchanged when they fit already."""
    n, height, width, channels = images.shape
    out = images
    if channels != fitting.channels:
        out = np.repeat(out, 3, 3) if fitting.channels == 3 else out.mean(3, keepdims=True).astype(np.uint8)
    if (height, width) != (fitting.size, fitting.size):
        from PIL import Image

        def one(array: np.ndarray) -> np.ndarray:
            return decode.fit(Image.fromarray(array[..., 0] if fitting.channels == 1 else array), fitting.size, fitting.channels, fitting.resize)

        out = np.stack([one(array) for array in out]) if n else np.zeros((0, fitting.size, fitting.size, fitting.channels), np.uint8)
    return out
