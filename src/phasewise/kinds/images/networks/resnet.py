"""Residual networks for small pictures (A13): the CIFAR form 20/32/56 with option-A shortcuts, and ResNet-18.

Source: He et al. 2015, arXiv 1512.03385, sections 3.3 and 4.2; parameters of ResNet-20 at 10 classes: 0.27 M.
"""

import torch
from torch import nn
from torch.nn import functional as F


class PadShortcut(nn.Module):
    """Option A: every second pixel, missing channels are zeros; no parameters."""

    def __init__(self, fan_in: int, fan_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.extra = fan_out - fan_in

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        low = self.extra // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, low, self.extra - low))


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm and a shortcut; `keep` 0 turns the block into its shortcut (lesion tool, X12)."""

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1, projection: bool = False, middle: int | None = None) -> None:
        super().__init__()
        middle = middle or fan_out
        self.conv1 = nn.Conv2d(fan_in, middle, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, fan_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(fan_out)
        self.shortcut: nn.Module
        if stride == 1 and fan_in == fan_out:
            self.shortcut = nn.Identity()
        elif projection:
            self.shortcut = nn.Sequential(nn.Conv2d(fan_in, fan_out, 1, stride, bias=False), nn.BatchNorm2d(fan_out))
        else:
            self.shortcut = PadShortcut(fan_in, fan_out, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x), inplace=True)


class ResNet(nn.Module):
    """stem -> stages of blocks -> mean over the map -> dropout -> linear.

    Input (n, channels, height, width) float32; output (n, outputs) logits.
    `depths` blocks per stage, `widths` channels per stage; `first_stride` 2 for pictures over 64 px.
    """

    def __init__(self, channels: int, outputs: int, depths: list[int], widths: list[int], *, projection: bool = False, first_stride: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, widths[0], 3, first_stride, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True))
        stages: list[nn.Module] = []
        fan_in = widths[0]
        for index, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            blocks = []
            for number in range(depth):
                blocks.append(Block(fan_in, width, 2 if number == 0 and index > 0 else 1, projection))
                fan_in = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(fan_in, outputs)

    def pooled(self, image: torch.Tensor) -> torch.Tensor:
        """Mean over the last map, shape (n, widths[-1])."""
        return self.stages(self.stem(image)).mean((2, 3))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.pooled(image)))


def cifar_resnet(layers: int, channels: int, outputs: int, *, first_stride: int = 1, dropout: float = 0.0, width: int = 16) -> ResNet:
    """ResNet-20, -32, -56 (6n+2 layers) for pictures up to 64 px."""
    depth = (layers - 2) // 6
    return ResNet(channels, outputs, [depth] * 3, [width, 2 * width, 4 * width], first_stride=first_stride, dropout=dropout)


def resnet18(channels: int, outputs: int, *, first_stride: int = 1, dropout: float = 0.0, width: int = 64) -> ResNet:
    """ResNet-18 with a 3x3 stem for small pictures."""
    return ResNet(channels, outputs, [2] * 4, [width, 2 * width, 4 * width, 8 * width], projection=True, first_stride=first_stride, dropout=dropout)
