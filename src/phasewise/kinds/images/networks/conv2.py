"""The smallest network for pictures: two convolutions and one linear layer (B01)."""

import torch
from torch import nn


class Conv2(nn.Module):
    """conv 3x3 -> pool -> ReLU -> conv 3x3 -> pool -> ReLU -> mean or flat -> dropout -> linear.

    Input (n, channels, height, width) float32; output (n, outputs) logits. Under 100 k parameters at 28 px and width 16.
    `stride` 2 in the first convolution quarters the work on pictures over 64 px.
    """

    def __init__(self, channels: int, outputs: int, width: int = 16, dropout: float = 0.0, batch_norm: bool = False, grid: int = 4, stride: int = 1) -> None:
        super().__init__()

        def block(fan_in: int, fan_out: int, step: int = 1) -> list[nn.Module]:
            norm: list[nn.Module] = [nn.BatchNorm2d(fan_out)] if batch_norm else []
            return [nn.Conv2d(fan_in, fan_out, 3, stride=step, padding=1, bias=not batch_norm), *norm, nn.MaxPool2d(2), nn.ReLU(inplace=True)]

        self.body = nn.Sequential(*block(channels, width, stride), *block(width, 2 * width), nn.AdaptiveAvgPool2d(grid), nn.Flatten())
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width * grid * grid, outputs)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.body(image)))
