"""The initialisation menu (T26, T28): He, Xavier, orthogonal, torch's own; biases 0, and optionally the last norm of a block at 0."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from phasewise.records.errors import UsageError

MENU = ("he_normal", "he_uniform", "xavier_normal", "xavier_uniform", "orthogonal", "torch")
HEAD = 0.1
GAINS = {"tanh": 5 / 3, "selu": 3 / 4}
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm)


def fans(weight: Tensor) -> tuple[int, int]:
    """Inputs and outputs a weight connects: Linear `[out, in]`; convolution in_channels/groups x kernel area (T26)."""
    area = weight[0][0].numel() if weight.dim() > 2 else 1
    return weight.shape[1] * area, weight.shape[0] * area


def he_std(fan_in: int, slope: float = 0.0) -> float:
    """sqrt(2 / ((1 + a^2) fan-in)) (He 2015, arXiv 1502.01852): fan-in is the number of inputs, never a layer's number (M02)."""
    return math.sqrt(2 / ((1 + slope * slope) * fan_in))


def xavier_std(fan_in: int, fan_out: int, gain: float = 1.0) -> float:
    """gain sqrt(2 / (fan-in + fan-out)) (Glorot 2010)."""
    return gain * math.sqrt(2 / (fan_in + fan_out))


@torch.no_grad()
def fill(weight: Tensor, name: str, *, activation: str = "relu") -> None:
    """Draws one weight in place by the menu; `torch` leaves it as the layer's constructor made it."""
    fan_in, fan_out = fans(weight)
    gain = GAINS.get(activation, 1.0)
    if name == "he_normal":
        weight.normal_(0, he_std(fan_in))
    elif name == "he_uniform":
        bound = math.sqrt(3) * he_std(fan_in)
        weight.uniform_(-bound, bound)
    elif name == "xavier_normal":
        weight.normal_(0, xavier_std(fan_in, fan_out, gain))
    elif name == "xavier_uniform":
        bound = math.sqrt(3) * xavier_std(fan_in, fan_out, gain)
        weight.uniform_(-bound, bound)
    elif name == "orthogonal":
        nn.init.orthogonal_(weight, math.sqrt(2) if activation == "relu" else gain)
    elif name != "torch":
        raise UsageError(f"unknown initialisation {name!r}", remedy=f"Valid: {', '.join(MENU)}.")


def initialise(module: nn.Module, name: str, *, activation: str = "relu", zero_last_norm: bool = False) -> None:
    """Hidden linear and convolution weights by the menu, the last one (the head) N(0, 0.1^2/fan-in), biases 0, tables N(0, 0.01^2).

    The small head makes an untrained network's loss ln C within a few per cent (A05); with unit logits it would start 20 % above.

    `torch` leaves every layer as its constructor made it. `zero_last_norm` starts the last norm scale of each residual block
    (a module named `...norm2`, `bn2` or marked `ends_block`) at 0, so that each block begins as the identity (T28).
    """
    weighted = [m for m in module.modules() if isinstance(m, WEIGHTED)]
    if name != "torch":
        for layer in weighted[:-1]:
            fill(layer.weight, name, activation=activation)
        if weighted:
            with torch.no_grad():
                weighted[-1].weight.normal_(0, HEAD / math.sqrt(fans(weighted[-1].weight)[0]))
        for layer in weighted:
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        for layer in module.modules():
            if isinstance(layer, nn.Embedding):
                nn.init.normal_(layer.weight, 0, 0.01)
    elif name not in MENU:
        raise UsageError(f"unknown initialisation {name!r}", remedy=f"Valid: {', '.join(MENU)}.")
    if zero_last_norm:
        for norm in last_norms(module):
            nn.init.zeros_(norm.weight)


def last_norms(module: nn.Module) -> Iterator[nn.Module]:
    """The norm that ends each residual block: names ending in `bn2` or `norm2`, or layers marked `ends_block`."""
    for path, layer in module.named_modules():
        if isinstance(layer, NORMS) and (path.endswith(("bn2", "norm2")) or getattr(layer, "ends_block", False)):
            yield layer
