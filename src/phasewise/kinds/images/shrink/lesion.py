"""Lesions: each residual block replaced by its shortcut, without retraining (X12; Veit et al. arXiv 1605.06431)."""

import copy
from collections.abc import Callable

from torch import nn

from phasewise.kinds.images.networks.resnet import Block


class _Shortcut(nn.Module):
    """A block that passes only what its shortcut passes."""

    def __init__(self, shortcut: nn.Module) -> None:
        super().__init__()
        self.shortcut = shortcut

    def forward(self, x):  # noqa: ANN001, ANN201
        return self.shortcut(x).relu()


def lesions(model: nn.Module, score: Callable[[nn.Module], float]) -> dict[str, float]:
    """Block name -> score with that block alone removed; `""` is the whole network."""
    out = {"": score(model)}
    for name, module in list(model.named_modules()):
        if isinstance(module, Block):
            cut = copy.deepcopy(model)
            parent, _, child = name.rpartition(".")
            setattr(cut.get_submodule(parent), child, _Shortcut(copy.deepcopy(module.shortcut)))
            out[name] = score(cut)
    return out
