"""Predicting on changed copies of a picture and averaging (X08); never on by default.

Forms: `mean` of 4 augmented copies; `with_plain` = plain + 4 copies, mean of 5 (fastai 0.7); `lerp` = mean of copies pulled
25 % towards plain (fastai 2). All average probabilities.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from phasewise.kinds import folders
from phasewise.kinds.shared.outputs import probabilities
from phasewise.stats.predictions import Predictions

FORMS = ("mean", "with_plain", "lerp")


def combine(plain: Tensor, copies: Tensor, form: str, beta: float = 0.25) -> Tensor:
    """Probabilities (n, classes) from the plain prediction (n, classes) and the copies' (k, n, classes)."""
    if form == "mean":
        return copies.mean(0)
    if form == "with_plain":
        return torch.cat([plain[None], copies]).mean(0)
    if form == "lerp":
        return torch.lerp(copies.mean(0), plain, beta)
    raise ValueError(f"unknown TTA form {form!r}; valid: {', '.join(FORMS)}")


def variant(source: Path, target: Path, form: str, *, name: str, copies: int = 4, seed: int = 0) -> bool:
    """A copy of a network's folder (or of an ensemble of fold networks) that predicts with TTA; False where it cannot (no pixels, no augmentation)."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    return _mark(target, {"form": form, "copies": copies, "seed": seed}, name)


def _mark(folder: Path, ways: dict[str, Any], name: str) -> bool:
    card = folders.read_card(folder)
    if card.get("type") == "ensemble":
        done = [_mark(folders.member_path(folder, e), ways, name) for e in card["members"]]
        folders.write_card(folder, {**card, "name": name})
        return bool(done) and all(done)
    policy = ((card.get("config") or {}).get("network", {}).get("options") or {}).get("augment") or {}
    kept = {k: v for k, v in policy.items() if k not in ("mixup", "cutmix", "erase")}
    if card.get("type") != "network" or not kept:
        return False
    folders.write_card(folder, {**card, "name": name, "tta": {**ways, "policy": kept}})
    return True


@torch.no_grad()
def predict(model: torch.nn.Module, images: Tensor, probabilities: Callable[[Tensor], Tensor], *, copies: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Plain probabilities (n, classes) and those of `copies` augmented versions (copies, n, classes), in evaluation mode."""
    model.eval()
    with torch.random.fork_rng(devices=[images.device] if images.is_cuda else []):
        torch.manual_seed(seed)
        plain = probabilities(model.through(model.pixels(images)))
        changed = [probabilities(model.through((model.changed(images) - model.mean) / model.std)) for _ in range(copies)]
    return plain, torch.stack(changed)


def predictions(model: torch.nn.Module, images: Tensor, target: Any, ways: Mapping[str, Any]) -> Predictions:
    """Predictions of uint8 pictures (n, C, H, W) with TTA as a card describes it: `form`, `copies`, `policy`, `seed`."""
    held = model.augment
    model.augment = dict(ways.get("policy") or held)
    try:
        plain, copies = predict(model, images, lambda raw: probabilities(raw.double(), target.task), copies=int(ways.get("copies", 4)), seed=int(ways.get("seed", 0)))
    finally:
        model.augment = held
    mixed = combine(plain, copies, str(ways.get("form", "with_plain")))
    return Predictions(task=target.task, classes=tuple(target.classes), proba=mixed.cpu().numpy())
