"""Networks of timm and torchvision, where they are installed (extra `backbones`): built without weights of theirs and without a network connection.

A checkpoint that fits no network written here is compared with theirs by names and shapes; mean, deviation and side come from the
library's own description of the architecture.
"""

import importlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from phasewise.kinds.images.networks import matching
from phasewise.kinds.images.networks.backbone import IMAGENET_MEAN, IMAGENET_STD, Staged
from phasewise.records.errors import UsageError

SHELVES = ("timm", "torchvision")
EXTRA = "pip install 'phasewise[backbones]' (timm and torchvision; torchvision from the same package index as torch)"


class LibraryBody(Staged):
    """A library's network without its head, and a linear head of its own."""

    def __init__(self, arch: str, version: str, net: nn.Module, width: int, facts: Mapping[str, Any], outputs: int, dropout: float) -> None:
        super().__init__()
        self.net = net
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(width, outputs)
        self.name, self.library = arch, f"{arch.partition('/')[0]} {version}"
        self.mean, self.std, self.side, self.fixed = tuple(facts["mean"]), tuple(facts["std"]), int(facts["side"]), bool(facts["fixed"])
        self.parts = _thirds(net)

    @property
    def arch(self) -> str:
        """Library and name, as `timm/resnet26d`."""
        return self.name

    @property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """Thirds of the modules in their order."""
        return self.parts

    def pooled(self, image: torch.Tensor) -> torch.Tensor:
        """See `Backbone`."""
        return self.net(image)

    def classified(self, features: torch.Tensor) -> torch.Tensor:
        """See `Backbone`."""
        return self.fc(self.dropout(features))


def _thirds(net: nn.Module) -> tuple[tuple[str, ...], ...]:
    units = [f"net.{n}" for n, _ in net.named_parameters(recurse=False)]
    for name, child in net.named_children():
        if not any(True for _ in child.parameters()):
            continue
        opened = [f"{name}.{n}" for n, c in child.named_children() if any(True for _ in c.parameters())] if isinstance(child, (nn.Sequential, nn.ModuleList)) else []
        units += [f"net.{n}" for n in opened or [name]]
    cuts = [round(len(units) * i / 3) for i in range(4)]
    return tuple(tuple(units[a:b]) for a, b in zip(cuts, cuts[1:], strict=False))


def shelf(name: str) -> Any:
    """A library's module, or None where it is not installed; a `UsageError` where it is installed and broken."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is ever fetched
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name == name:
            return None
        raise UsageError(f"{name} is installed but lacks {problem.name}", "", f"Install it whole: {EXTRA}.") from problem
    except (ImportError, OSError, RuntimeError) as problem:
        raise UsageError(f"{name} is installed but does not load", f"{type(problem).__name__}: {str(problem)[:120]}; usually torchvision was built for another torch.", f"Install again: {EXTRA}.") from problem


def versions() -> dict[str, str]:
    """Installed libraries that load, with their versions."""
    found = {n: shelf(n) for n in SHELVES}
    return {n: str(m.__version__) for n, m in found.items() if m is not None}


def make(arch: str, outputs: int, dropout: float, version: str = "") -> LibraryBody:
    """A network by library and name, with the library's own random weights; `version` is the one it was trained with, for what is said where it is missing."""
    name, _, model = arch.partition("/")
    held = shelf(name)
    if held is None:
        raise UsageError(f"this network comes from {version or name}, which is not installed here", f"Its architecture is {model}.", f"{EXTRA}{f'; it was made with {version}' if version else ''}.")
    try:
        net, _ = _built(held, name, model)
        with torch.device("meta"):
            bare, _ = _built(held, name, model)
            facts = _facts(held, name, model, bare)
            width = int(bare.eval()(torch.zeros(1, 3, facts["side"], facts["side"])).shape[1])
    except Exception as problem:
        raise UsageError(f"{name} {held.__version__} cannot build {model}", f"{type(problem).__name__}: {str(problem)[:120]}", f"It was made with {version}." if version else "Name another architecture.") from problem
    return LibraryBody(arch, str(held.__version__), net, width, facts, outputs, dropout)


def _built(held: Any, name: str, model: str) -> tuple[nn.Module, tuple[str, ...]]:
    """A network without its head, and the names of what was its head in a checkpoint."""
    if name == "timm":
        net = held.create_model(model, pretrained=False, num_classes=0)
        heads = net.pretrained_cfg.get("classifier") or ()
        return net, (heads,) if isinstance(heads, str) else tuple(heads)
    net = held.models.get_model(model, weights=None, weights_backbone=None) if "weights_backbone" in model else held.models.get_model(model, weights=None)
    head = [n for n, m in net.named_modules() if isinstance(m, nn.Linear)][-1]
    parent, _, leaf = head.rpartition(".")
    setattr(net.get_submodule(parent), leaf, nn.Identity())
    return net, (head,)


def _facts(held: Any, name: str, model: str, net: nn.Module) -> dict[str, Any]:
    if name == "timm":
        found = net.pretrained_cfg
        return {"mean": found["mean"], "std": found["std"], "side": found["input_size"][-1], "fixed": bool(found.get("fixed_input_size"))}
    weights = held.models.get_model_weights(model)
    ready = weights.DEFAULT.transforms() if len(weights) else None
    return {"mean": getattr(ready, "mean", IMAGENET_MEAN), "std": getattr(ready, "std", IMAGENET_STD), "side": (getattr(ready, "crop_size", None) or [224])[0], "fixed": model.startswith(("vit", "swin", "maxvit"))}


def fits(weights: Mapping[str, Any], arch: str) -> bool:
    """Whether a checkpoint is that of a library's network."""
    name, _, model = arch.partition("/")
    held = shelf(name)
    try:
        with torch.device("meta"):
            net, heads = _built(held, name, model)
    except Exception:  # noqa: BLE001 - a network that cannot be built here is none that fits
        return False
    return matching.compare(weights, matching.shapes(net, heads), heads).whole


def names() -> list[str]:
    """All classifiers of the installed libraries as `library/name`; the larger library first."""
    out: list[str] = []
    for name in versions():
        held = shelf(name)
        listed = held.list_models() if name == "timm" else held.models.list_models(module=held.models)
        out += [f"{name}/{n}" for n in listed if not n.startswith(("inception", "googlenet")) or name == "timm"]
    return out


def hinted(text: str, known: list[str]) -> list[str]:
    """Names that a file's name contains, the longest first."""
    plain = text.lower().replace("-", "_")
    return sorted((n for n in known if n.partition("/")[2] in plain), key=lambda n: -len(n.partition("/")[2]))


def search(weights: Mapping[str, Any], known: list[str]) -> list[str]:
    """Every network that fits. Families whose smallest member shares less than half of the checkpoint's first name parts are passed over."""
    tops = {n.partition(".")[0] for n in weights}
    return [a for family in _families(known) if _related(tops, family[0]) for a in family if fits(weights, a)]


def _families(known: list[str]) -> Iterator[list[str]]:
    timm = shelf("timm")
    listed = set(known)
    for module in timm.list_modules() if timm is not None else ():
        family = [f"timm/{n}" for n in timm.list_models(module=module) if f"timm/{n}" in listed]
        if family:
            yield family
    yield from ([n] for n in known if n.startswith("torchvision/"))


def _related(tops: set[str], arch: str) -> bool:
    if arch.startswith("torchvision/"):
        return True
    try:
        with torch.device("meta"):
            net, _ = _built(shelf("timm"), "timm", arch.partition("/")[2])
    except Exception:  # noqa: BLE001 - looked at one by one instead
        return True
    return 2 * len(tops & {n.partition(".")[0] for n in net.state_dict()}) >= len(tops)
