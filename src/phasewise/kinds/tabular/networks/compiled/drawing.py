"""What the compiled layers of both networks need: thresholds, random bytes, buffers."""

from collections.abc import Sequence

import torch
from torch import Tensor

from phasewise.kinds.tabular.networks.dropout import random_bytes, threshold
from phasewise.kinds.tabular.networks.workspace import Workspace


def cuts(rates: Sequence[float]) -> list[int]:
    """Each layer's threshold among random bytes; 0 where nothing is dropped."""
    return [threshold(rate) if rate > 0 else 0 for rate in rates]


def noise(shapes: Sequence[tuple[int, ...]], rates: Sequence[float]) -> list[Tensor]:
    """Random bytes of each layer that drops something, drawn in the order of the layers as `dropout.fill_mask` draws them; nothing for the others."""
    empty = torch.empty(0, dtype=torch.uint8)
    return [random_bytes(torch.Size(shape), torch.device("cpu")) if rate > 0 else empty for shape, rate in zip(shapes, rates, strict=True)]


def rooms(space: Workspace, names: Sequence[str], shapes: Sequence[tuple[int, ...]], like: Tensor) -> list[Tensor]:
    """Several buffers of a workspace."""
    return [space.get(name, shape, like) for name, shape in zip(names, shapes, strict=True)]
