"""Channels of a picture network ranked and really removed, as the prune job asks for it (X09-X11)."""

from typing import Any

import torch
from torch import Tensor, nn

from phasewise.kinds.images.networks import pretrained
from phasewise.kinds.images.shrink import coupling_backbones, ranking, removal
from phasewise.kinds.images.shrink.coupling import groups
from phasewise.records.models import NetworkSpec

FAMILIES = ("conv2", "resnet20", "resnet32", "resnet56", "resnet18", "pretrained")
CRITERIA = ranking.CRITERIA
BATCH = 256


def why_not(spec: NetworkSpec) -> str:
    """Why a network cannot be pruned here, or nothing."""
    if spec.family not in FAMILIES:
        return f"channels of a {spec.family!r} network cannot be removed; only those of {', '.join(FAMILIES)} can"
    arch = str(spec.options.get("arch") or "")
    if spec.family == "pretrained" and not (arch in pretrained.ARCHITECTURES and coupling_backbones.known(pretrained.ARCHITECTURES[arch])):
        return f"how the channels of {arch or 'this network'} depend on each other is not known here; it is for {', '.join(pretrained.ARCHITECTURES)}"
    return ""


def block(channels: int) -> int:
    """Channels that go at once: convolutions on a CPU work on 16 (or 8) at a time, and one channel fewer is slower, not faster.

    Measured (ResNet-20, one thread): 31 channels in place of 32 take 1.08 times as long a picture, 28 take 0.88 and 24 take 0.72; a 1x1
    convolution of 120 in place of 128 takes 0.95 to 1.00, of 112 takes 0.82.
    """
    return 16 if channels >= 64 else 8 if channels >= 32 else 4


def start(spec: NetworkSpec, module: nn.Module) -> NetworkSpec:
    """The spec with the sizes of every tensor written out, so that it can be built again after a removal; no augmentation is changed."""
    return spec.model_copy(update={"options": {**spec.options, "shape": removal.shapes(module)}})


def sizes(module: nn.Module) -> list[int]:
    """Channels of each prunable group."""
    return [g.channels for g in groups(module.body)]  # type: ignore[arg-type]


def scores(model: nn.Module, criterion: str, inputs: dict[str, Tensor], *, normaliser: str = "mean", seed: int = 0) -> dict[str, Tensor]:
    """Group name -> one score per channel (see `shrink.ranking`); activations are measured on `inputs`."""

    def forward(body: nn.Module) -> None:
        with torch.inference_mode():
            for part in inputs["image"].split(BATCH):
                body(model.pixels(part))  # type: ignore[operator]

    model.eval()
    return ranking.scores(model.body, criterion, normaliser=normaliser, forward=forward, generator=torch.Generator().manual_seed(seed))  # type: ignore[arg-type]


def choose(found: dict[str, Tensor], count: int, floor: float = 0.1) -> dict[str, list[int]]:
    """The lowest channels over all groups, about `count` of them, in blocks that make a network faster; every group keeps at least one and `floor` of its channels."""
    return removal.choose(found, count, floor, block)


def remove(model: Any, spec: NetworkSpec, drop: dict[str, list[int]]) -> tuple[dict[str, Tensor], NetworkSpec]:
    """State and spec of the network without these channels."""
    import copy

    small = copy.deepcopy(model)
    small.body = removal.remove(model.body, drop)
    return {k: v.detach().clone() for k, v in small.state_dict().items()}, start(spec, small)


def mask(model: Any, drop: dict[str, list[int]]) -> nn.Module:
    """The network with the same channels silenced and kept: equal outputs, no speed-up (the negative control of X11)."""
    import copy

    quiet = copy.deepcopy(model)
    quiet.body = removal.mask(model.body, drop)
    return quiet
