"""Which augmentations run, in which order, how strong: presets from the symmetry questions (D21, R09, R10, D14)."""

from collections.abc import Mapping
from typing import Any

import torch

from phasewise.kinds.images.augment import colour, geometry

ORDER: tuple[str, ...] = ("crop", "resized_crop", "flip", "flip_vertical", "dihedral", "rotate", "brightness", "contrast", "saturation", "hue", "blur", "erase")

PRESETS: dict[str, dict[str, Any]] = {
    "none": {},
    "side_on": {"flip": 0.5, "rotate": 10.0, "brightness": 0.2, "contrast": 0.2},
    "top_down": {"dihedral": True, "brightness": 0.2, "contrast": 0.2},
}
"""R09, M10: side-on pictures are mirrored left-right only; up-down belongs to top-down pictures."""


def _apply(name: str, value: Any, images: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    match name:
        case "crop":
            return geometry.pad_crop(images, generator, int(value))
        case "resized_crop":
            return geometry.resized_crop(images, generator, scale=(float(value), 1.0))
        case "flip":
            return geometry.flip(images, generator, float(value))
        case "flip_vertical":
            return geometry.flip(images, generator, float(value), vertical=True)
        case "dihedral":
            return geometry.dihedral(images, generator) if value else images
        case "rotate":
            return geometry.affine(images, generator, degrees=float(value))
        case "brightness":
            return colour.brightness(images, generator, float(value))
        case "contrast":
            return colour.contrast(images, generator, float(value))
        case "saturation":
            return colour.saturation(images, generator, float(value))
        case "hue":
            return colour.hue(images, generator, float(value))
        case "blur":
            return colour.blur(images, generator, float(value))
        case "erase":
            return colour.erase(images, generator, float(value))
    raise ValueError(f"unknown augmentation {name!r}; valid: {', '.join(ORDER)}")


def augment(images: torch.Tensor, policy: Mapping[str, Any], generator: torch.Generator | None, chance: torch.Tensor | None = None) -> torch.Tensor:
    """Float images (n, c, h, w) in [0, 1] through a policy; `chance` (n,) is the probability per sample (D14), default 1."""
    unknown = [name for name in policy if name not in ORDER and name not in ("mixup", "cutmix", "preset")]
    if unknown:
        raise ValueError(f"unknown augmentation {unknown[0]!r}; valid: {', '.join(ORDER)}, mixup, cutmix")
    out = images
    for name in ORDER:
        if name in policy and policy[name]:
            out = _apply(name, policy[name], out, generator)
    if chance is not None:
        chosen = torch.rand(len(images), generator=generator, device=images.device) < chance
        out = torch.where(chosen[:, None, None, None], out, images)
    return out
