"""MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381, table 2) with the tensor names that torchvision gives it."""

import torch
from torch import nn
from torch.nn import functional as F

from phasewise.kinds.images.networks.backbone import Staged

TABLE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, repeats and first stride of each row."""


def _unit(fan_in: int, fan_out: int, side: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(fan_in, fan_out, side, stride, side // 2, groups=groups, bias=False), nn.BatchNorm2d(fan_out), nn.ReLU6(inplace=True))


class Inverted(nn.Module):
    """Wider by 1x1, filtered by depth, narrower by 1x1; the input is added where shapes allow."""

    def __init__(self, fan_in: int, fan_out: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = fan_in * expansion
        wider = [_unit(fan_in, width, 1)] if expansion != 1 else []
        self.conv = nn.Sequential(*wider, _unit(width, width, 3, stride, width), nn.Conv2d(width, fan_out, 1, bias=False), nn.BatchNorm2d(fan_out))
        self.added = stride == 1 and fan_in == fan_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.added else self.conv(x)


class MobileNetV2(Staged):
    """3.5 million parameters with 1,000 classes; features (n, 1280)."""

    ARCH, HEAD = "mobilenet_v2", "classifier.1"
    STAGES = tuple(tuple(f"features.{i}" for i in part) for part in (range(7), range(7, 14), range(14, 19)))

    def __init__(self, outputs: int = 1000, dropout: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = [_unit(3, 32, 3, 2)]
        fan_in = 32
        for expansion, channels, repeats, stride in TABLE:
            for number in range(repeats):
                layers.append(Inverted(fan_in, channels, stride if number == 0 else 1, expansion))
                fan_in = channels
        layers.append(_unit(fan_in, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(1280, outputs))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def pooled(self, image: torch.Tensor) -> torch.Tensor:
        """See `Backbone`."""
        return F.adaptive_avg_pool2d(self.features(image), 1).flatten(1)

    def classified(self, features: torch.Tensor) -> torch.Tensor:
        """See `Backbone`."""
        return self.classifier(features)
