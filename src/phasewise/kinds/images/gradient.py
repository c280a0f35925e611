"""Where small changes of pixels move the answer: gradients of the predicted class's raw output, averaged over noisy copies (SmoothGrad, Smilkov et al. 2017, arXiv 1706.03825)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

DRAWS = 8
NOISE = 0.1
"""Standard deviation of the noise, as a share of white; the paper recommends 0.1 to 0.2 of the range."""


def raw_class(net: nn.Module, image: Tensor, top: int, task: str) -> Tensor:
    """Raw output (n,) that speaks for class `top`; with two classes there is one output, which speaks for class 1."""
    out = net(image)
    return (out[:, 0] if top == 1 else -out[:, 0]) if task == "binary" else out[:, top]


def saliency(members: Sequence[tuple[nn.Module, float]], image: Tensor, top: int, task: str, *, draws: int = DRAWS, noise: float = NOISE, seed: int = 0) -> Tensor:
    """Mean over draws of |gradient|, the largest channel of each pixel: float32 (H, W) for one picture (1, C, H, W) of 0 to 255.

    `members` are networks of pixels (see `scoring`) with their weights; `draws` 0 is the plain gradient, without noise.
    """
    source = torch.Generator().manual_seed(seed)
    whole = image.float()
    copies = whole + 255 * noise * torch.randn(draws, *whole.shape[1:], generator=source) if draws else whole
    copies = copies.detach().requires_grad_(True)
    with torch.enable_grad():
        total: Any = 0.0
        for net, weight in members:
            total = total + weight * raw_class(net, copies, top, task).sum()
        (slope,) = torch.autograd.grad(total, copies)
    return slope.abs().amax(1).mean(0)


def gridded(slopes: Tensor, grid: int) -> list[list[float]]:
    """Means of the cells of a grid, as shares of the largest."""
    cells = nn.functional.adaptive_avg_pool2d(slopes[None, None], grid)[0, 0]
    top = float(cells.max())
    return [[round(float(v) / top, 4) if top > 0 else 0.0 for v in line] for line in cells]
