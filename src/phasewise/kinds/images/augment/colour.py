"""What pixels look like: brightness, contrast, saturation, hue, blur, erasing (R06, R07); per sample, seeded, in [0, 1]."""

import torch
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)


def _factor(n: int, amount: float, generator: torch.Generator | None, device: torch.device) -> torch.Tensor:
    return torch.empty(n, 1, 1, 1, device=device).uniform_(1 - amount, 1 + amount, generator=generator)


def _grey(images: torch.Tensor) -> torch.Tensor:
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    weights = torch.tensor(LUMA, dtype=images.dtype).to(images.device, non_blocking=True)[None, :, None, None]  # a GPU is not waited for
    return (images * weights).sum(1, keepdim=True)


def brightness(images: torch.Tensor, generator: torch.Generator | None, amount: float = 0.2) -> torch.Tensor:
    """Each image times a factor in [1 - amount, 1 + amount]."""
    return (images * _factor(len(images), amount, generator, images.device)).clamp(0, 1)


def contrast(images: torch.Tensor, generator: torch.Generator | None, amount: float = 0.2) -> torch.Tensor:
    """Each image stretched about its own mean grey."""
    middle = _grey(images).mean((1, 2, 3), keepdim=True)
    return ((images - middle) * _factor(len(images), amount, generator, images.device) + middle).clamp(0, 1)


def saturation(images: torch.Tensor, generator: torch.Generator | None, amount: float = 0.2) -> torch.Tensor:
    """Each image moved between its grey version and itself; grey images pass unchanged."""
    if images.shape[1] != 3:
        return images
    grey = _grey(images)
    return ((images - grey) * _factor(len(images), amount, generator, images.device) + grey).clamp(0, 1)


def hue(images: torch.Tensor, generator: torch.Generator | None, amount: float = 0.05) -> torch.Tensor:
    """Colours turned about the grey axis by +-amount of a full turn (linear rotation in YIQ); 0 is the identity."""
    if images.shape[1] != 3 or amount == 0:
        return images
    n, device = len(images), images.device
    yiq = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    to_yiq, back = (m.to(device, non_blocking=True) for m in (yiq, torch.linalg.inv(yiq)))
    angle = torch.empty(n, device=device).uniform_(-amount, amount, generator=generator) * (2 * torch.pi)
    turn = torch.zeros(n, 3, 3, device=device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = torch.cos(angle)
    turn[:, 1, 2], turn[:, 2, 1] = -torch.sin(angle), torch.sin(angle)
    matrix = back @ turn @ to_yiq
    return torch.einsum("nij,njhw->nihw", matrix, images).clamp(0, 1)


def blur(images: torch.Tensor, generator: torch.Generator | None, p: float = 0.5, sigma: tuple[float, float] = (0.1, 2.0), kernel: int = 0) -> torch.Tensor:
    """Gaussian blur with its own sigma per image, applied with probability `p`; kernel 3 up to 64 px, else 7."""
    n, channels, height, width = images.shape
    size = kernel or (3 if max(height, width) <= 64 else 7)
    spread = torch.empty(n, 1, device=images.device).uniform_(*sigma, generator=generator)
    chosen = torch.empty(n, device=images.device).uniform_(0, 1, generator=generator) < p
    offset = torch.arange(size, device=images.device) - (size - 1) / 2
    line = torch.exp(-0.5 * (offset[None] / spread) ** 2)
    line = line / line.sum(1, keepdim=True)
    delta = (offset == 0).to(line.dtype)[None].expand_as(line)
    line = torch.where(chosen[:, None], line, delta)
    flat = images.reshape(1, n * channels, height, width)
    taps = line.repeat_interleave(channels, 0)
    half = size // 2
    flat = F.conv2d(F.pad(flat, (half, half, 0, 0), mode="reflect"), taps[:, None, None, :], groups=n * channels)
    flat = F.conv2d(F.pad(flat, (0, 0, half, half), mode="reflect"), taps[:, None, :, None], groups=n * channels)
    return flat.reshape(n, channels, height, width)


def erase(images: torch.Tensor, generator: torch.Generator | None, p: float = 0.5, area: tuple[float, float] = (0.02, 0.2)) -> torch.Tensor:
    """A random rectangle of each image set to the image's mean with probability `p` (arXiv 1708.04896)."""
    n, _, height, width = images.shape
    device = images.device
    share = torch.empty(n, device=device).uniform_(*area, generator=generator)
    aspect = torch.exp(torch.empty(n, device=device).uniform_(-1.0, 1.0, generator=generator))
    high = (share * aspect).sqrt().clamp(max=1) * height
    wide = (share / aspect).sqrt().clamp(max=1) * width
    top = torch.rand(n, generator=generator, device=device) * (height - high)
    left = torch.rand(n, generator=generator, device=device) * (width - wide)
    chosen = torch.rand(n, generator=generator, device=device) < p
    rows = torch.arange(height, device=device)[None, :, None]
    cols = torch.arange(width, device=device)[None, None, :]
    inside = (rows >= top[:, None, None]) & (rows < (top + high)[:, None, None]) & (cols >= left[:, None, None]) & (cols < (left + wide)[:, None, None])
    inside = (inside & chosen[:, None, None])[:, None]
    return torch.where(inside, images.mean((2, 3), keepdim=True), images)
