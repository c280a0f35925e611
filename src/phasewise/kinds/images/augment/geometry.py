"""Where pixels go: flips, crops, rotation; every draw is per sample and from the given generator (R05, R08).

All functions take float images (n, c, h, w) in [0, 1] and return the same shape; the label is never touched.
"""

import math

import torch
from torch.nn import functional as F


def _draw(n: int, low: float, high: float, generator: torch.Generator | None, device: torch.device) -> torch.Tensor:
    return torch.empty(n, device=device).uniform_(low, high, generator=generator)


def flip(images: torch.Tensor, generator: torch.Generator | None, p: float = 0.5, *, vertical: bool = False) -> torch.Tensor:
    """Left-right mirror (or up-down) of each image with probability `p`."""
    chosen = _draw(len(images), 0, 1, generator, images.device) < p
    return torch.where(chosen[:, None, None, None], images.flip(2 if vertical else 3), images)


def pad_crop(images: torch.Tensor, generator: torch.Generator | None, pad: int = 4, mode: str = "reflect") -> torch.Tensor:
    """Pad by `pad` pixels, cut a window of the old size at a random place, one gather for the whole batch."""
    n, _, h, w = images.shape
    padded = F.pad(images, (pad, pad, pad, pad), mode=mode)
    top = torch.randint(0, 2 * pad + 1, (n,), generator=generator, device=images.device)
    left = torch.randint(0, 2 * pad + 1, (n,), generator=generator, device=images.device)
    rows = top[:, None] + torch.arange(h, device=images.device)
    cols = left[:, None] + torch.arange(w, device=images.device)
    index = torch.arange(n, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows[:, :, None], cols[:, None, :]].permute(0, 3, 1, 2).contiguous()


def affine(
    images: torch.Tensor, generator: torch.Generator | None, *, degrees: float = 0.0, scale: tuple[float, float] = (1.0, 1.0),
    shift: float = 0.0, shear: float = 0.0,
) -> torch.Tensor:
    """Rotation in +-degrees, zoom, shift (share of the side) and shear (degrees) in one resampling."""
    n, device = len(images), images.device
    angle = _draw(n, -degrees, degrees, generator, device) * (math.pi / 180)
    zoom = 1.0 / _draw(n, scale[0], scale[1], generator, device)
    lean = torch.tan(_draw(n, -shear, shear, generator, device) * (math.pi / 180))
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    ratio = images.shape[3] / images.shape[2]
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 0, 1] = cos, (-sin + lean * cos) / ratio
    theta[:, 1, 0], theta[:, 1, 1] = sin * ratio, cos + lean * sin
    theta[:, 0, 2] = _draw(n, -2 * shift, 2 * shift, generator, device)
    theta[:, 1, 2] = _draw(n, -2 * shift, 2 * shift, generator, device)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def resized_crop(images: torch.Tensor, generator: torch.Generator | None, scale: tuple[float, float] = (0.35, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3)) -> torch.Tensor:
    """A random window of `scale` of the area and `ratio` of the sides, resized to the old size (large pictures)."""
    n, device = len(images), images.device
    area = _draw(n, scale[0], scale[1], generator, device)
    aspect = torch.exp(_draw(n, math.log(ratio[0]), math.log(ratio[1]), generator, device))
    wide = (area * aspect).sqrt().clamp(max=1.0)
    high = (area / aspect).sqrt().clamp(max=1.0)
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 1, 1] = wide, high
    theta[:, 0, 2] = (1 - wide) * _draw(n, -1, 1, generator, device)
    theta[:, 1, 2] = (1 - high) * _draw(n, -1, 1, generator, device)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def dihedral(images: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    """One of the eight symmetries of the square per image (top-down pictures; needs height = width)."""
    out = flip(images, generator)
    turns = torch.randint(0, 4, (len(images),), generator=generator, device=images.device)
    for quarter in (1, 2, 3):
        chosen = (turns == quarter)[:, None, None, None]
        out = torch.where(chosen, torch.rot90(out, quarter, (2, 3)), out)
    return out
