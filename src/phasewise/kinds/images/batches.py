"""Prepared pictures as the engine's tensors, and raw outputs back as predictions (imports torch: worker only)."""

import os
from typing import Any

import numpy as np
import torch

from phasewise.engine.data import Dataset, InputInfo
from phasewise.kinds.images import transfer
from phasewise.kinds.images.development import Development
from phasewise.kinds.images.preparing import Preparing
from phasewise.kinds.shared import outputs as shared
from phasewise.stats.predictions import Predictions

LIMIT = "PHASEWISE_PICTURES_MB"


def dataset(dev: Development, preparing: Preparing, device: str | torch.device = "cpu") -> Dataset:
    """Every development row: `image` uint8 (n, C, H, W), shared by all folds of a process, or `num` (n, d) of frozen features."""
    y = torch.from_numpy(np.asarray(dev.y, np.int64)).to(device)
    classes = len(dev.classes)
    if preparing.features:
        num = torch.from_numpy(preparing.scaled(transfer.of_development(dev, preparing)))
        return Dataset(inputs={"num": num.to(device)}, y=y, task=dev.task, classes=classes, names=tuple(dev.classes))
    held = images(dev, preparing, device)
    inputs = {"image": held}
    if preparing.chance:
        inputs["chance"] = torch.tensor(preparing.chance, dtype=torch.float32)[y.cpu()].to(device)
    away = frozenset({"image"}) if (dev.held.get("streamed") or held.device != y.device) else frozenset()
    return Dataset(inputs=inputs, y=y, task=dev.task, classes=classes, names=tuple(dev.classes), at_home=away)


def images(dev: Development, preparing: Preparing, device: str | torch.device) -> torch.Tensor:
    """uint8 (n, C, H, W), made once: on the device where it fits, else a view of the file that holds the pixels."""
    fitting = preparing.fitting
    key = f"tensor {fitting.mark} {device}"
    if key not in dev.held:
        if dev.rows_of_bytes(fitting) > room(device):
            dev.held[key] = torch.from_numpy(dev.mapped(fitting)).permute(0, 3, 1, 2)
            dev.held["streamed"] = True
            return dev.held[key]
        held = dev.pixels(fitting)
        out = torch.empty((len(held), held.shape[3], *held.shape[1:3]), dtype=torch.uint8)
        for start in range(0, len(held), 512):
            out[start : start + 512] = torch.from_numpy(np.array(held[start : start + 512])).permute(0, 3, 1, 2)
        dev.held[key] = out.to(device)
    return dev.held[key]


def room(device: str | torch.device) -> int:
    """Bytes that pictures may take on a device: half of its memory (of what is free, on a GPU), or as many MiB as `PHASEWISE_PICTURES_MB` says."""
    asked = os.environ.get(LIMIT, "")
    if asked.isdecimal():
        return int(asked) * 2**20
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


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
