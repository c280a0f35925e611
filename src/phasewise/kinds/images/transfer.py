"""Frozen features of a pretrained network: computed once where nothing is augmented, kept beside the decoded pixels (N01, T18)."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phasewise.kinds.images.networks import pretrained

BLOCK = 32


def backbone(weights: str, asked: str = "") -> Any:
    """The network of a weights file (of the architecture that was `asked` for) in evaluation mode; `pooled` gives (n, d)."""
    return pretrained.backbone(Path(weights), asked).eval()


@torch.inference_mode()
def features(module: Any, images: np.ndarray) -> np.ndarray:
    """Features float32 (n, d) of pixels uint8 (n, size, size, 3), normalised as the weights expect."""
    mean = torch.tensor(module.mean)[None, :, None, None]
    std = torch.tensor(module.std)[None, :, None, None]
    device = next(module.parameters()).device
    parts = []
    for start in range(0, len(images), BLOCK):
        x = torch.from_numpy(np.array(images[start : start + BLOCK])).permute(0, 3, 1, 2).float() / 255
        parts.append(module.pooled(((x - mean) / std).to(device)).float().cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)


def of_development(dev: Any, preparing: Any) -> np.ndarray:
    """Raw features (n, d) of all development rows, from the store below `.phasewise` or computed now."""
    key = f"features {preparing.fitting.mark}"
    if key not in dev.held:
        mark = hashlib.sha256(Path(dev.weights).read_bytes())
        mark.update(f"{preparing.backbone.arch}{preparing.backbone.mean}{preparing.backbone.std}".encode())
        mark.update("".join(dev.table["sha256"].to_list()).encode() + preparing.fitting.mark.encode())
        path = dev.store / f"features-{mark.hexdigest()[:24]}.npy"
        if not path.is_file():
            part = path.with_suffix(".part.npy")
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(part, features(preparing.backbone, dev.pixels(preparing.fitting)))
            part.replace(path)
        dev.held[key] = np.load(path)
    return dev.held[key]
