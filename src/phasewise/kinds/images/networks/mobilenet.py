"""MobileNetV1 (arXiv 1704.04861) in the shape of a public quarter-width ImageNet checkpoint (LeakyReLU 0.1 throughout)."""

import torch
from torch import nn

from phasewise.kinds.images.networks.backbone import Backbone

PARTS: tuple[tuple[tuple[int, int, int], ...], ...] = (
    ((8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)),
    ((64, 128, 2), (128, 128, 1), (128, 128, 1), (128, 128, 1), (128, 128, 1), (128, 128, 1)),
    ((128, 256, 2), (256, 256, 1)),
)


def _stem(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.LeakyReLU(0.1, inplace=True))


def _separable(fan_in: int, fan_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(fan_in, fan_in, 3, stride, 1, groups=fan_in, bias=False), nn.BatchNorm2d(fan_in), nn.LeakyReLU(0.1, inplace=True),
        nn.Conv2d(fan_in, fan_out, 1, bias=False), nn.BatchNorm2d(fan_out), nn.LeakyReLU(0.1, inplace=True),
    )


class MobileNetV1Quarter(Backbone):
    """Input (n, 3, height, width) float32 normalised as ImageNet; features (n, 256); output (n, outputs)."""

    ARCH = "mobilenet_v1_025"
    STAGES = (("stage1",), ("stage2",), ("stage3",))

    def __init__(self, outputs: int = 1000, dropout: float = 0.0) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(_stem(3), *(_separable(*s) for s in PARTS[0]))
        self.stage2 = nn.Sequential(*(_separable(*s) for s in PARTS[1]))
        self.stage3 = nn.Sequential(*(_separable(*s) for s in PARTS[2]))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(256, outputs)

    def pooled(self, image: torch.Tensor) -> torch.Tensor:
        """Mean over the last map, shape (n, 256)."""
        return self.stage3(self.stage2(self.stage1(image))).mean((2, 3))

    def classified(self, features: torch.Tensor) -> torch.Tensor:
        """See `Backbone`."""
        return self.fc(self.dropout(features))
