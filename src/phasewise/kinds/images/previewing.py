"""What an augmentation makes of the pictures: a grid to look at, and whether a frozen network still recognises them (R10, R11)."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from phasewise.kinds import folders
from phasewise.kinds.images.fitting import Fitting
from phasewise.kinds.images.showing import thumbnail
from phasewise.records.text import safe_text

SIDE = 5
"""The grid: so many pictures, each as it is and in so many less one versions."""
CELLS = 14
LIMIT = 0.8
"""R11: augmented pictures must be recognised at least so well, measured against the plain ones."""
MOST = 500
DRAWS = 2
WORDS: dict[str, str] = {
    "crop": "shifted by up to {} px", "resized_crop": "windows of {:.0%} to 100 % of the area", "flip": "mirrored left-right, {:.0%} of them",
    "flip_vertical": "turned upside down, {:.0%} of them", "dihedral": "any quarter turn and mirror", "rotate": "rotated by up to {:g} degrees",
    "brightness": "brightness by up to {:.0%}", "contrast": "contrast by up to {:.0%}", "saturation": "saturation by up to {:.0%}",
    "hue": "colours turned by up to {:.0%} of the circle", "blur": "blurred, {:.0%} of them", "erase": "a rectangle erased, {:.0%} of them",
    "mixup": "mixed with another picture (mixup {:g})", "cutmix": "a part of another picture (cutmix {:g})",
}


def said(policy: Mapping[str, Any]) -> list[str]:
    """A policy in words, in the order it is applied."""
    return [WORDS[name].format(policy[name]) for name in WORDS if policy.get(name)]


def grid(dev: Any, policy: Mapping[str, Any], rows: np.ndarray, *, fitting: Any = None, seed: int = 0) -> list[dict[str, Any]]:
    """`SIDE` training pictures, classes in turn: `row`, `label`, and `cells`, thumbnails of the plain picture and of its versions."""
    import torch

    from phasewise.kinds.images.augment.policy import augment

    held, y = dev.pixels(fitting), np.asarray(dev.y)[rows]
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(rows))
    turn = np.empty(len(rows), np.int64)
    for c in np.unique(y):
        mine = shuffled[y[shuffled] == c]
        turn[mine] = np.arange(len(mine))
    chosen = rows[sorted(range(len(rows)), key=lambda i: (turn[i], y[i]))[:SIDE]]
    out = []
    for row in chosen:
        plain = np.array(held[row]).transpose(2, 0, 1)
        many = torch.from_numpy(plain)[None].repeat(SIDE - 1, 1, 1, 1).float() / 255
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed * 100_003 + int(row))
            made = (augment(many, policy, None).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        out.append({"row": int(row), "label": safe_text(str(dev.classes[int(dev.y[row])]), 40), "cells": [thumbnail(p, CELLS) for p in (plain, *made)]})
    return out


def judge(folder: Path) -> tuple[Any, Fitting] | None:
    """The frozen network of a model folder (the first of an ensemble of folds) and how it wants pictures; None where it is no network on pixels."""
    from phasewise.kinds.images.predictor import read_network

    card = folders.read_card(folder)
    if card.get("type") == "ensemble" and card.get("members"):
        folder = folders.member_path(folder, card["members"][0])
        card = folders.read_card(folder)
    if card.get("type") != "network":
        return None
    network = read_network(folder, card)
    return (network, Fitting(**card["fitting"])) if hasattr(network, "through") else None


def strength(network: Any, fitting: Fitting, dev: Any, policy: Mapping[str, Any], rows: np.ndarray, *, seed: int = 0, check: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """How well a frozen network (see `judge`) recognises `rows` (at most 500) augmented, as a share of how well it does plain; each part of the policy alone as well.

    `too_strong` where even the upper end of the 95 % interval of the share is below 0.8 (R11). Empty where the network is no better than
    always saying the commonest class: it cannot judge.
    """
    import torch

    from phasewise.kinds.images.augment.policy import augment

    picked = np.sort(np.random.default_rng(seed).permutation(rows)[:MOST])
    y = np.asarray(dev.y)[picked]
    images = torch.from_numpy(np.array(dev.pixels(fitting)[picked])).permute(0, 3, 1, 2).float() / 255

    def right(chosen: Mapping[str, Any], draws: int) -> np.ndarray:
        """Share of draws in which each picture is recognised."""
        hits = np.zeros(len(y))
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for _ in range(draws):
                check()
                out = torch.cat([network.through((augment(part, chosen, None) - network.mean) / network.std) for part in images.split(128)])
                label = (out[:, 0] > 0).long() if out.shape[1] == 1 else out.argmax(1)
                hits += label.numpy() == y
        return hits / draws

    clean = right({}, 1)
    commonest = np.bincount(y).max() / len(y)
    if clean.mean() - commonest <= 2 * np.sqrt(clean.var() / len(y)):
        return {}
    kept = {k: v for k, v in policy.items() if k not in ("mixup", "cutmix", "preset") and v}
    changed = right(kept, DRAWS)
    share = float(changed.mean() / clean.mean())
    ratios = changed - share * clean
    se = float(ratios.std() / np.sqrt(len(y)) / clean.mean())  # delta method: the ratio of two paired means
    parts = {name: float(right({name: value}, 1).mean() / clean.mean()) for name, value in kept.items()} if len(kept) > 1 else {name: share for name in kept}
    return {
        "rows": len(y), "clean": float(clean.mean()), "augmented": float(changed.mean()), "ratio": share, "low": share - 1.96 * se, "high": share + 1.96 * se,
        "limit": LIMIT, "too_strong": share + 1.96 * se < LIMIT, "parts": parts,
    }


def advice(found: Mapping[str, Any]) -> str:
    """The figure in words, with what to do about it."""
    if not found:
        return "No network trained without augmentation is good enough to judge: look at the grid yourself."
    told = f"A network that saw no augmentation recognises {found['clean']:.1%} of {found['rows']:,} pictures plain and {found['augmented']:.1%} augmented: {found['ratio']:.2f} of it [{found['low']:.2f}, {found['high']:.2f}]"
    if not found["too_strong"]:
        return f"{told}; {found['limit']:g} is the least that is usual."
    worst = min(found["parts"], key=found["parts"].get)
    return f"{told}, below {found['limit']:g}. Most is lost to {worst.replace('_', ' ')} (alone {found['parts'][worst]:.2f}): look whether a person would still name the class, and answer the symmetry questions of the approach anew if not."
