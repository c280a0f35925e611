"""Raw network outputs as predictions, the same for every wing."""

from typing import Any

import torch

from phasewise.stats.predictions import Predictions


def predictions(outputs: torch.Tensor, target: Any) -> Predictions:
    """Raw outputs [n, o] (or [n, k, o]: the members' probabilities or values are averaged) as predictions in the target's unit.

    `target` says `task`, `classes`, and for a regression `decode(values)`.
    """
    raw = outputs.detach().to("cpu", torch.float64)
    if raw.dim() == 1:
        raw = raw.unsqueeze(1)
    if target.task == "regression":
        values = raw.mean(dim=1) if raw.dim() == 3 else raw
        return Predictions(task="regression", values=target.decode(values[:, 0].numpy()))
    proba = probabilities(raw, target.task)
    return Predictions(task=target.task, classes=tuple(target.classes), proba=(proba.mean(dim=1) if proba.dim() == 3 else proba).numpy())


def probabilities(raw: torch.Tensor, task: str) -> torch.Tensor:
    """Logits [..., o] as probabilities [..., classes]; one output of a binary task is the positive class's logit."""
    if task == "binary" and raw.shape[-1] == 1:
        positive = torch.sigmoid(raw)
        return torch.cat([1 - positive, positive], dim=-1)
    return torch.softmax(raw, dim=-1)
