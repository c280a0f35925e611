"""Layer groups from stem to head: differential learning rates (T17), freezing and gradual unfreezing (T18)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig

ULMFIT = 2.6
NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True, kw_only=True)
class LayerGroup:
    """Consecutive modules that share a learning rate; `names` are the parameters' names in the whole module."""

    title: str
    modules: tuple[nn.Module, ...]
    names: tuple[str, ...]


def split(module: nn.Module) -> list[LayerGroup]:
    """Groups in the order of computation, first layers first, every parameter in exactly one.

    A module may say its own through `layer_groups()` (a list of lists of sub-modules); else every child with parameters is a group,
    and a module list or a lone wrapper is opened. A shared parameter belongs to the first group that holds it.
    """
    own = getattr(module, "layer_groups", None)
    parts = [list(g) for g in own()] if own else _paired(module) or [[m] for m in _opened(module)]
    names = {id(p): n for n, p in module.named_parameters()}
    seen: set[int] = set()
    groups = []
    for part in parts:
        held = []
        for m in part:
            for p in m.parameters():
                if id(p) in names and id(p) not in seen:
                    seen.add(id(p))
                    held.append(names[id(p)])
        if held:
            groups.append(LayerGroup(title=type(part[0]).__name__, modules=tuple(part), names=tuple(held)))
    left = tuple(n for i, n in names.items() if i not in seen)
    if left:  # parameters the module itself holds next to its children (TabM's heads) come last
        groups.append(LayerGroup(title="head", modules=(), names=left))
    return groups


def _paired(module: nn.Module) -> list[list[nn.Module]]:
    """Lists `layers` and `norms` of one length, side by side (the dense family): tables, then each layer with its norm, then the head."""
    layers, norms = getattr(module, "layers", None), getattr(module, "norms", None)
    if not isinstance(layers, nn.ModuleList) or not isinstance(norms, nn.ModuleList) or not len(layers) == len(norms) > 0:
        return []
    others = [c for c in module.children() if c is not layers and c is not norms]
    before = [c for c in others if isinstance(c, nn.ModuleList)]
    return [*([c] for c in before), *([a, b] for a, b in zip(layers, norms, strict=True)), *([c] for c in others if c not in before)]


def _opened(module: nn.Module) -> Iterator[nn.Module]:
    children = [c for c in module.children() if any(True for _ in c.parameters())]
    if len(children) == 1 and not any(True for _ in module.parameters(recurse=False)):
        yield from _opened(children[0]) if any(True for _ in children[0].children()) else children
        return
    lists = nn.ModuleList if isinstance(module, nn.Sequential) else (nn.ModuleList, nn.Sequential)  # a sequence in a sequence is a block
    for child in children:
        if isinstance(child, lists):
            yield from (c for c in child if any(True for _ in c.parameters()))
        else:
            yield child


def scales(count: int, rule: str | float) -> list[float]:
    """Learning-rate factor per group, first layers first, the head 1: `ulmfit` (/2.6 a group), a number (divisor a group), or
    `geometric` (from 1/100 to 1 in even ratios, fastai's lr_mult=100)."""
    if count < 1:
        return []
    if rule == "geometric":
        return even_multiples(0.01, 1.0, count)
    divisor = ULMFIT if rule == "ulmfit" else float(rule)
    if not divisor >= 1:
        raise UsageError(f"earlier layers cannot learn at 1/{divisor:g} of the rate", "The divisor per group is below 1.", "Give 1 or more, for example 2.6.")
    return [divisor ** -(count - 1 - i) for i in range(count)]


def even_multiples(start: float, stop: float, count: int) -> list[float]:
    """`count` values from start to stop in even ratios (fastai's even_mults); one value is the stop."""
    if count == 1:
        return [stop]
    step = (stop / start) ** (1 / (count - 1))
    return [start * step**i for i in range(count)]


def parameter_groups(module: nn.Module, config: ModelConfig) -> list[dict[str, Any]]:
    """torch parameter groups for `network.options` `layer_lr` (see `scales`) and `freeze` (number of first groups held still).

    Keys: `params`, `weight_decay` (0 for biases and norms, R03), `lr_scale`. Freezing sets `requires_grad` and gives the module a
    `freeze_statistics()` that holds frozen norms in evaluation mode; the training loop calls it after every `train()`.
    """
    options = config.network.options
    groups = split(module)
    frozen = int(options.get("freeze", 0))
    if not 0 <= frozen < max(len(groups), 1):
        raise UsageError(f"cannot freeze {frozen} of {len(groups)} layer groups", "At least the head must train.", f"Give 0 to {len(groups) - 1}.")
    freeze_to(module, groups, frozen, train_norms=bool(options.get("train_bn", False)))
    factors = scales(len(groups), options.get("layer_lr", 1.0))
    return [g for i in range(len(groups)) for g in _torch_groups(module, groups[i], config.train.weight_decay, factors[i])]


def _torch_groups(module: nn.Module, group: LayerGroup, decay: float, scale: float) -> Iterator[dict[str, Any]]:
    from phasewise.engine.optimisers import decays

    named = dict(module.named_parameters())
    live = [(n, named[n]) for n in group.names if named[n].requires_grad]
    for decayed in (True, False):
        params = [p for n, p in live if decays(n, p) == decayed]
        if params:
            yield {"params": params, "weight_decay": decay if decayed else 0.0, "lr_scale": scale}


def freeze_to(module: nn.Module, groups: Sequence[LayerGroup], count: int, *, train_norms: bool = False) -> None:
    """Holds the first `count` groups still: no gradients, and their batch-norm statistics fixed unless `train_norms`."""
    named = dict(module.named_parameters())
    for i, group in enumerate(groups):
        for name in group.names:
            named[name].requires_grad_(i >= count)
    held = [] if train_norms else [m for g in groups[:count] for part in g.modules for m in part.modules() if isinstance(m, NORMS)]

    def freeze_statistics() -> None:
        for norm in held:
            norm.eval()

    module.freeze_statistics = freeze_statistics  # type: ignore[assignment]
    freeze_statistics()


class Unfreezer:
    """Gradual unfreezing (T18, ULMFiT 1801.06146): the head alone first, one more group from the top every `every` epochs.

    `begin(epoch)` holds still what is not free yet, so a training resumed at any epoch stands as one that never stopped. The optimiser
    holds all parameters; those without a gradient it passes over, so new ones start with fresh state and the others keep theirs.
    What was held still before (frozen parts of a pretrained body) stays so.
    """

    def __init__(self, module: nn.Module, every: int) -> None:
        if every < 1:
            raise UsageError(f"cannot free a layer group every {every} epochs", "The number of epochs between two groups is below 1.", "Give 1 or more.")
        self.module, self.every = module, every
        live = {n for n, p in module.named_parameters() if p.requires_grad}
        self.groups = [g for g in split(module) if live.intersection(g.names)]
        self.kept = [p for n, p in module.named_parameters() if n not in live]
        self.own = getattr(module, "freeze_statistics", None)

    def begin(self, epoch: int) -> None:
        """Stage of an epoch from 0: `epoch // every` groups below the head are free."""
        freeze_to(self.module, self.groups, max(0, len(self.groups) - 1 - epoch // self.every))
        fixed = self.module.freeze_statistics

        def freeze_statistics() -> None:
            for function in (fixed, self.own):
                if function is not None:
                    function()

        self.module.freeze_statistics = freeze_statistics  # type: ignore[assignment]
        for p in self.kept:
            p.requires_grad_(False)
        for p in self.module.parameters():
            if not p.requires_grad:
                p.grad = None
