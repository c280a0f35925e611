"""Scores of channels: weights' L1 and L2, mean activation, share of non-zero activations, random (X09).

Sources: L1 Li et al. arXiv 1608.08710 (per layer there, M18); APoZ Hu et al. arXiv 1607.03250 (non-zero rate = 1 - APoZ).
"""

from collections.abc import Callable

import torch
from torch import nn

from phasewise.kinds.images.shrink.coupling import groups
from phasewise.kinds.images.shrink.group import Group

CRITERIA = ("l1", "l2", "activation", "nonzero", "random")
NORMALISERS = ("none", "mean", "l2")


def _weight_scores(model: nn.Module, group: Group, power: int) -> torch.Tensor:
    total = torch.zeros(group.channels)
    for name in group.producers:
        weight = model.get_submodule(name).weight.detach().flatten(1).cpu()  # type: ignore[union-attr]
        total += weight.abs().sum(1) if power == 1 else weight.norm(dim=1)
    return total


def _activation_scores(model: nn.Module, group: Group, forward: Callable[[nn.Module], None], nonzero: bool) -> torch.Tensor:
    """Mean (or non-zero share) after ReLU of what the group's last norm (or producer) puts out."""
    seen: list[torch.Tensor] = []
    place = model.get_submodule((group.norms or group.producers)[-1])

    def keep(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        out = output.detach().relu().transpose(0, 1).flatten(1)
        seen.append(((out > 0).float() if nonzero else out).mean(1).cpu())

    handle = place.register_forward_hook(keep)
    try:
        forward(model)
    finally:
        handle.remove()
    return torch.stack(seen).mean(0)


def scores(
    model: nn.Module, criterion: str, *, normaliser: str = "mean", forward: Callable[[nn.Module], None] | None = None,
    generator: torch.Generator | None = None,
) -> dict[str, torch.Tensor]:
    """Group name -> one score per channel; `forward` runs the model over validation rows (activation criteria need it)."""
    out: dict[str, torch.Tensor] = {}
    for group in groups(model):
        if criterion in ("l1", "l2"):
            raw = _weight_scores(model, group, 1 if criterion == "l1" else 2)
        elif criterion == "random":
            raw = torch.rand(group.channels, generator=generator)
        elif criterion in ("activation", "nonzero"):
            if forward is None:
                raise ValueError(f"criterion {criterion!r} needs validation rows")
            raw = _activation_scores(model, group, forward, criterion == "nonzero")
        else:
            raise ValueError(f"unknown criterion {criterion!r}; valid: {', '.join(CRITERIA)}")
        if normaliser == "mean":
            raw = raw / raw.mean().clamp_min(1e-12)
        elif normaliser == "l2":
            raw = raw / raw.norm().clamp_min(1e-12)
        elif normaliser != "none":
            raise ValueError(f"unknown normaliser {normaliser!r}; valid: {', '.join(NORMALISERS)}")
        out[group.name] = raw
    return out
