"""Lesions: each block replaced by what passes beside it, without retraining (X12; Veit et al. arXiv 1605.06431).

A residual block leaves its shortcut; in a network without shortcuts a block whose output has the shape of its input leaves nothing in
between. Networks of the first kind lose a little, those of the second kind fall to chance: that is the control.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import nn

from phasewise.kinds.images.networks.residual_photos import Basic, Bottleneck
from phasewise.kinds.images.networks.resnet import Block

RESIDUAL = (Block, Basic, Bottleneck)

MOST = 500


class _Shortcut(nn.Module):
    """A block that passes only what its shortcut passes."""

    def __init__(self, shortcut: nn.Module) -> None:
        super().__init__()
        self.shortcut = shortcut

    def forward(self, x):  # noqa: ANN001, ANN201
        return self.shortcut(x).relu()


def removable(model: nn.Module, run: Callable[[nn.Module], Any]) -> list[str]:
    """Names of the blocks that can be taken out: residual ones, else sequences with weights that keep the shape; `run(model)` calls the model once."""
    blocks = [name for name, module in model.named_modules() if isinstance(module, RESIDUAL)]
    if blocks:
        return blocks
    found: list[str] = []

    def listen(name: str) -> Any:
        return lambda _m, args, out: found.append(name) if args and args[0].shape == out.shape else None

    held = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Sequential) and any(isinstance(c, nn.Conv2d) for c in m)]
    handles = [m.register_forward_hook(listen(n)) for n, m in held]
    try:
        run(model)
    finally:
        for handle in handles:
            handle.remove()
    return found


def without(model: nn.Module, names: Sequence[str]) -> nn.Module:
    """A copy of the model with these blocks out."""
    cut = copy.deepcopy(model)
    for name in names:
        module = cut.get_submodule(name)
        parent, _, child = name.rpartition(".")
        setattr(cut.get_submodule(parent), child, _Shortcut(module.shortcut) if isinstance(module, RESIDUAL) else nn.Identity())
    return cut


def lesions(model: nn.Module, score: Callable[[nn.Module], Any]) -> dict[str, Any]:
    """Block name -> score with that block alone removed; `""` is the whole network."""
    return {"": score(model), **{name: score(without(model, [name])) for name in removable(model, score)}}


def together(model: nn.Module, score: Callable[[nn.Module], Any], order: Sequence[str]) -> list[Any]:
    """Scores with the first 0, 1, 2, ... blocks of an order out (the curve of many removals)."""
    return [score(without(model, order[:k])) for k in range(len(order) + 1)]


def report(network: Any, fitting: Any, dev: Any, rows: np.ndarray, *, seed: int = 0, check: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Accuracy on at most 500 of `rows` with every block out, and with more and more of them, the least harmful first.

    `whole`, `chance`, `rows`, `kind`; `blocks`: name, value, drop with its 95 % interval over pictures; `together`: accuracy after k removals.
    """
    import torch

    picked = np.sort(np.random.default_rng(seed).permutation(rows)[:MOST])
    y = np.asarray(dev.y)[picked]
    images = torch.from_numpy(np.array(dev.pixels(fitting)[picked])).permute(0, 3, 1, 2)

    def right(model: nn.Module) -> np.ndarray:
        check()
        with torch.inference_mode():
            out = torch.cat([model({"image": part}) for part in images.split(128)])
        label = (out[:, 0] > 0).long() if out.shape[1] == 1 else out.argmax(1)
        return (label.numpy() == y).astype(float)

    found = lesions(network, right)
    whole = found.pop("")
    if not found:
        return {}
    blocks = []
    for name, hits in found.items():
        gap = whole - hits
        half = 1.96 * float(gap.std()) / np.sqrt(len(gap))
        blocks.append({"block": name.removeprefix("body."), "value": float(hits.mean()), "drop": float(gap.mean()), "low": float(gap.mean() - half), "high": float(gap.mean() + half)})
    order = sorted(found, key=lambda n: -found[n].mean())
    residual = isinstance(network.get_submodule(order[0]), RESIDUAL)
    return {
        "whole": float(whole.mean()), "chance": float(np.bincount(y).max() / len(y)), "rows": len(y), "kind": "residual" if residual else "plain", "blocks": blocks,
        "together": [float(h.mean()) for h in together(network, right, order)], "order": [n.removeprefix("body.") for n in order],
    }
