"""Real removal of channels: smaller tensors, not masks (X11)."""

import copy
from collections.abc import Callable

import torch
from torch import nn

from phasewise.kinds.images.shrink.coupling import groups
from phasewise.kinds.images.shrink.group import Group


def choose(scores: dict[str, torch.Tensor], count: int, floor: float = 0.1, block: Callable[[int], int] = lambda channels: 1) -> dict[str, list[int]]:
    """The lowest channels over all groups until `count` are named; every group keeps at least one and `floor` of its channels.

    With `block` whole blocks of a group's lowest channels go together, by their mean, so that what is left of a group of c channels is a
    multiple of `block(c)`: the last block may name a few more than `count`.
    """
    ranked: list[tuple[float, str, list[int]]] = []
    for name, s in scores.items():
        size = max(1, block(len(s)))
        most = len(s) - max(1, int(-(-len(s) * floor // 1)))
        lowest = s.argsort(stable=True)
        start, stop = 0, len(s) % size or size
        while stop <= most:
            ranked.append((float(s[lowest[start:stop]].mean()), name, lowest[start:stop].tolist()))
            start, stop = stop, stop + size
    drop: dict[str, list[int]] = {}
    for _value, name, channels in sorted(ranked):
        if count <= 0:
            break
        drop.setdefault(name, []).extend(channels)
        count -= len(channels)
    return {name: sorted(channels) for name, channels in drop.items()}


def _keep_rows(module: nn.Module, keep: torch.Tensor) -> None:
    for name in ("weight", "bias", "running_mean", "running_var"):
        value = getattr(module, name, None)
        if value is None:
            continue
        kept = value.detach()[keep].clone()
        setattr(module, name, nn.Parameter(kept) if isinstance(value, nn.Parameter) else kept)
    if isinstance(module, nn.Conv2d):
        if module.groups > 1:  # depthwise: each channel has a filter of its own
            module.in_channels = module.groups = len(keep)
        module.out_channels = len(keep)
    elif isinstance(module, nn.BatchNorm2d):
        module.num_features = len(keep)


def _keep_columns(module: nn.Module, keep: torch.Tensor, spread: int) -> None:
    columns = (keep[:, None] * spread + torch.arange(spread)).flatten()
    module.weight = nn.Parameter(module.weight.detach()[:, columns].clone())  # type: ignore[union-attr, index]
    if isinstance(module, nn.Conv2d):
        module.in_channels = len(columns)
    else:
        module.in_features = len(columns)  # type: ignore[assignment]


def _remove(model: nn.Module, group: Group, drop: list[int]) -> None:
    gone = set(drop)
    keep = torch.tensor([i for i in range(group.channels) if i not in gone])
    for name in (*group.producers, *group.norms):
        _keep_rows(model.get_submodule(name), keep)
    for name, spread in group.consumers.items():
        _keep_columns(model.get_submodule(name), keep, spread)


def remove(model: nn.Module, drop: dict[str, list[int]]) -> nn.Module:
    """A copy of the network without the given channels of each group."""
    small = copy.deepcopy(model)
    for group in groups(small):
        if drop.get(group.name):
            _remove(small, group, drop[group.name])
    return small


def mask(model: nn.Module, drop: dict[str, list[int]]) -> nn.Module:
    """A copy with the channels silenced but kept: equal outputs to `remove`, no speed-up (the negative control of X11)."""
    quiet = copy.deepcopy(model)
    with torch.no_grad():
        for group in groups(quiet):
            for name in (*group.producers, *group.norms):
                module = quiet.get_submodule(name)
                for part in ("weight", "bias", "running_mean"):
                    value = getattr(module, part, None)
                    if value is not None and drop.get(group.name):
                        value[drop[group.name]] = 0
    return quiet


def shapes(module: nn.Module) -> dict[str, list[int]]:
    """Name -> shape of every parameter and running statistic with at least one axis."""
    return {name: list(t.shape) for name, t in module.state_dict().items() if t.dim()}


def reshaped(module: nn.Module, wanted: dict[str, list[int]]) -> nn.Module:
    """The module with layers of other sizes, freshly initialised where a size changes: how a pruned architecture is built again."""
    for name, layer in module.named_modules():
        shape = wanted.get(f"{name}.weight")
        if shape is None or not hasattr(layer, "weight") or list(layer.weight.shape) == list(shape):
            continue
        if isinstance(layer, nn.Conv2d):
            layer.groups = int(shape[0]) if layer.groups > 1 else 1  # grouped convolutions are depthwise ones here
            layer.out_channels, layer.in_channels = int(shape[0]), int(shape[1]) * layer.groups
        elif isinstance(layer, nn.Linear):
            layer.out_features, layer.in_features = int(shape[0]), int(shape[1])
        elif isinstance(layer, nn.BatchNorm2d):
            layer.num_features = int(shape[0])
            layer.running_mean, layer.running_var = torch.zeros(shape[0]), torch.ones(shape[0])
        else:
            continue
        layer.weight = nn.Parameter(torch.empty([int(s) for s in shape]))
        if layer.bias is not None:
            layer.bias = nn.Parameter(torch.empty(int(shape[0])))
        layer.reset_parameters()
    return module
