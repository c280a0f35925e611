"""Picture networks with their preparation as one torch module: uint8 pixels in, probabilities out (X13)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from phasewise.kinds.shared.outputs import probabilities


class Frozen(nn.Module):
    """Frozen features, standardised, then a head."""

    def __init__(self, preparing: Any, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = preparing.backbone, head
        self.register_buffer("shift", torch.tensor(preparing.backbone.mean)[None, :, None, None])
        self.register_buffer("scale", torch.tensor(preparing.backbone.std)[None, :, None, None])
        self.register_buffer("mean", torch.tensor(preparing.mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(preparing.std, dtype=torch.float32))

    def forward(self, image: Tensor) -> Tensor:
        """uint8 (n, 3, H, W) -> raw outputs."""
        raw = self.backbone.pooled((image.float() / 255 - self.shift) / self.scale)
        return self.head({"num": (raw - self.mean) / self.std})


class Linear(nn.Module):
    """A standardised logistic regression as a layer: `{"num": (n, d)}` -> one raw output (two classes) or one a class.

    `estimator` is scikit-learn's StandardScaler and LogisticRegression in a pipeline; scaling goes into the weights. A class that was absent
    from its training rows gets probability 0.
    """

    ABSENT = -1e4

    def __init__(self, estimator: Any, task: str, classes: int) -> None:
        super().__init__()
        scaler, model = (step for _, step in estimator.steps)
        weight = model.coef_ / scaler.scale_
        bias = model.intercept_ - weight @ scaler.mean_
        if task != "binary":
            if len(weight) == 1:  # two classes seen of several
                weight, bias = np.vstack([np.zeros_like(weight), weight]), np.r_[0.0, bias]
            whole, offset = np.zeros((classes, weight.shape[1])), np.full(classes, self.ABSENT)
            whole[model.classes_], offset[model.classes_] = weight, bias
            weight, bias = whole, offset
        self.register_buffer("weight", torch.tensor(weight, dtype=torch.float32))
        self.register_buffer("bias", torch.tensor(bias, dtype=torch.float32))

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """See the class."""
        return nn.functional.linear(inputs["num"], self.weight, self.bias)


class Pixels(nn.Module):
    """Normalised pixels into the network; augmentation is not part of it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.body = model.body
        self.register_buffer("mean", model.mean.clone())
        self.register_buffer("std", model.std.clone())

    def forward(self, image: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> raw outputs."""
        return self.body((image.float() / 255 - self.mean) / self.std)


def of_pixels(preparing: Any, net: nn.Module) -> nn.Module:
    """uint8 or float (n, C, H, W) of 0 to 255 -> raw outputs, normalisation and frozen features inside."""
    return Frozen(preparing, net) if preparing.features else Pixels(net)


class Scorer(nn.Module):
    """`forward(image)`: uint8 (n, C, side, side) -> probabilities (n, classes), float32; a weighted mean over members of one fitting."""

    def __init__(self, members: Sequence[tuple[Any, nn.Module]], weights: Sequence[float]) -> None:
        super().__init__()
        self.task = members[0][0].target.task
        self.weights = [float(w) / sum(weights) for w in weights]
        self.nets = nn.ModuleList(of_pixels(p, net) for p, net in members)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        total: Any = 0.0
        for weight, net in zip(self.weights, self.nets, strict=True):
            total = total + weight * probabilities(net(image), self.task)
        return total
