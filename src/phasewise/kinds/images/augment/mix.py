"""Mixing two samples: mixup (arXiv 1710.09412) and cutmix (arXiv 1905.04899) as a pairing and a share per sample.

The loss of a mixed batch is `share * loss(y) + (1 - share) * loss(y[partner])`.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """A mixed batch: images, partner index and the share of the first label, shapes (n, c, h, w), (n,), (n,)."""

    images: torch.Tensor
    partner: torch.Tensor
    share: torch.Tensor


def _beta(n: int, alpha: float, generator: torch.Generator | None, device: torch.device) -> torch.Tensor:
    """Beta(alpha, alpha) draws from the given generator (torch.distributions cannot take one)."""
    shape = torch.full((2, n), alpha, device=device)
    pair = torch._standard_gamma(shape, generator=generator).clamp_min(1e-8)
    return pair[0] / pair.sum(0)


def mixup(images: torch.Tensor, generator: torch.Generator | None, alpha: float = 0.2) -> Mixed:
    """Each image blended with a random partner."""
    n = len(images)
    partner = torch.randperm(n, generator=generator, device=images.device)
    share = _beta(n, alpha, generator, images.device)
    weight = share[:, None, None, None]
    return Mixed(images=images * weight + images[partner] * (1 - weight), partner=partner, share=share)


def cutmix(images: torch.Tensor, generator: torch.Generator | None, alpha: float = 1.0) -> Mixed:
    """A rectangle of each image replaced by the partner's; the share is the exact area kept."""
    n, _, height, width = images.shape
    device = images.device
    partner = torch.randperm(n, generator=generator, device=device)
    cut = (1 - _beta(n, alpha, generator, device)).sqrt()
    mid_row = torch.rand(n, generator=generator, device=device) * height
    mid_col = torch.rand(n, generator=generator, device=device) * width
    top, bottom = (mid_row - cut * height / 2).round().clamp(0, height), (mid_row + cut * height / 2).round().clamp(0, height)
    left, right = (mid_col - cut * width / 2).round().clamp(0, width), (mid_col + cut * width / 2).round().clamp(0, width)
    rows = torch.arange(height, device=device)[None, :, None]
    cols = torch.arange(width, device=device)[None, None, :]
    inside = (rows >= top[:, None, None]) & (rows < bottom[:, None, None]) & (cols >= left[:, None, None]) & (cols < right[:, None, None])
    mixed = torch.where(inside[:, None], images[partner], images)
    share = 1 - inside.float().mean((1, 2))
    return Mixed(images=mixed, partner=partner, share=share)
