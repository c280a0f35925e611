"""torch's own optimisers for members trained one at a time (T06), with no decay on biases and norms (R03)."""

from typing import Any

import torch
from torch import Tensor, nn

from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, TrainSpec

NEVER = 10**12
"""Steps no training reaches: the automatic switch is off where a person chose the epoch."""


def decays(name: str, p: Tensor) -> bool:
    """Whether weight decay applies: matrices yes, biases, norm scales and other vectors no (R03)."""
    return p.dim() > 1 and not name.endswith("bias")


def parameter_groups(module: nn.Module, train: TrainSpec) -> list[dict[str, Any]]:
    """Two groups, with and without decay; `lr_scale` multiplies the scheduled learning rate of a group."""
    named = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    with_decay = [p for n, p in named if decays(n, p)]
    without = [p for n, p in named if not decays(n, p)]
    groups = [
        {"params": with_decay, "weight_decay": train.weight_decay, "lr_scale": 1.0},
        {"params": without, "weight_decay": 0.0, "lr_scale": 1.0},
    ]
    return [g for g in groups if g["params"]]


def layer_groups(module: nn.Module, config: ModelConfig) -> list[dict[str, Any]]:
    """The groups of `engine.groups` where the config asks for differential rates or freezing (T17, T18), else the plain two."""
    if "layer_lr" in config.network.options or "freeze" in config.network.options:
        from phasewise.engine import groups

        return groups.parameter_groups(module, config)
    return parameter_groups(module, config.train)


def make(train: TrainSpec, groups: list[dict[str, Any]], *, fused: bool = True, epoch_steps: int = 0) -> torch.optim.Optimizer:
    """The optimiser of a spec over parameter groups: Adam(W) betas .9/.999, RMSprop alpha .99, Adadelta rho .9 (T06).

    The optimiser that switches does not do so within its first epoch of `epoch_steps` steps (T08).
    """
    lr = train.lr
    match train.optimizer:
        case "sgd":
            return torch.optim.SGD(groups, lr=lr, momentum=train.momentum, nesterov=train.nesterov and train.momentum > 0, fused=fused or None)
        case "adam":
            return torch.optim.Adam(groups, lr=lr, fused=fused or None)
        case "adamw":
            return torch.optim.AdamW(groups, lr=lr, fused=fused or None)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=lr, alpha=0.99)
        case "adadelta":
            return torch.optim.Adadelta(groups, lr=lr, rho=0.9)
        case "swats":
            from phasewise.engine.swats import SWATS

            by_hand = train.switch_epoch is not None
            return SWATS(groups, lr=lr, burn_in=NEVER if by_hand else max(200, epoch_steps))
    raise UsageError(f"unknown optimiser {train.optimizer!r}")


def set_lr(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """The scheduled learning rate for every group, times the group's own scale."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)
