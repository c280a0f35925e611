"""Channels of a picture network ranked and really removed, as the prune job asks for it (X09-X11)."""

from typing import Any

import torch
from torch import Tensor, nn

from phasewise.kinds.images.shrink import ranking, removal
from phasewise.kinds.images.shrink.coupling import groups
from phasewise.records.models import NetworkSpec

FAMILIES = ("conv2", "resnet20", "resnet32", "resnet56", "resnet18")
CRITERIA = ranking.CRITERIA
BATCH = 256


def why_not(spec: NetworkSpec) -> str:
    """Why a network cannot be pruned here, or nothing."""
    return "" if spec.family in FAMILIES else f"channels of a {spec.family!r} network cannot be removed; only those of {', '.join(FAMILIES)} can"


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
    """The `count` lowest channels over all groups; every group keeps at least one and `floor` of its channels."""
    return removal.choose(found, count, floor)


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
