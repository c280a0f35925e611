"""Prepared pictures as the engine's tensors, and raw outputs back as predictions (imports torch: worker only)."""

from typing import Any

import numpy as np
import torch

from phasewise.engine.data import Dataset, InputInfo
from phasewise.kinds.images import transfer
from phasewise.kinds.images.development import Development
from phasewise.kinds.images.preparing import Preparing
from phasewise.kinds.shared import outputs as shared
from phasewise.stats.predictions import Predictions


def dataset(dev: Development, preparing: Preparing, device: str | torch.device = "cpu") -> Dataset:
    """Every development row: `image` uint8 (n, C, H, W), shared by all folds of a process, or `num` (n, d) of frozen features."""
    y = torch.from_numpy(np.asarray(dev.y, np.int64)).to(device)
    classes = len(dev.classes)
    if preparing.features:
        num = torch.from_numpy(preparing.scaled(transfer.of_development(dev, preparing)))
        return Dataset(inputs={"num": num.to(device)}, y=y, task=dev.task, classes=classes)
    inputs = {"image": images(dev, preparing, device)}
    if preparing.chance:
        inputs["chance"] = torch.tensor(preparing.chance, dtype=torch.float32)[y.cpu()].to(device)
    return Dataset(inputs=inputs, y=y, task=dev.task, classes=classes)


def images(dev: Development, preparing: Preparing, device: str | torch.device) -> torch.Tensor:
    """uint8 (n, C, H, W) on the device, made once."""
    key = f"tensor {preparing.fitting.mark} {device}"
    if key not in dev.held:
        held = dev.pixels(preparing.fitting)
        out = torch.empty((len(held), held.shape[3], *held.shape[1:3]), dtype=torch.uint8)
        for start in range(0, len(held), 512):
            out[start : start + 512] = torch.from_numpy(np.array(held[start : start + 512])).permute(0, 3, 1, 2)
        dev.held[key] = out.to(device)
    return dev.held[key]


def tensors(arrays: dict[str, np.ndarray], device: str | torch.device = "cpu") -> dict[str, torch.Tensor]:
    """Prepared arrays as tensors."""
    return {name: torch.from_numpy(np.ascontiguousarray(a)).to(device) for name, a in arrays.items()}


def info(preparing: Preparing, data: Dataset, rows: Any) -> InputInfo:
    """Sizes for `networks.build`; `mean` and `std` are those of the training rows that `preparing` was fitted on (D07)."""
    if preparing.features:
        return InputInfo(numbers=len(preparing.mean), outputs=preparing.outputs)
    return input_info(preparing)


def input_info(preparing: Preparing) -> InputInfo:
    """The same from a preparation alone."""
    fitting = preparing.fitting
    stats = {"mean": torch.tensor(preparing.mean, dtype=torch.float32), "std": torch.tensor(preparing.std, dtype=torch.float32)}
    return InputInfo(outputs=preparing.outputs, image=(fitting.channels, fitting.size, fitting.size), stats=stats)


def predictions(outputs: torch.Tensor, preparing: Preparing) -> Predictions:
    """Raw outputs [n, o] as class probabilities."""
    return shared.predictions(outputs, preparing.target)
