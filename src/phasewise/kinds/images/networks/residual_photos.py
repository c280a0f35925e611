"""ResNet-18, -34 and -50 for photographs, with the tensor names that torchvision and timm give them.

Source: He et al. 2015, arXiv 1512.03385, table 1; the bottleneck halves the map in its 3x3 convolution (Goyal et al. 2017,
arXiv 1706.02677, section 5.1), as public weights do. Names are the ones public checkpoints use, so that they load as they are.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from phasewise.kinds.images.networks.backbone import Staged

WIDTHS = (64, 128, 256, 512)


def _conv(fan_in: int, fan_out: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(fan_in, fan_out, side, stride, side // 2, bias=False)


class _Residual(nn.Module, ABC):
    """A block with a shortcut: the input, or a 1x1 convolution of it where shapes change."""

    downsample: nn.Module | None

    @property
    def shortcut(self) -> nn.Module:
        """What passes beside the block (lesions, X12)."""
        return self.downsample if self.downsample is not None else nn.Identity()

    @abstractmethod
    def branch(self, x: torch.Tensor) -> torch.Tensor:
        """What is added to the shortcut."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        beside = x if self.downsample is None else self.downsample(x)
        return F.relu(self.branch(x) + beside, inplace=True)


class Basic(_Residual):
    """Two 3x3 convolutions."""

    SPREAD = 1

    def __init__(self, fan_in: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(fan_in, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = downsample

    def branch(self, x: torch.Tensor) -> torch.Tensor:
        """See `_Residual`."""
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))


class Bottleneck(_Residual):
    """1x1, 3x3 and 1x1 convolutions; the last has four times the channels."""

    SPREAD = 4

    def __init__(self, fan_in: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(fan_in, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.downsample = downsample

    def branch(self, x: torch.Tensor) -> torch.Tensor:
        """See `_Residual`."""
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return self.bn3(self.conv3(F.relu(self.bn2(self.conv2(x)), inplace=True)))


class PhotoResNet(Staged):
    """7x7 stem, max pooling, four layers of blocks; features (n, 512) or (n, 2048)."""

    STAGES = (("conv1", "bn1", "layer1", "layer2"), ("layer3",), ("layer4",))
    BLOCK: ClassVar[type[Basic] | type[Bottleneck]] = Basic
    DEPTHS: ClassVar[tuple[int, ...]] = ()

    def __init__(self, outputs: int = 1000, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        fan_in = 64
        for index, (depth, width) in enumerate(zip(self.DEPTHS, WIDTHS, strict=True)):
            layer, fan_in = self._layer(fan_in, width, depth, 1 if index == 0 else 2)
            self.add_module(f"layer{index + 1}", layer)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(fan_in, outputs)
        for module in self.modules():  # He et al. 2015, arXiv 1502.01852: matters for the control from scratch alone
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _layer(self, fan_in: int, width: int, depth: int, stride: int) -> tuple[nn.Sequential, int]:
        fan_out = width * self.BLOCK.SPREAD
        blocks = []
        for number in range(depth):
            step = stride if number == 0 else 1
            beside = nn.Sequential(_conv(fan_in, fan_out, 1, step), nn.BatchNorm2d(fan_out)) if step > 1 or fan_in != fan_out else None
            blocks.append(self.BLOCK(fan_in, width, step, beside))
            fan_in = fan_out
        return nn.Sequential(*blocks), fan_in

    def pooled(self, image: torch.Tensor) -> torch.Tensor:
        """See `Backbone`."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(image)), inplace=True), 3, 2, 1)
        for index in range(1, 5):
            x = self.get_submodule(f"layer{index}")(x)
        return F.adaptive_avg_pool2d(x, 1).flatten(1)

    def classified(self, features: torch.Tensor) -> torch.Tensor:
        """See `Backbone`."""
        return self.fc(self.dropout(features))


class ResNet18(PhotoResNet):
    """11.7 million parameters with 1,000 classes."""

    ARCH, BLOCK, DEPTHS = "resnet18", Basic, (2, 2, 2, 2)


class ResNet34(PhotoResNet):
    """21.8 million parameters with 1,000 classes."""

    ARCH, BLOCK, DEPTHS = "resnet34", Basic, (3, 4, 6, 3)


class ResNet50(PhotoResNet):
    """25.6 million parameters with 1,000 classes."""

    ARCH, BLOCK, DEPTHS = "resnet50", Bottleneck, (3, 4, 6, 3)
