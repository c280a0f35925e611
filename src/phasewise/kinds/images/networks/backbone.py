"""What every network with weights from elsewhere has in common: features, a head of its own, three stages from the first layers to the last."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn

from phasewise.kinds.images.expects import Expects

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module, ABC):
    """Input (n, 3, height, width) float32 normalised by `mean` and `std`; `pooled` features (n, d); output (n, outputs).

    Three stages for all, so that "the last stage and the head" means a comparable share of any network (T18).
    """

    ARCH: ClassVar[str] = ""
    HEAD: ClassVar[str] = "fc"
    """Name of the last linear layer, which is replaced."""
    STAGES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Names of the modules of each stage, first layers first."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    side: int = 224
    """Pixels of a side that the weights were trained on."""
    fixed: bool = False
    """Whether another side cannot be used."""
    said: Expects | None = None
    """What the weights file said of pictures, where it did."""

    def reads(self, said: Expects) -> None:
        """Takes over what the weights' own file says of pictures."""
        self.said = said
        self.mean, self.std = said.mean or self.mean, said.std or self.std
        if said.side and not self.fixed:
            self.side = said.side

    @property
    def arch(self) -> str:
        """The name by which the network is found again."""
        return self.ARCH

    @property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """See `STAGES`."""
        return self.STAGES

    @abstractmethod
    def pooled(self, image: torch.Tensor) -> torch.Tensor:
        """What the head is given, shape (n, d)."""

    @abstractmethod
    def classified(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (n, outputs) from features."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return self.classified(self.pooled(image))


class Staged(Backbone):
    """A backbone whose learning rates differ by stage: three groups and the head (T17)."""

    def layer_groups(self) -> list[list[nn.Module]]:
        """Modules of each stage, then the head, for `engine.groups`."""
        return [*([self.get_submodule(n) for n in stage] for stage in self.stages), [self.get_submodule(self.HEAD)]]
