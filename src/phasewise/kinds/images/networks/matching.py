"""Whether a checkpoint is that of a network: by tensor names and shapes, the head left out (N01)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

COUNTER = "num_batches_tracked"
"""Old checkpoints leave it out; nothing that is computed here depends on it."""
Shapes = dict[str, torch.Size]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a checkpoint compares with one network: `wrong` (name, shape asked for, shape found), names `missing` and names left `over`."""

    shared: int
    asked: int
    wrong: list[tuple[str, str, str]]
    missing: list[str]
    over: list[str]

    @property
    def whole(self) -> bool:
        """Whether every tensor of the network is there with its shape, and nothing else."""
        return not (self.wrong or self.missing or self.over)


def shapes(module: torch.nn.Module, heads: tuple[str, ...]) -> Shapes:
    """Names and shapes of a network's state without its head and counters."""
    return {n: t.shape for n, t in module.state_dict().items() if not headed(n, heads)}


def headed(name: str, heads: tuple[str, ...]) -> bool:
    """Whether a tensor belongs to the head or counts batches."""
    return name.endswith(COUNTER) or any(name.startswith(f"{h}.") for h in heads)


def compare(weights: Mapping[str, Any], asked: Shapes, heads: tuple[str, ...]) -> Fit:
    """The checkpoint beside the shapes that a network asks for."""
    there = {n: t.shape for n, t in weights.items() if not headed(n, heads)}
    wrong = [(n, "x".join(map(str, s)), "x".join(map(str, there[n]))) for n, s in asked.items() if n in there and there[n] != s]
    missing = [n for n in asked if n not in there]
    return Fit(shared=len(asked) - len(missing), asked=len(asked), wrong=wrong, missing=missing, over=[n for n in there if n not in asked])


def load(module: torch.nn.Module, weights: Mapping[str, Any], heads: tuple[str, ...]) -> None:
    """Copy everything but the head into a network that fits."""
    asked = module.state_dict()
    module.load_state_dict({n: t for n, t in weights.items() if n in asked and not any(n.startswith(f"{h}.") for h in heads)}, strict=False)
